"""Rules between elements: FHIR's own, those of the German base profiles, those of ISiK."""

from typing import Any

import pytest

from fhir.mapping import codes
from fhir.validation.check import problems
from fhir.validation.rules import PROFILES, RULES, german
from fhir.validation.types import is_resource_kind
from tests.fhir.validation.documents import (
    PATIENT,
    a_patient_document,
    a_request,
    an_appointment,
    an_isik_appointment,
    told,
    without,
)

Json = dict[str, Any]
OWN_NAME = "http://hl7.org/fhir/StructureDefinition/humanname-own-name"
ISIK = "https://gematik.de/fhir/isik/StructureDefinition/"


def of(kind: str, **elements: Any) -> Json:
    return {"resourceType": kind, "id": "1", **elements}


def first(document: Json) -> tuple[str | None, str] | None:
    """Place and first word of the only issue; None if there is none."""
    found = problems(document)
    assert len(found) <= 1, found
    return (found[0].expression, found[0].sentence.partition(":")[0]) if found else None


class TestAppointment:
    @pytest.mark.parametrize(
        ("changes", "place", "rule"),
        [
            ({"participant": [{"status": "accepted"}]}, "Appointment.participant[0]", "app-1"),
            ({"end": None}, "Appointment.end", "app-2"),
            ({"start": None, "end": None}, "Appointment", "app-3"),
            ({"cancelationReason": {"text": "x"}}, "Appointment.cancelationReason", "app-4"),
            ({"end": "2026-03-03T05:30:00Z"}, "Appointment.end", "per-1"),
            ({"end": "2026-03-03T07:29:00+01:30"}, "Appointment.end", "per-1"),
        ],
    )
    def test_breaks_one_rule(self, changes, place, rule):
        found = [
            (each.expression, each.sentence.partition(":")[0]) for each in problems(an_appointment(**changes))
        ]

        assert (place, rule) in found

    @pytest.mark.parametrize(
        "changes",
        [
            {"start": None, "end": None, "status": "proposed"},
            {"start": None, "end": None, "status": "waitlist"},
            {"cancelationReason": {"text": "x"}, "status": "cancelled"},
            {"cancelationReason": {"text": "x"}, "status": "noshow"},
            {"end": "2026-03-03T06:00:00Z"},
        ],
    )
    def test_keeps_them_all(self, changes):
        assert problems(an_appointment(**changes)) == []


class TestTypes:
    @pytest.mark.parametrize(
        ("start", "end", "is_right"),
        [
            ("2026-03-04", "2026-03-04", True),
            ("2026-03-04", "2026-03-03", False),
            ("2026-03-31", "2026-03", True),
            ("2026-04-01", "2026-03", False),
            ("2026-12-31", "2026", True),
            ("2026", "2025", False),
            # The third may end at 14:00 UTC of the fourth, or at 10:00 of itself.
            ("2026-03-04T10:00:00Z", "2026-03-03", True),
            ("2026-03-04T15:00:00Z", "2026-03-03", False),
            ("2026-03-03T06:00:00Z", "2026-03-03T05:59:59Z", False),
            ("2026-03-03", "2026-03-03T00:00:00Z", True),
        ],
    )
    def test_period_does_not_end_before_it_starts(self, start, end, is_right):
        found = first(an_appointment(requestedPeriod=[{"start": start, "end": end}]))

        assert found == (None if is_right else ("Appointment.requestedPeriod[0].end", "per-1"))

    @pytest.mark.parametrize(
        ("changes", "found"),
        [
            ({"telecom": [{"value": "1"}]}, ("Patient.telecom[0].system", "cpt-2")),
            ({"photo": [{"data": "YQ=="}]}, ("Patient.photo[0].contentType", "att-1")),
            ({"photo": [{"data": "YQ==", "contentType": "image/png"}]}, None),
            ({"contact": [{"gender": "male"}]}, ("Patient.contact[0]", "pat-1")),
            ({"contact": [{"name": {"text": "x"}}]}, None),
            ({"extension": [{"url": "a"}]}, ("Patient.extension[0]", "ext-1")),
            ({"extension": [{"url": "a", "valueCode": "b", "extension": [{"url": "a", "valueCode": "b"}]}]},
             ("Patient.extension[0]", "ext-1")),
            ({"extension": [{"url": "a", "valueQuantity": {"code": "m"}}]},
             ("Patient.extension[0].value.system", "qty-3")),
            ({"extension": [{"url": "a", "valueRange": {"low": {"value": 2}, "high": {"value": 1}}}]},
             ("Patient.extension[0].value.low", "rng-2")),
            ({"extension": [{"url": "a", "valueRatio": {"numerator": {"value": 2}}}]},
             ("Patient.extension[0].value", "rat-1")),
            ({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/timezone",
                             "valueCode": "Europe/Berlin"}]}, None),
            ({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/timezone",
                             "valueCode": "Sauerland"}]},
             ("Patient.extension[0].value", "is no time zone, such as Europe/Berlin")),
        ],
    )  # fmt: skip
    def test_have_rules_of_their_own(self, changes, found):
        assert first(a_patient_document(**changes)) == found

    @pytest.mark.parametrize(
        ("repeat", "name", "rule"),
        [
            ({"duration": 1}, "durationUnit", "tim-1"),
            ({"period": 1}, "periodUnit", "tim-2"),
            ({"duration": -1, "durationUnit": "h"}, "duration", "tim-4"),
            ({"period": -1, "periodUnit": "d"}, "period", "tim-5"),
            ({"periodMax": 1}, "period", "tim-6"),
            ({"durationMax": 1}, "duration", "tim-7"),
            ({"countMax": 1}, "count", "tim-8"),
            ({"offset": 5}, "when", "tim-9"),
            ({"offset": 5, "when": ["C"]}, "offset", "tim-9"),
            ({"timeOfDay": ["08:00:00"], "when": ["MORN"]}, "when", "tim-10"),
        ],
    )
    def test_timing_makes_sense(self, repeat, name, rule):
        assert first(a_request(**repeat)) == (f"ServiceRequest.occurrence.repeat.{name}", rule)

    def test_timing_takes_only_codes_of_its_units(self):
        [found] = problems(a_request(period=1, periodUnit="fortnight"))

        assert found.code == "code-invalid"

    def test_that_have_rules_are_types(self):
        kinds = {kind for kind, _ in PROFILES} | {each for each in RULES if is_resource_kind(each)}

        assert kinds > {"Appointment", "Patient", "Slot"}


