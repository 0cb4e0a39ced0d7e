"""FHIRPath Patch: each operation on each sort of element, and what it refuses."""

from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.issues import Malformed, Rejected
from fhir.patch.fhirpath_patch import MOST_OPERATIONS, read

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "active": True,
    "birthDate": "1950-01-31",
    "_birthDate": {"id": "b"},
    "deceasedBoolean": False,
    "identifier": [{"system": "urn:a", "value": "1"}, {"system": "urn:b", "value": "2"}],
    "name": [
        {"use": "official", "family": "A", "given": ["B", None, "C"], "_given": [None, {"id": "x"}, None]},
        {"use": "usual", "given": ["D"]},
    ],
    "contact": [{"name": {"text": "E"}, "gender": "male"}],
    "extension": [{"url": "urn:e", "valueDecimal": 1.5}],
}


def operation(kind: str, path: str, **parts: Any) -> dict[str, Any]:
    """Write one operation; `value` is the whole part but its name."""
    part: list[dict[str, Any]] = [
        {"name": "type", "valueCode": kind},
        {"name": "path", "valueString": path},
    ]
    for name, given_ in parts.items():
        if name == "value":
            part.append({"name": "value"} | given_)
        else:
            part.append(
                {"name": name, ("valueInteger" if isinstance(given_, int) else "valueString"): given_}
            )
    return {"name": "operation", "part": part}


def patch(document: dict[str, Any], *operations: dict[str, Any]) -> dict[str, Any]:
    return read({"resourceType": "Parameters", "parameter": list(operations)})(document)


def changed(*operations: dict[str, Any]) -> dict[str, Any]:
    """The elements of the patient that the operations change; None for those that are gone."""
    before = deepcopy(PATIENT)
    after = patch(PATIENT, *operations)
    assert before == PATIENT
    return {name: after.get(name) for name in before | after if before.get(name) != after.get(name)}


class TestAdd:
    def test_sets_a_primitive(self):
        assert changed(operation("add", "Patient", name="gender", value={"valueCode": "male"})) == {
            "gender": "male"
        }

    def test_sets_what_stands_beside_a_primitive_too(self):
        value = {"valueCode": "other", "_valueCode": {"extension": [{"url": "urn:x", "valueCode": "D"}]}}

        assert changed(operation("add", "Patient", name="gender", value=value)) == {
            "gender": "other",
            "_gender": {"extension": [{"url": "urn:x", "valueCode": "D"}]},
        }

    def test_sets_a_datatype(self):
        value = {"valueCodeableConcept": {"text": "married"}}

        assert changed(operation("add", "Patient", name="maritalStatus", value=value)) == {
            "maritalStatus": {"text": "married"}
        }

    def test_appends_to_a_list(self):
        value = {"valueIdentifier": {"value": "3"}}

        assert changed(operation("add", "Patient", name="identifier", value=value)) == {
            "identifier": [*PATIENT["identifier"], {"value": "3"}]
        }

    def test_builds_a_part_without_a_types_name(self):
        value = {
            "part": [
                {"name": "name", "valueHumanName": {"text": "F"}},
                {"name": "telecom", "valueContactPoint": {"value": "1"}},
                {"name": "telecom", "valueContactPoint": {"value": "2"}},
            ]
        }

        assert changed(operation("add", "Patient", name="contact", value=value)) == {
            "contact": [
                *PATIENT["contact"],
                {"name": {"text": "F"}, "telecom": [{"value": "1"}, {"value": "2"}]},
            ]
        }

    def test_builds_parts_within_parts(self):
        value = {
            "part": [
                {"name": "language", "part": [{"name": "text", "valueString": "Deutsch"}]},
                {"name": "preferred", "valueBoolean": True},
            ]
        }

        assert changed(operation("add", "Patient", name="communication", value=value)) == {
            "communication": [{"language": {"text": "Deutsch"}, "preferred": True}]
        }

    @pytest.mark.parametrize("name", ["value", "valueQuantity"])
    def test_takes_a_choice_by_either_name(self, name):
        observation = {"resourceType": "Observation", "status": "final"}
        value = {"valueQuantity": {"value": 1}}

        assert patch(observation, operation("add", "Observation", name=name, value=value)) == (
            observation | {"valueQuantity": {"value": 1}}
        )

    def test_gives_a_primitive_its_first_extension(self):
        value = {"valueExtension": {"url": "urn:x", "valueString": "y"}}
        extension = [{"url": "urn:x", "valueString": "y"}]

        assert changed(operation("add", "Patient.active", name="extension", value=value)) == {
            "_active": {"extension": extension}
        }
        assert changed(operation("add", "Patient.name[0].given[2]", name="extension", value=value)) == {
            "name": [
                PATIENT["name"][0] | {"_given": [None, {"id": "x"}, {"extension": extension}]},
                PATIENT["name"][1],
            ]
        }

    def test_adds_a_resource_to_those_contained(self):
        slot = {"resourceType": "Slot", "id": "s"}

        assert changed(operation("add", "Patient", name="contained", value={"resource": slot})) == {
            "contained": [slot]
        }


