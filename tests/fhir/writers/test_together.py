"""Resources of many kinds that refer to each other and come in one transaction."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from api.errors import refusal
from careapp.consultations.booking import Wish, book_slots
from careapp.orders.models import CareOrder
from careapp.organisations.models import OrganisationKind
from fhir.interactions import bundle
from fhir.mapping import codes
from tests.careapp.worlds import EVERYONE, an_organisation
from tests.fhir.writers.test_patient import PATIENT
from tests.fhir.writers.test_staff import PRACTITIONER


def urn(number: int) -> str:
    return f"urn:uuid:00000000-0000-4000-8000-{number:012d}"


def to(number: int) -> dict[str, str]:
    return {"reference": urn(number)}


@pytest.fixture
def practice(sessions):
    with sessions.begin() as session:
        found = an_organisation(session, kind=OrganisationKind.PRACTICE)
        found.is_synthetic = False
        return found


def a_practice() -> list[dict[str, Any]]:
    """Return what refers to others before these, so that order alone does not help."""
    specialty = [{"coding": [{"system": codes.SPECIALTY, "code": "ALLG"}]}]
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d", "timeOfDay": ["08:00:00"]}
    return [
        {
            "resourceType": "Slot",
            "schedule": to(2),
            "status": "free",
            "start": "2026-03-03T09:00:00+01:00",
            "end": "2026-03-03T09:20:00+01:00",
        },
        {"resourceType": "Schedule", "actor": [to(3)], "specialty": specialty},
        {
            "resourceType": "PractitionerRole",
            "practitioner": to(4),
            "location": [to(5)],
            "specialty": specialty,
        },
        PRACTITIONER,
        {"resourceType": "Location", "name": "Praxis", "position": {"longitude": 7.85, "latitude": 51.03}},
        {
            "resourceType": "ServiceRequest",
            "status": "active",
            "intent": "order",
            "code": {"text": "Insulin"},
            "subject": to(8),
            "requester": to(4),
            "basedOn": [to(7)],
            "occurrenceTiming": {"repeat": repeat},
        },
        {"resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": to(8)},
        {
            **PATIENT,
            "generalPractitioner": [to(4)],
            "address": [
                {
                    "use": "home",
                    "city": "Olpe",
                    "extension": [
                        {
                            "url": "http://hl7.org/fhir/StructureDefinition/geolocation",
                            "extension": [
                                {"url": "latitude", "valueDecimal": 51.03},
                                {"url": "longitude", "valueDecimal": 7.85},
                            ],
                        }
                    ],
                }
            ],
        },
    ]


class TestATransaction:
    def test_brings_a_practice_with_its_patient(self, sender, practice, sessions, now):
        entries = [
            {
                "fullUrl": urn(number),
                "resource": resource,
                "request": {"method": "POST", "url": resource["resourceType"]},
            }
            for number, resource in enumerate(a_practice(), start=1)
        ]
        sent = {"resourceType": "Bundle", "type": "transaction", "entry": entries}

        with sessions.begin() as session:
            answer = orjson.loads(bundle.process(session, sent, sender.asking, refuse=refusal))

        made = {}
        for entry in answer["entry"]:
            assert entry["response"]["status"].startswith("201")
            kind, key = entry["response"]["location"].split("/")[-4:-2]
            made[kind] = UUID(key)
        slot = sender.read("Slot", made["Slot"])
        assert slot["schedule"] == {"reference": f"Schedule/{made['Schedule']}"}
        patient = sender.read("Patient", made["Patient"])
        assert patient["generalPractitioner"] == [{"reference": f"Practitioner/{made['Practitioner']}"}]
        request = sender.read("ServiceRequest", made["ServiceRequest"])
        assert request["requester"] == patient["generalPractitioner"][0]
        with sessions.begin() as session:
            assert session.get_one(CareOrder, made["ServiceRequest"]).care_plan_id == made["CarePlan"]
            book_slots(
                session,
                wish=Wish([made["Slot"]]),
                patient_id=made["Patient"],
                viewer=EVERYONE,
                now=now,
            )
        assert sender.read("Slot", made["Slot"])["status"] == "busy"