class TestKinds:
    @pytest.mark.parametrize(
        ("document", "found"),
        [
            (of("Organization"), ("Organization", "org-1")),
            (of("Organization", name="x", address=[{"use": "home", "city": "x"}]),
             ("Organization.address[0].use", "org-2")),
            (of("Organization", name="x", telecom=[{"use": "home", "system": "phone", "value": "1"}]),
             ("Organization.telecom[0].use", "org-3")),
            (of("List", status="current", mode="working", entry=[{"item": {"display": "x"}}],
                emptyReason={"text": "x"}), ("List.emptyReason", "lst-1")),
            (of("List", status="current", mode="working",
                entry=[{"item": {"display": "x"}, "deleted": True}]),
             ("List.entry[0].deleted", "lst-2")),
            (of("List", status="current", mode="snapshot",
                entry=[{"item": {"display": "x"}, "date": "2026"}]),
             ("List.entry[0].date", "lst-3")),
            (of("CarePlan", status="active", intent="plan", subject={"display": "x"},
                activity=[{"detail": {"status": "scheduled"}, "reference": {"display": "x"}}]),
             ("CarePlan.activity[0]", "cpl-3")),
            (of("CareTeam", participant=[
                {"member": {"reference": "Patient/1"}, "onBehalfOf": {"display": "x"}}]),
             ("CareTeam.participant[0].onBehalfOf", "ctm-1")),
            (of("Task", status="draft", intent="order", authoredOn="2026-03-03T06:00:00Z",
                lastModified="2026-03-03T05:00:00Z"), ("Task.lastModified", "inv-1")),
            (of("AppointmentResponse", appointment={"display": "x"}, participantStatus="accepted"),
             ("AppointmentResponse", "apr-1")),
            (of("Consent", status="active", scope={"text": "x"}, category=[{"text": "x"}]),
             ("Consent", "ppc-1")),
            (of("Consent", status="active", scope={"coding": [{"code": "patient-privacy"}]},
                category=[{"text": "x"}], policyRule={"text": "x"}), ("Consent.patient", "ppc-2")),
            (of("ServiceRequest", status="active", intent="order", subject={"display": "x"},
                orderDetail=[{"text": "x"}]), ("ServiceRequest.code", "prr-1")),
            (of("Encounter", status="gone", **{"class": {"code": "HH"}}),
             ("Encounter.status", "is not one of the codes required here")),
            (of("Encounter", status="finished", **{"class": {"code": "HH"}}), None),
            (of("Task", status="rejected", intent="order"), None),
        ],
    )  # fmt: skip
    def test_have_rules_of_their_own(self, document, found):
        assert first(document) == found

    def test_of_parameters_are_one_thing_each(self):
        document = {
            "resourceType": "Parameters",
            "parameter": [{"name": "a"}, {"name": "b", "valueCode": "c"}],
        }

        assert first(document) == ("Parameters.parameter[0]", "inv-1")


