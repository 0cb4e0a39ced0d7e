"""Rules between elements that no model of single elements can know, one function each.

Names are FHIR's own (`app-3`) or those of the profiles that documents claim.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from fhir.mapping import codes
from fhir.mapping.elements import Json

KVNR = re.compile(r"[A-Z][0-9]{9}")
WITHOUT_TIME = {"proposed", "cancelled", "waitlist"}
MAY_HAVE_REASON = {"cancelled", "noshow"}


def problems(document: Json) -> Iterator[str]:
    """Yield a sentence for each rule that a document breaks."""
    yield from _periods(document, document["resourceType"])
    for rule in INVARIANTS.get(document["resourceType"], ()):
        yield from rule(document)


def _periods(element: object, path: str) -> Iterator[str]:
    """per-1: a Period, or whatever has a start and an end, does not end before it starts."""
    if isinstance(element, Mapping):
        start, end = element.get("start"), element.get("end")
        if isinstance(start, str) and isinstance(end, str) and _moment(start) > _moment(end):
            yield f"per-1: {path} ends before it starts"
        for name, part in element.items():
            yield from _periods(part, f"{path}.{name}")
    elif isinstance(element, list):
        for part in element:
            yield from _periods(part, path)


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _appointment(document: Json) -> Iterator[str]:
    has_start, has_end = "start" in document, "end" in document
    if any("type" not in each and "actor" not in each for each in document["participant"]):
        yield "app-1: a participant has neither type nor actor"
    if has_start != has_end:
        yield "app-2: start and end are given both or not at all"
    if not (has_start and has_end) and document["status"] not in WITHOUT_TIME:
        yield "app-3: only a proposed or cancelled appointment may lack start and end"
    if "cancelationReason" in document and document["status"] not in MAY_HAVE_REASON:
        yield "app-4: only a cancelled or missed appointment has a reason"


def _isik_appointment(document: Json) -> Iterator[str]:
    if codes.ISIK_APPOINTMENT not in document["meta"].get("profile", ()):
        return
    actors = [each.get("actor", {}) for each in document["participant"]]
    if not ("start" in document and "end" in document):
        yield "ISiKTermin: start and end are missing"
    if not all("display" in actor for actor in actors):
        yield "ISiKTermin: a participant has no display"
    if not any(actor.get("reference", "").startswith("Patient/") for actor in actors):
        yield "ISiKTermin: no participant is a patient"
    yield from _specialty("ISiKTermin", document)


def _isik_schedule(document: Json) -> Iterator[str]:
    if codes.ISIK_SCHEDULE not in document["meta"].get("profile", ()):
        return
    if not document.get("actor") or not all("display" in actor for actor in document["actor"]):
        yield "ISiKKalender: an actor has no display"
    yield from _specialty("ISiKKalender", document)


def _isik_healthcare_service(document: Json) -> Iterator[str]:
    if codes.ISIK_HEALTHCARE_SERVICE in document["meta"].get("profile", ()):
        yield from _specialty("ISiKMedizinischeBehandlungseinheit", document)


def _specialty(profile: str, document: Json) -> Iterator[str]:
    systems = [coding.get("system") for each in document.get("specialty", ()) for coding in each["coding"]]
    if systems.count(codes.SPECIALTY) != 1:
        yield f"{profile}: exactly one specialty is a Fachrichtung"
    if not document.get("serviceType", document.get("type")):
        yield f"{profile}: the type of service is missing"


def _patient(document: Json) -> Iterator[str]:
    for identifier in document.get("identifier", ()):
        if identifier["system"] == codes.KVNR and not KVNR.fullmatch(identifier["value"]):
            yield "identifier-kvid-10: the insurance number is not a capital letter and nine digits"


def _list(document: Json) -> Iterator[str]:
    if "emptyReason" in document and "entry" in document:
        yield "lst-1: a list with entries has no reason for being empty"


def _timing(document: Json) -> Iterator[str]:
    repeat = document.get("occurrenceTiming", {}).get("repeat", {})
    if ("duration" in repeat) != ("durationUnit" in repeat):
        yield "tim-1: a duration has a unit"
    if ("period" in repeat) != ("periodUnit" in repeat):
        yield "tim-2: a period has a unit"
    if repeat.get("period", 0) < 0 or repeat.get("duration", 0) < 0:
        yield "tim-4, tim-5: a duration or period is negative"
    if "timeOfDay" in repeat and "when" in repeat:
        yield "tim-10: there is a time of day or an event, not both"


INVARIANTS: Mapping[str, tuple[Callable[[Json], Iterator[str]], ...]] = {
    "Appointment": (_appointment, _isik_appointment),
    "HealthcareService": (_isik_healthcare_service,),
    "List": (_list,),
    "Patient": (_patient,),
    "Schedule": (_isik_schedule,),
    "ServiceRequest": (_timing,),
}