class TestReplace:
    def test_changes_a_primitive_with_what_stands_beside_it(self):
        assert changed(operation("replace", "Patient.birthDate", value={"valueDate": "1951-01-01"})) == {
            "birthDate": "1951-01-01",
            "_birthDate": None,
        }

    def test_changes_one_of_a_list(self):
        assert changed(operation("replace", "Patient.name[0].given[1]", value={"valueString": "X"})) == {
            "name": [
                {"use": "official", "family": "A", "given": ["B", "X", "C"]},
                PATIENT["name"][1],
            ]
        }

    @pytest.mark.parametrize("path", ["Patient.deceased", "Patient.deceasedBoolean"])
    def test_may_choose_another_type(self, path):
        assert changed(operation("replace", path, value={"valueDateTime": "2026-01-01"})) == {
            "deceasedBoolean": None,
            "deceasedDateTime": "2026-01-01",
        }

    def test_changes_a_part(self):
        value = {"part": [{"name": "gender", "valueCode": "female"}]}

        assert changed(operation("replace", "Patient.contact[0]", value=value)) == {
            "contact": [{"gender": "female"}]
        }

    def test_cancels_an_appointment_as_gematik_shows(self):
        appointment = {"resourceType": "Appointment", "status": "booked", "participant": []}

        assert patch(
            appointment, operation("replace", "Appointment.status", value={"valueCode": "cancelled"})
        ) == (appointment | {"status": "cancelled"})


class TestDelete:
    def test_removes_a_primitive_with_what_stands_beside_it(self):
        assert changed(operation("delete", "Patient.birthDate")) == {"birthDate": None, "_birthDate": None}

    def test_keeps_values_and_extensions_of_a_list_in_pairs(self):
        assert changed(operation("delete", "Patient.name[0].given[0]")) == {
            "name": [
                PATIENT["name"][0] | {"given": [None, "C"], "_given": [{"id": "x"}, None]},
                PATIENT["name"][1],
            ]
        }

    def test_removes_the_last_of_a_list_with_the_list(self):
        assert changed(operation("delete", "Patient.contact[0]")) == {"contact": None}

    def test_removes_owners_that_become_empty(self):
        assert changed(operation("delete", "Patient.contact[0].name.text")) == {
            "contact": [{"gender": "male"}]
        }
        assert changed(
            operation("delete", "Patient.contact[0].gender"), operation("delete", "Patient.contact.name.text")
        ) == {"contact": None}

    def test_keeps_the_value_of_a_primitive_without_its_last_extension(self):
        assert changed(operation("delete", "Patient.birthDate.id")) == {"_birthDate": None}

    def test_of_nothing_does_nothing(self):
        assert changed(operation("delete", "Patient.photo[3].title")) == {}


class TestLists:
    @pytest.mark.parametrize(
        ("index", "values"), [(0, ["3", "1", "2"]), (1, ["1", "3", "2"]), (2, ["1", "2", "3"])]
    )
    def test_insert_at_an_index(self, index, values):
        value = {"valueIdentifier": {"value": "3"}}

        after = patch(PATIENT, operation("insert", "Patient.identifier", index=index, value=value))

        assert [each["value"] for each in after["identifier"]] == values

    def test_insert_into_one_that_is_not_there_yet(self):
        value = {"valueAttachment": {"title": "a"}}

        assert changed(operation("insert", "Patient.photo", index=0, value=value)) == {
            "photo": [{"title": "a"}]
        }

    @pytest.mark.parametrize(
        ("source", "destination", "given"),
        [
            # B, -, C: what is moved is taken out first, then stands at its destination.
            (0, 2, [None, "C", "B"]),
            (2, 0, ["C", "B", None]),
            (2, 1, ["B", "C", None]),
            (1, 1, ["B", None, "C"]),
        ],
    )
    def test_move_within(self, source, destination, given):
        move = operation("move", "Patient.name[0].given", source=source, destination=destination)

        name = patch(PATIENT, move)["name"][0]

        assert name["given"] == given
        assert name["_given"] == [{"id": "x"} if each is None else None for each in given]