KVNR = codes.KVNR
PKV = "http://fhir.de/sid/pkv/kvid-10"
IKNR = "http://fhir.de/sid/arge-ik/iknr"
LANR = "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_ANR"
BSNR = "https://fhir.kbv.de/NamingSystem/KBV_NS_Base_BSNR"
TELEMATIK = "https://gematik.de/fhir/sid/telematik-id"


class TestGermanNumbers:
    @pytest.mark.parametrize(
        ("system", "value", "severity"),
        [
            # X is 24; 2 4 1 1 0 4 6 5 7 7 with weights 1 2: 2+8+1+2+0+8+6+(1+0)+7+(1+4) = 40, so 0.
            (KVNR, "X110465770", None),
            (KVNR, "A123456789", "warning"),
            (KVNR, "a123456780", "error"),
            (KVNR, "A12345678", "error"),
            (PKV, "X110465770", None),
            (PKV, "1234567890", "error"),
            # 1 5 7 5 5 1 with weights 2 1: 2+5+(1+4)+5+(1+0)+1 = 19, so 9.
            (IKNR, "101575519", None),
            (IKNR, "101575510", "warning"),
            (IKNR, "10157551", None),
            (IKNR, "1015755", "error"),
            # 1 2 3 4 5 6 with weights 4 9: 4+18+12+36+20+54 = 144, 6 to the next ten.
            (LANR, "123456601", None),
            (LANR, "123456701", "warning"),
            (LANR, "12345670", "error"),
            (BSNR, "123456789", None),
            (BSNR, "12345678X", "error"),
            (TELEMATIK, "1-2.58.00000040", None),
            (TELEMATIK, "Praxis", "error"),
            ("https://praxis.example/nummern", "was auch immer", None),
        ],
    )
    def test_are_judged_by_their_system(self, system, value, severity):
        found = problems(a_patient_document(identifier=[{"system": system, "value": value}]))

        assert [(each.severity, each.expression) for each in found] == (
            [] if severity is None else [(severity, "Patient.identifier[0].value")]
        )
        assert all(value not in each.sentence for each in found)


def a_line(name: str) -> Json:
    return {"extension": [{"url": codes.ADXP + name, "valueString": "x"}]}


class TestGermanAddress:
    @pytest.mark.parametrize(
        ("address", "rule", "severity"),
        [
            ({"_line": [a_line("houseNumber")]}, "add-1", "error"),
            ({"_line": [a_line("streetName")]}, "add-2", "error"),
            ({"_line": [a_line("postBox")]}, "add-3", "error"),
            ({"_line": [a_line("additionalLocator")]}, "add-5", "error"),
            ({"line": ["x"], "_line": [a_line("postBox")], "type": "both"}, "add-4", "warning"),
            ({"line": ["x"], "_line": [{"extension": a_line("postBox")["extension"]
                                        + a_line("houseNumber")["extension"]}]}, "add-6", "warning"),
            ({"extension": a_line("precinct")["extension"], "line": ["y"]}, "add-7", "warning"),
            ({"extension": a_line("precinct")["extension"], "line": ["y", "x"]}, None, None),
            ({"line": ["x"], "_line": [a_line("houseNumber")]}, None, None),
            ({"country": "DE", "district": "x"}, "a German address has its precinct", "warning"),
            ({"country": "AT", "district": "x"}, None, None),
            ({"country": "DE", "line": list("abcd")}, "a German address has at most 3 lines", "warning"),
        ],
    )  # fmt: skip
    def test_is_judged_as_the_base_profile_does(self, address, rule, severity):
        found = problems(a_patient_document(address=[address]))

        assert [each.severity for each in found] == ([] if rule is None else [severity])
        assert all(each.sentence.startswith(str(rule)) for each in found)


class TestGermanPeople:
    @pytest.mark.parametrize(
        ("changes", "place"),
        [
            ({"gender": "other", "_gender": {"extension": [
                {"url": german.GENDER_EXTENSION, "valueCoding": {"code": "D"}}]}},
             None),
            ({"gender": "female", "_gender": {"extension": [
                {"url": german.GENDER_EXTENSION, "valueCoding": {"code": "D"}}]}},
             "Patient.gender"),
            ({"name": [{"_family": {"extension": [
                {"url": OWN_NAME, "valueString": "x"}]}}]},
             "Patient.name[0].family"),
            ({"name": [{"family": "x", "_prefix": [{"extension": [
                {"url": codes.NAME_QUALIFIER, "valueCode": "AC"}]}]}]}, "Patient.name[0].prefix[0]"),
        ],
    )  # fmt: skip
    def test_are_told_apart_consistently(self, changes, place):
        assert [where for where, _ in told(a_patient_document(**changes))] == (
            [] if place is None else [place]
        )


