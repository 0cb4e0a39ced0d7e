"""Documents that nothing is wrong with, to break one thing in each test."""

from typing import Any

from fhir.issues import Issue
from fhir.mapping import codes
from fhir.validation.check import problems

Json = dict[str, Any]

PATIENT = {"actor": {"reference": "Patient/1", "display": "A"}, "status": "accepted"}


def without(document: Json) -> Json:
    """Leave out what is None."""
    return {name: value for name, value in document.items() if value is not None}


def an_appointment(**changes: Any) -> Json:
    return without(
        {
            "resourceType": "Appointment",
            "id": "1",
            "status": "booked",
            "start": "2026-03-03T06:00:00Z",
            "end": "2026-03-03T06:30:00Z",
            "participant": [PATIENT],
            **changes,
        }
    )


def an_isik_appointment(**changes: Any) -> Json:
    return an_appointment(
        **{
            "meta": {"profile": [codes.ISIK_APPOINTMENT]},
            "specialty": [{"coding": [{"system": codes.SPECIALTY, "code": "ALLG"}]}],
            "serviceType": [{"text": "Video"}],
            **changes,
        }
    )


def a_patient_document(**changes: Any) -> Json:
    return without({"resourceType": "Patient", "id": "1", "name": [{"family": "Muster"}], **changes})


def a_request(**repeat: Any) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "id": "1",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/1"},
        "occurrenceTiming": {"repeat": repeat},
    }


def told(document: Json) -> list[tuple[str | None, str]]:
    """Place and code of each issue."""
    return [(each.expression, each.code) for each in problems(document)]


def only(document: Json) -> Issue:
    """The one issue that a document has."""
    [found] = problems(document)
    return found