class TestPaths:
    @pytest.mark.parametrize(
        "path",
        [
            "Patient.name[1].use",
            "name[1].use",
            "Patient.name.where(use = 'usual').use",
            "Patient.name.where(use='usual' and given.exists()).use",
            "Patient.name.where(use != 'official').use",
            "Patient.name.where((use = 'old') or given = 'D').use",
            "Patient.name.where(family.empty()).use",
            "Patient.name.where(family.exists().not()).use",
            "Patient.name.where(given.startsWith('D')).use",
            "Patient.name.where(given.count() = 1).use",
            "Patient.name.where(given.count() < 2).use",
            "Patient.name.where(given.exists($this = 'D')).use",
            "Patient.name.last().use",
            "Patient.name.where(use = 'usual').single().use",
            "Resource.`name`[1].use",
            "  Patient . name [ 1 ] . use ",
        ],
    )
    def test_lead_to_the_same_element(self, path):
        assert changed(operation("replace", path, value={"valueCode": "old"})) == {
            "name": [PATIENT["name"][0], PATIENT["name"][1] | {"use": "old"}]
        }

    @pytest.mark.parametrize(
        "path",
        [
            "Patient.extension('urn:e').value",
            "Patient.extension.where(url = 'urn:e').valueDecimal",
            "Patient.extension('urn:e').value.ofType(decimal)",
            "Patient.extension.where(value > 1 and value <= 1.5).value",
        ],
    )
    def test_lead_into_extensions(self, path):
        assert changed(operation("replace", path, value={"valueDecimal": 2})) == {
            "extension": [{"url": "urn:e", "valueDecimal": 2}]
        }

    def test_compare_dates(self):
        path = "Patient.where(birthDate = @1950-01-31).active"

        assert changed(operation("delete", path)) == {"active": None}

    @pytest.mark.parametrize(
        "path",
        [
            "",
            ".",
            "Patient.",
            "Patient..name",
            "Patient.name[",
            "Patient.name[-1]",
            "Patient.name[1.5]",
            "Patient.name[x]",
            "Patient.name where",
            "Patient.name | Patient.contact",
            "Patient.name.where(use = 'a'",
            "Patient.name.where(use = 'a)",
            "Patient.name.where()",
            "Patient.name.where(use is code)",
            "Patient.generalPractitioner.where(resolve() is Patient)",
            "Patient.name.repeat(given)",
            "%resource.name",
            "'a'",
            "1 = 1",
            "(" * 500 + "a" + ")" * 500,
            "a.where(" * 100,
            "a" * 5000,
        ],
    )
    def test_that_are_not_understood_are_malformed(self, path):
        with pytest.raises(Malformed) as raised:
            changed(operation("delete", path))

        assert raised.value.issues[0].expression == "Parameters.parameter[0]"

    @given(st.text("Patient.name[0]('\\use=) where@1<", max_size=40))
    @settings(max_examples=150, deadline=None)
    def test_of_any_letters_are_understood_or_refused(self, path):
        with suppress(Rejected):
            patch(PATIENT, operation("delete", path))


class TestOrder:
    def test_is_kept_and_each_sees_what_the_one_before_did(self):
        value = {"part": [{"name": "gender", "valueCode": "other"}]}

        assert changed(
            operation("add", "Patient", name="contact", value=value),
            operation("replace", "Patient.contact[1].gender", value={"valueCode": "female"}),
            operation("move", "Patient.contact", source=1, destination=0),
        ) == {"contact": [{"gender": "female"}, *PATIENT["contact"]]}

    def test_of_nothing_changes_nothing(self):
        assert read({"resourceType": "Parameters"})(PATIENT) == PATIENT