class TestIsik:
    def test_appointment_may_claim_the_profile(self):
        assert problems(an_isik_appointment()) == []

    @pytest.mark.parametrize(
        ("changes", "place"),
        [
            ({"start": None, "end": None, "status": "proposed"}, "Appointment.start"),
            ({"participant": [{"actor": {"reference": "Patient/1"}, "status": "accepted"}]},
             "Appointment.participant[0].actor.display"),
            ({"participant": [{"actor": {"reference": "Location/1", "display": "x"}, "status": "accepted"}]},
             "Appointment.participant"),
            ({"participant": [PATIENT, {"type": [{"text": "x"}], "status": "accepted"}]},
             "Appointment.participant[1].actor"),
            ({"specialty": None}, "Appointment.specialty"),
            ({"specialty": [{"coding": [{"system": codes.SPECIALTY, "code": "ALLE"}]}]},
             "Appointment.specialty[0].coding[0].code"),
            ({"serviceType": None}, "Appointment.serviceType"),
            ({"slot": [{"display": "x"}]}, "Appointment.slot[0].reference"),
            ({"status": "cancelled", "cancelationReason": {
                "coding": [{"system": codes.CANCELLATION_REASON, "code": "pat-crs"}]}},
             "Appointment.cancelationReason"),
            ({"_priority": {"extension": [{"url": f"{ISIK}ISiKTerminPriorityExtension",
                                           "valueCodeableConcept": {"text": "x"}}]}},
             "Appointment.priority.extension[0].value"),
            ({"meta": {"profile": ["https://gematik.de/fhir/isik/v3/Terminplanung/StructureDefinition/ISiKTermin|3.0.1"]},
              "serviceType": None}, "Appointment.serviceType"),
        ],
    )  # fmt: skip
    def test_appointment_keeps_what_it_claims(self, changes, place):
        assert place in [where for where, _ in told(an_isik_appointment(**changes))]

    @pytest.mark.parametrize(
        ("kind", "profile", "elements", "places"),
        [
            ("Schedule", "ISiKKalender", {"actor": [{"reference": "Practitioner/1"}]},
             ["Schedule.active", "Schedule.serviceType", "Schedule.specialty", "Schedule.actor[0].display"]),
            ("Slot", "ISiKTerminblock",
             {"schedule": {"display": "x"}, "status": "free", "start": "2026-03-03T06:00:00Z",
              "end": "2026-03-03T06:15:00Z"}, ["Slot.schedule.reference"]),
            ("HealthcareService", "ISiKMedizinischeBehandlungseinheit", {},
             ["HealthcareService.active", "HealthcareService.type", "HealthcareService.name",
              "HealthcareService.specialty"]),
            ("Communication", "ISiKNachricht", {"status": "completed", "payload": [{"contentString": "x"}]},
             ["Communication.subject", "Communication.recipient", "Communication.sender"]),
            ("Encounter", "ISiKTerminKontaktMitGesundheitseinrichtung",
             {"status": "planned", "class": {"code": "AMB"}, "subject": {"reference": "Patient/1"},
              "period": {"start": "2026-03-03"},
              "type": [{"coding": [{"system": "http://fhir.de/CodeSystem/Kontaktebene",
                                    "code": "abteilungskontakt"}]}]},
             ["Encounter.period", "Encounter.extension"]),
            ("Encounter", "ISiKKontaktGesundheitseinrichtung",
             {"status": "finished", "class": {"code": "IMP"}, "subject": {"display": "x"}},
             ["Encounter.type", "Encounter.subject.reference", "Encounter.type", "Encounter.period.start",
              "Encounter.period.end"]),
            ("Patient", "ISiKPatient", {"name": [{"use": "maiden", "family": "x", "given": ["y"]}]},
             ["Patient.identifier", "Patient.gender", "Patient.birthDate", "Patient.identifier",
              "Patient.name", "Patient.name[0].given"]),
            ("Patient", "ISiKPatient",
             {"identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:a:b", "value": "1"}],
              "name": [{"use": "official", "family": "x", "given": ["y"]}], "gender": "female",
              "birthDate": "1950"}, []),
            ("Practitioner", "ISiKPersonImGesundheitsberuf", {"name": [{"use": "official", "family": "x"}]},
             ["Practitioner.identifier", "Practitioner.name[0].given"]),
            ("RelatedPerson", "ISiKAngehoeriger",
             {"patient": {"display": "x"}, "name": [{"family": "x"}],
              "address": [{"type": "both", "city": "x"}]},
             ["RelatedPerson.patient.reference", "RelatedPerson.address[0].line",
              "RelatedPerson.address[0].postalCode", "RelatedPerson.address[0].country"]),
        ],
    )  # fmt: skip
    def test_other_profiles_are_kept(self, kind, profile, elements, places):
        document = without(
            {"resourceType": kind, "id": "1", "meta": {"profile": [ISIK + profile]}, **elements}
        )

        assert [where for where, _ in told(document)] == places
