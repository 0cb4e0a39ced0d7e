"""Pieces that many resources share. Each returns plain JSON values in FHIR's order of elements."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from careapp.organisations.models import Place
from fhir.mapping import codes

Json = dict[str, Any]


def without_none(elements: Mapping[str, Any]) -> Json:
    """Leave out what is not known; FHIR has neither null nor empty lists."""
    return {name: value for name, value in elements.items() if value is not None and value != []}


def meta(*profiles: str, is_synthetic: bool) -> Json:
    """Say which profiles hold, and whether the data are invented; version and time are the projector's."""
    tag = {"system": codes.ACT_REASON, "code": codes.TEST_DATA, "display": "test health data"}
    return without_none({"profile": list(profiles), "tag": [tag] if is_synthetic else None})


def reference(kind: str, key: UUID, display: str | None = None) -> Json:
    """Point to another resource on this server."""
    return without_none({"reference": f"{kind}/{key}", "display": display})


def concept(system: str, code: str, *, display: str | None = None, text: str | None = None) -> Json:
    """Make a CodeableConcept of one coding."""
    return without_none(
        {"coding": [without_none({"system": system, "code": code, "display": display})], "text": text}
    )


def extension(name: str, **value: Any) -> Json:
    """Make one of our own extensions: `extension("tour-date", valueDate="2026-03-03")`."""
    return {"url": codes.EXTENSION + name, **value}


def instant(moment: datetime) -> str:
    """Write a moment in UTC, with as many digits as it has."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def period(first: date | datetime | None, last: date | datetime | None) -> Json:
    """Make a Period of days (both included) or moments."""
    return without_none({"start": _written(first), "end": _written(last)})


def _written(when: date | datetime | None) -> str | None:
    if isinstance(when, datetime):
        return instant(when)
    return when.isoformat() if when else None


def full_name(given: str, family: str, title: str | None = None) -> str:
    """Write a name for people to read."""
    return " ".join(part for part in (title, given, family) if part)


def human_name(given: str, family: str, title: str | None = None) -> Json:
    """Make an official HumanName; a title is marked as an academic one, as the German base profile asks."""
    qualifier = {"extension": [{"url": codes.NAME_QUALIFIER, "valueCode": "AC"}]}
    return without_none(
        {
            "use": "official",
            "family": family,
            "given": given.split(),
            "prefix": [title] if title else None,
            "_prefix": [qualifier] if title else None,
        }
    )


def phone(number: str | None) -> list[Json]:
    """Make the telecom element."""
    return [{"system": "phone", "value": number}] if number else []


def address(place: Place, *, use: str | None = None) -> Json | None:
    """Make an Address after http://fhir.de/StructureDefinition/address-de-basis; None if the city is unknown.

    Street and number stand in one line, and once more apart in its extensions; the village (Ortsteil) is the
    precinct, the official key (AGS) stands at the city.
    """
    if place.city is None:
        return None
    parts = [
        {"url": codes.ADXP + name, "valueString": value}
        for name, value in (("streetName", place.street), ("houseNumber", place.house_number))
        if value
    ]
    line = " ".join(part["valueString"] for part in parts)
    key = place.municipality_ags
    return without_none(
        {
            "extension": [{"url": codes.ADXP + "precinct", "valueString": place.district}]
            if place.district
            else None,
            "use": use,
            "type": "both",
            "line": [line] if line else None,
            "_line": [{"extension": parts}] if line else None,
            "city": place.city,
            "_city": {
                "extension": [{"url": codes.AGS_EXTENSION, "valueCoding": {"system": codes.AGS, "code": key}}]
            }
            if key
            else None,
            "postalCode": place.postal_code,
            "country": "DE",
        }
    )


def addresses(places: Iterable[Place], *, use: str | None = None) -> list[Json]:
    """Make an Address of each place that has one."""
    return [found for place in places if (found := address(place, use=use)) is not None]


def place_name(place: Place) -> str:
    """Name a place for people: its own name, else its address, else its position."""
    if place.name:
        return place.name
    street = " ".join(part for part in (place.street, place.house_number) if part)
    return ", ".join(part for part in (street, place.city) if part) or (
        f"{place.latitude:.4f}, {place.longitude:.4f}"
    )
