"""A FHIR Address as an address with a point on the map.

The point is the sender's (HL7's extension geolocation), else our row's while the address is the same, else
the geocoder's. Nothing is guessed: a geocoder's answer counts only if it names the same postal code or town.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from careapp.organisations.commands import Address
from careapp.organisations.models import Municipality, Place
from careapp.organisations.region import OutsideRegion, require_in_region
from careapp.roads.places import FoundPlace, PlacedBy, label_of
from fhir.asking import Asking
from fhir.mapping import codes
from fhir.mapping.elements import Json
from fhir.writers.parts import extensions, value_of

GEOLOCATION = "http://hl7.org/fhir/StructureDefinition/geolocation"
NOT_LIVED_IN = frozenset({"old", "temp", "billing"})
GERMANY = frozenset({"", "de", "deu", "germany", "deutschland"})
ANSWERS = 5

_LAST_NUMBER = re.compile(r"(?P<street>.*\D)\s+(?P<number>\d+\s?[a-zA-Z]?(?:\s?[-/]\s?\d+\s?[a-zA-Z]?)?)")
_NOWHERE = 0.0


def home_of(addresses: Sequence[Json]) -> Json | None:
    """Return the address at which somebody lives: `home` first, never an old one or a post-box."""
    lived_in = [
        each
        for each in addresses
        if each.get("use") not in NOT_LIVED_IN and each.get("type") != "postal" and _names_town(each)
    ]
    return min(lived_in, key=lambda each: each.get("use") != "home", default=None)


def _names_town(address: Json) -> bool:
    return bool(address.get("city") or address.get("postalCode") or next(_points(address), None))


def read_address(
    session: Session, written: Json, *, place: Place | None = None, asking: Asking
) -> Address | None:
    """Return an address with its point.

    Args:
        session: An open transaction.
        written: The FHIR Address.
        place: What our row holds by now; its point stays while the address is the same.
        asking: Its geocoder is asked where nobody says the point.

    Returns:
        None if nobody knows the point, or if it is far away from the region: no nurse can come there.

    Raises:
        GeocoderUnavailable: The geocoder's server does not answer.
    """
    found = _located(session, written, place, asking)
    if found is None:
        return None
    try:
        require_in_region(session, latitude=found.latitude, longitude=found.longitude)
    except OutsideRegion:
        return None
    return found


def is_same(address: Address, place: Place) -> bool:
    """Tell whether a place's row holds this address and point."""
    return _words(address) == _words(place) and (address.latitude, address.longitude) == (
        place.latitude,
        place.longitude,
    )


def _located(session: Session, written: Json, place: Place | None, asking: Asking) -> Address | None:
    address = _read(session, written)
    point = next(_points(written), None)
    if point is not None:
        if place is not None and point == (place.latitude, place.longitude):
            return replace(
                address,
                latitude=point[0],
                longitude=point[1],
                precision=place.precision,
                placed_by=place.placed_by,
            )
        return replace(address, latitude=point[0], longitude=point[1], placed_by=PlacedBy.PERSON)
    if place is not None and _words(address) == _words(place):
        return replace(
            address,
            latitude=place.latitude,
            longitude=place.longitude,
            municipality_ags=address.municipality_ags or place.municipality_ags,
            precision=place.precision,
            placed_by=place.placed_by,
        )
    if str(written.get("country", "")).strip().lower() not in GERMANY:
        return None
    found = _asked(address, asking)
    if found is None:
        return None
    return replace(
        address,
        latitude=found.place.latitude,
        longitude=found.place.longitude,
        precision=found.precision,
        placed_by=found.source,
    )


def _asked(address: Address, asking: Asking) -> FoundPlace | None:
    query = label_of(
        street=address.street,
        house_number=address.house_number,
        postal_code=address.postal_code,
        city=address.city,
        district=address.district,
    )
    towns = {_folded(address.city), _folded(address.district)} - {""}
    for answer in asking.geocoder.search(query, limit=ANSWERS) if query else ():
        if address.postal_code and answer.postal_code:
            if address.postal_code == answer.postal_code:
                return answer
        elif towns & {_folded(answer.city), _folded(answer.district)}:
            return answer
    return None


def _read(session: Session, written: Json) -> Address:
    parts: dict[str, str] = {}
    for beside in written.get("_line") or ():
        for extension in (beside or {}).get("extension", ()):
            name = str(extension.get("url", "")).removeprefix(codes.ADXP)
            parts.setdefault(name, str(extension.get("valueString", "")))
    lines = [line for line in written.get("line") or () if isinstance(line, str)]
    street, number = parts.get("streetName"), parts.get("houseNumber")
    if street is None and number is None and lines:
        match = _LAST_NUMBER.fullmatch(lines[0].strip())
        street, number = (match["street"].strip(" ,"), match["number"]) if match else (lines[0].strip(), None)
    city = written.get("city")
    ags = value_of(written.get("_city") or {}, codes.AGS_EXTENSION)
    key = ags.get("code") if isinstance(ags, dict) else None
    return Address(
        latitude=_NOWHERE,
        longitude=_NOWHERE,
        street=street or None,
        house_number=number or None,
        postal_code=written.get("postalCode"),
        city=city,
        district=value_of(written, f"{codes.ADXP}precinct"),
        municipality_ags=key if key and session.get(Municipality, key) is not None else None,
    )


def _points(written: Json) -> Iterator[tuple[float, float]]:
    for extension in extensions(written, GEOLOCATION):
        latitude, longitude = value_of(extension, "latitude"), value_of(extension, "longitude")
        if latitude is not None and longitude is not None:
            yield float(latitude), float(longitude)


def _words(address: Address | Place) -> tuple[str, ...]:
    return tuple(
        _folded(each)
        for each in (
            address.street,
            address.house_number,
            address.postal_code,
            address.city,
            address.district,
        )
    )


def _folded(text: str | None) -> str:
    return (text or "").strip().casefold()