class TestRefusals:
    @pytest.mark.parametrize(
        ("wrong", "word"),
        [
            (operation("add", "Patient.photo", name="title", value={"valueString": "a"}), "no element"),
            (operation("add", "Patient.name", name="text", value={"valueString": "a"}), "several"),
            (operation("add", "Patient", name="active", value={"valueBoolean": True}), "replace it"),
            (operation("add", "Patient", name="deceased", value={"valueDateTime": "2026"}), "replace it"),
            (operation("add", "Patient", name="wings", value={"valueInteger": 2}), "no such element"),
            (operation("add", "Patient", name="gender", value={"valueInteger": 2}), "another type"),
            (operation("add", "Patient", name="gender", value={"valueBoolean": True}), "another type"),
            (
                operation("add", "Patient", name="multipleBirth", value={"valueString": "2"}),
                "no such element",
            ),
            (operation("add", "Patient", name="maritalStatus", value={"valueString": "a"}), "another type"),
            (operation("add", "Patient", name="gender", value={}), "value"),
            (operation("add", "Patient", name="contact", value={"part": []}), "empty"),
            (operation("add", "Patient", name="contact", value={"part": [{"valueString": "a"}]}), "name"),
            (operation("add", "Patient", name="contained", value={"valueString": "a"}), "resource"),
            (
                operation("add", "Patient", name="contained", value={"resource": {"resourceType": "Dragon"}}),
                "resource",
            ),
            (operation("replace", "Patient.gender", value={"valueCode": "male"}), "no element"),
            (operation("replace", "Patient.name.given", value={"valueString": "a"}), "several"),
            (operation("replace", "Patient", value={"valueString": "a"}), "itself"),
            (operation("delete", "Patient"), "itself"),
            (operation("delete", "Patient.name"), "several"),
            (operation("insert", "Patient.identifier", index=3, value={"valueIdentifier": {}}), "outside"),
            (operation("insert", "Patient.identifier", index=-1, value={"valueIdentifier": {}}), "outside"),
            (operation("insert", "Patient.gender", index=0, value={"valueCode": "male"}), "list"),
            (operation("insert", "Patient.name.given", index=0, value={"valueString": "a"}), "several"),
            (operation("move", "Patient.identifier", source=0, destination=2), "outside"),
            (operation("move", "Patient.identifier", source=2, destination=0), "outside"),
            (operation("move", "Patient.photo", source=0, destination=0), "outside"),
        ],
    )
    def test_name_the_operation_that_cannot_be_done(self, wrong, word):
        fine = operation("delete", "Patient.birthDate")

        with pytest.raises(Rejected, match=word) as raised:
            changed(fine, wrong)

        assert not isinstance(raised.value, Malformed)
        assert [issue.expression for issue in raised.value.issues] == ["Parameters.parameter[1]"]

    @pytest.mark.parametrize(
        ("parameter", "place"),
        [
            ({"name": "other"}, "parameter[0]"),
            ("operation", "parameter[0]"),
            ({"name": "operation"}, "parameter[0]"),
            (operation("test", "Patient.active"), "parameter[0]"),
            (operation("add", "Patient", name="gender"), "parameter[0]"),
            (operation("move", "Patient.name", source=0), "parameter[0]"),
            (operation("insert", "Patient.name[0]", index=0, value={"valueHumanName": {}}), "parameter[0]"),
            (operation("delete", "Patient.active", colour="red"), "parameter[0].part[2]"),
            (operation("move", "Patient.name", source="0", destination=1), "parameter[0].part[2]"),
            (
                {"name": "operation", "part": [{"name": "type", "valueCode": "add"}] * 2},
                "parameter[0].part[1]",
            ),
            ({"name": "operation", "part": [{"name": "path", "valueInteger": 1}]}, "parameter[0].part[0]"),
            ({"name": "operation", "part": [1]}, "parameter[0].part[0]"),
            ({"name": "operation", "part": [{"name": ["type"]}]}, "parameter[0].part[0]"),
        ],
    )
    def test_name_what_is_no_operation(self, parameter, place):
        with pytest.raises(Malformed) as raised:
            read({"resourceType": "Parameters", "parameter": [parameter]})

        assert [issue.expression for issue in raised.value.issues] == [f"Parameters.{place}"]

    @pytest.mark.parametrize(
        "parameters",
        [
            {"resourceType": "Patient"},
            {"resourceType": "Parameters", "parameter": {}},
            {"resourceType": "Parameters", "parameter": [operation("delete", "a")] * (MOST_OPERATIONS + 1)},
        ],
    )
    def test_name_what_is_no_patch(self, parameters):
        with pytest.raises(Malformed):
            read(parameters)

    def test_name_all_that_is_no_operation_at_once(self):
        with pytest.raises(Malformed) as raised:
            read({"resourceType": "Parameters", "parameter": [{"name": "a"}, {"name": "b"}]})

        assert len(raised.value.issues) == 2

    def test_repeat_no_value(self):
        with pytest.raises(Rejected) as raised:
            changed(
                operation("replace", "Patient.name.where(family = 'Mustermann')", value={"valueString": "a"})
            )

        assert "Mustermann" not in str(raised.value)
