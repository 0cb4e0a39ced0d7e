"""Documents against FHIR's types: every breach is named with its place, and none hides another."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.mapping import codes
from fhir.mapping.registry import RESOURCES
from fhir.validation.check import InvalidDocument, check, errors, problems
from fhir.validation.rules.german import GENDER_EXTENSION
from fhir.validation.structure import DEEPEST, MOST_ISSUES
from fhir.validation.types import elements_of, is_resource_kind, model_of
from tests.fhir.validation.documents import (
    PATIENT,
    a_patient_document,
    a_request,
    an_appointment,
    an_isik_appointment,
    only,
    told,
)
from tests.mutations import mutated

HELD = (
    "AppointmentResponse", "AuditEvent", "CareTeam", "Communication", "Consent", "Encounter", "Provenance",
    "RelatedPerson", "Subscription", "Task",
)  # fmt: skip
KINDS = sorted({*(resource.kind for resource in RESOURCES), *HELD})


class TestElements:
    @pytest.mark.parametrize(
        ("changes", "place", "code"),
        [
            ({"colour": "red"}, "Appointment", "structure"),
            ({"_participant": [{"id": "a"}]}, "Appointment", "structure"),
            ({"status": None}, "Appointment.status", "required"),
            ({"status": "canceled"}, "Appointment.status", "code-invalid"),
            ({"status": 5}, "Appointment.status", "structure"),
            ({"status": ["booked"]}, "Appointment.status", "structure"),
            ({"status": None, "_status": {"id": "a"}}, "Appointment.status", "required"),
            ({"participant": []}, "Appointment.participant", "structure"),
            ({"participant": PATIENT}, "Appointment.participant", "structure"),
            ({"participant": ["x"]}, "Appointment.participant[0]", "structure"),
            (
                {"participant": [PATIENT, {**PATIENT, "status": "yes"}]},
                "Appointment.participant[1].status",
                "code-invalid",
            ),
            ({"description": ""}, "Appointment.description", "value"),
            ({"description": "a\x00b"}, "Appointment.description", "value"),
            ({"minutesDuration": "30"}, "Appointment.minutesDuration", "value"),
            ({"minutesDuration": 0}, "Appointment.minutesDuration", "value"),
            ({"minutesDuration": True}, "Appointment.minutesDuration", "value"),
            ({"start": "2026-02-30T06:00:00Z"}, "Appointment.start", "value"),
            ({"start": "2026-03-03T06:00:00"}, "Appointment.start", "value"),
            ({"end": "2026-03-03"}, "Appointment.end", "value"),
            ({"start": "0001-01-01T00:00:00+14:00"}, "Appointment.start", "value"),
            ({"start": "2026-03-03T05:59:60Z"}, "Appointment.start", "value"),
            ({"text": {"status": "generated"}}, "Appointment.text.div", "required"),
            ({"meta": {}}, "Appointment.meta", "structure"),
            ({"slot": [{"reference": "Schedule/1"}]}, "Appointment.slot[0].reference", "value"),
            ({"priority": 1.5}, "Appointment.priority", "value"),
            ({"priority": [1]}, "Appointment.priority", "structure"),
            ({"extension": [{"url": "a", "valueDate": "x"}]}, "Appointment.extension[0].value", "value"),
            ({"extension": [{"valueCode": "x"}]}, "Appointment.extension[0].url", "required"),
            ({"id": "a b"}, "Appointment.id", "value"),
        ],
    )  # fmt: skip
    def test_that_are_wrong_are_named_by_their_fhirpath(self, changes, place, code):
        assert told(an_appointment(**changes)) == [(place, code)]

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"slot": [{"display": "a slot"}]},
            {"start": "2026-03-03T06:00:00.123+01:00"},
            {"_description": {"extension": [{"url": "http://a.b", "valueCode": "unknown"}]}},
            {"language": "de-DE"},
        ],
    )
    def test_that_are_right_are_not_named(self, changes):
        assert problems(an_appointment(**changes)) == []

    def test_are_all_named_at_once(self):
        document = an_appointment(
            status="canceled",
            end="soon",
            minutesDuration=-1,
            participant=[{"status": "no"}],
            cancelationReason={},
        )

        assert told(document) == [
            ("Appointment.status", "code-invalid"),
            ("Appointment.end", "value"),
            ("Appointment.participant[0].status", "code-invalid"),
            ("Appointment.participant[0]", "invariant"),
            ("Appointment.minutesDuration", "value"),
            ("Appointment.cancelationReason", "structure"),
            ("Appointment.cancelationReason", "invariant"),
        ]

    def test_are_named_only_so_often(self):
        found = problems(an_appointment(participant=["x"] * 1000))

        assert len(found) == MOST_ISSUES + 1
        assert found[-1].code == "too-long"

    def test_may_not_be_nested_without_end(self):
        deep: dict[str, Any] = {"url": "http://a.b", "valueCode": "x"}
        for _ in range(2 * DEEPEST):
            deep = {"url": "http://a.b", "extension": [deep]}

        found = problems(an_appointment(extension=[deep]))

        assert [each.code for each in found] == ["too-long"]

    def test_take_one_type_of_a_choice(self):
        found = only(a_patient_document(deceasedBoolean=True, deceasedDateTime="2020"))

        assert (found.expression, found.code) == ("Patient.deceased", "structure")

    def test_of_a_choice_that_is_required_must_be_there(self):
        document = {"resourceType": "Communication", "status": "completed", "payload": [{"id": "a"}]}

        assert told(document) == [("Communication.payload[0].content", "required")]

    @pytest.mark.parametrize(
        ("name", "places"),
        [
            ({"given": ["A", None], "_given": [None, {"id": "x"}]}, []),
            ({"given": ["A", None]}, ["Patient.name[0].given[1]"]),
            ({"given": ["A"], "_given": [None, None]}, ["Patient.name[0].given", "Patient.name[0].given[1]"]),
            ({"given": None}, ["Patient.name[0].given"]),
            ({"given": "A"}, ["Patient.name[0].given"]),
        ],
    )
    def test_that_repeat_have_twins_of_the_same_length(self, name, places):
        assert [place for place, _ in told(a_patient_document(name=[name]))] == places


class TestContained:
    @pytest.mark.parametrize(
        ("contained", "reference", "places"),
        [
            ({"resourceType": "Organization", "id": "a", "name": "A"}, "#a", []),
            ({"resourceType": "Organization", "id": "a", "name": "A"}, "#b",
             ["Patient.contained[0]", "Patient.managingOrganization.reference"]),
            ({"resourceType": "Location", "id": "a", "name": "A"}, "#a",
             ["Patient.managingOrganization.reference"]),
            ({"resourceType": "Nothing", "id": "a"}, "#a",
             ["Patient.contained[0]", "Patient.managingOrganization.reference"]),
            ({"resourceType": "Period", "id": "a"}, "#a",
             ["Patient.contained[0]", "Patient.managingOrganization.reference"]),
            ({"resourceType": "Organization", "id": "a"}, "#a", ["Patient.contained[0]"]),
            ({"resourceType": "Organization", "id": "a", "name": "A", "meta": {"versionId": "1"}}, "#a",
             ["Patient.contained[0].meta.versionId"]),
        ],
    )  # fmt: skip
    def test_resources_are_judged_and_referred_to(self, contained, reference, places):
        document = a_patient_document(contained=[contained], managingOrganization={"reference": reference})

        assert [place for place, _ in told(document)] == places


class TestReferences:
    @pytest.mark.parametrize(
        ("reference", "place"),
        [
            ({"reference": "Organization/1"}, None),
            ({"reference": "Organization/1/_history/2"}, None),
            ({"reference": "https://other.example/fhir/Organization/1"}, None),
            ({"reference": "https://other.example/fhir/Location/1"}, "reference"),
            ({"reference": "https://other.example/whatever"}, None),
            ({"reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"}, None),
            ({"reference": "the practice"}, "reference"),
            ({"reference": "Nothing/1"}, "reference"),
            ({"reference": "Organization/1", "type": "Location"}, "type"),
            ({"type": "Location", "display": "x"}, "reference"),
            ({"identifier": {"value": "1"}}, None),
        ],
    )
    def test_are_judged_as_far_as_they_tell(self, reference, place):
        found = [where for where, _ in told(a_patient_document(managingOrganization=reference))]

        assert found == ([] if place is None else [f"Patient.managingOrganization.{place}"])


class TestNarrative:
    @pytest.mark.parametrize(
        ("div", "is_right"),
        [
            ("<div xmlns='http://www.w3.org/1999/xhtml'><p class='a'>Gr&uuml;n &amp; blau</p></div>", True),
            ("<div xmlns='http://www.w3.org/1999/xhtml'><img src='#a' alt='x'/></div>", True),
            ("<div>no namespace</div>", False),
            ("<div xmlns='http://www.w3.org/1999/xhtml'>unclosed", False),
            ("<div xmlns='http://www.w3.org/1999/xhtml'> </div>", False),
            ("<div xmlns='http://www.w3.org/1999/xhtml'>x<script>alert(1)</script></div>", False),
            ("<div xmlns='http://www.w3.org/1999/xhtml'><p onclick='x()'>x</p></div>", False),
            ("<div xmlns='http://www.w3.org/1999/xhtml'><a href='javascript:x()'>x</a></div>", False),
            ("<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><div>&b;</div>", False),
        ],
    )  # fmt: skip
    def test_is_harmless_and_says_something(self, div, is_right):
        found = told(a_patient_document(text={"status": "generated", "div": div}))

        assert ([place for place, _ in found] == ["Patient.text.div"]) is not is_right


class TestTypes:
    def test_are_read_of_every_kind(self):
        for kind in KINDS:
            assert {"id", "meta", "contained", "extension"} <= elements_of(kind).keys()

    @pytest.mark.parametrize(
        "kind", ["patient", "Period", "Nothing", "", "DomainResource", "Pati ent", "PATIENT"]
    )
    def test_know_no_other_kinds(self, kind):
        assert not is_resource_kind(kind)


RULED = [
    an_isik_appointment(
        _priority={
            "extension": [{"url": f"{codes.ISIK}ISiKTerminPriorityExtension", "valueCodeableConcept": {}}]
        },
        cancelationReason={"coding": [{"system": codes.CANCELLATION_REASON, "code": "pat"}]},
        slot=[{"reference": "Slot/1", "type": "Slot"}],
        requestedPeriod=[{"start": "2026-03", "end": "2026-03-04T10:00:00Z"}],
        contained=[{"resourceType": "Practitioner", "id": "a", "meta": {"security": [{"code": "x"}]}}],
    ),
    a_patient_document(
        meta={"profile": [f"{codes.ISIK}ISiKPatient"]},
        text={"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>"},
        identifier=[{"system": codes.KVNR, "value": "X110465770", "type": {"coding": [{"code": "MR"}]}}],
        _gender={"extension": [{"url": GENDER_EXTENSION, "valueCoding": {"code": "D"}}]},
        address=[
            {
                "country": "DE",
                "type": "both",
                "extension": [{"url": f"{codes.ADXP}precinct", "valueString": "x"}],
                "line": ["a"],
                "_line": [{"extension": [{"url": f"{codes.ADXP}postBox", "valueString": "x"}]}],
            }
        ],
        telecom=[{"system": "phone", "value": "1"}],
    ),
    a_request(timeOfDay=["08:00:00"], when=["C"], offset=1, duration=1, period=-1),
    {
        "resourceType": "Encounter",
        "meta": {"profile": [f"{codes.ISIK}ISiKKontaktGesundheitseinrichtung"]},
        "status": "finished",
        "class": {"code": "AMB"},
        "type": [{"coding": [{"system": "http://fhir.de/CodeSystem/Kontaktebene"}]}],
        "diagnosis": [{"use": {"coding": [{"code": "billing"}]}}],
        "period": {"start": "2026"},
    },
    {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"code": "treatment"}]},
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/timezone", "valueCode": "x"}],
    },
    {
        "resourceType": "List",
        "mode": "working",
        "entry": [{"deleted": True, "date": "2026"}],
        "emptyReason": {},
    },
    {"resourceType": "Task", "authoredOn": "2026-03-03T06:00:00Z", "lastModified": "2026-03-03T05:00:00Z"},
    {"resourceType": "CareTeam", "participant": [{"member": {"reference": "Patient/1"}, "onBehalfOf": {}}]},
]


class TestAnything:
    @settings(max_examples=400, deadline=None)
    @given(document=st.sampled_from(RULED).flatmap(mutated))
    def test_is_judged_without_an_accident(self, document):
        for issue in problems(document):
            assert issue.sentence
            assert issue.severity in {"error", "warning"}

    @settings(max_examples=300, deadline=None)
    @given(document=st.sampled_from([an_appointment(), a_patient_document(), RULED[1]]).flatmap(mutated))
    def test_that_passes_is_taken_by_the_library_too(self, document):
        if not errors(document):
            model_of(document["resourceType"]).model_validate(document)


class TestCheck:
    def test_names_kind_and_id_but_no_value(self):
        document = an_appointment(id="abc", description="Frau Geheim", status="Geheim", Geheim=1)

        with pytest.raises(InvalidDocument, match=r"^Appointment/abc: Appointment.status: ") as refused:
            check(document)

        assert "Geheim" not in str(refused.value)
