"""What the server says of itself follows from its registries and addresses."""

from datetime import date

import orjson
import pytest

from fhir.capability import SCHEDULING_SERVER, document, statement
from fhir.discovery import definitions, operations, parameters
from fhir.discovery.answered import Answered, answered_at
from fhir.discovery.operations import OPERATIONS, Offer
from fhir.mapping.registry import RESOURCES
from fhir.validation.check import problems
from fhir.writers.registry import WRITERS

BASE = "https://care.example/fhir"
OFFERS = frozenset(Offer(each.kind, each.name, is_instance=False) for each in OPERATIONS)
EVERYTHING = Answered(
    frozenset(
        {
            "read",
            "vread",
            "history-type",
            "history-instance",
            "history-system",
            "search-type",
            "create",
            "patch",
        }
        | {"update", "delete", "conditional-update", "conditional-delete", "transaction", "batch"}
    ),
    OFFERS,
)


class TestAnswered:
    def test_reads_interactions_and_operations_from_addresses(self):
        found = answered_at(
            [
                ("GET", "/{kind}"),
                ("POST", "/"),
                ("POST", "/Appointment/$book"),
                ("GET", "/Patient/{id}/$everything"),
                ("GET", "/$export"),
                ("GET", "/$export-status/{job_id}"),
                ("GET", "/metadata"),
            ]
        )

        assert found.interactions == {"search-type", "transaction", "batch"}
        assert found.operations == {
            Offer("Appointment", "book", is_instance=False),
            Offer("Patient", "everything", is_instance=True),
            Offer(None, "export", is_instance=False),
        }


class TestStatement:
    def test_is_valid(self):
        assert problems(document(BASE, "1", date(2026, 3, 2), EVERYTHING)) == []

    def test_promises_of_each_kind_what_its_writer_takes(self):
        found = document(BASE, "1", date(2026, 3, 2), EVERYTHING)
        shown = {
            each["type"]: {interaction["code"] for interaction in each["interaction"]}
            for each in found["rest"][0]["resource"]
            if "interaction" in each
        }

        for resource in RESOURCES:
            writer = WRITERS.get(resource.kind)
            taken = writer.interactions if writer else frozenset()
            assert shown[resource.kind] & {"create", "update", "delete"} == taken
            assert ("patch" in shown[resource.kind]) is ("update" in taken)

    def test_promises_nothing_that_is_not_answered(self):
        found = orjson.loads(statement(BASE, "1", date(2026, 3, 2)))

        assert "instantiates" not in found
        assert "patchFormat" not in found
        assert found["rest"][0].keys() == {"mode", "security", "resource"}
        assert all(
            {each["code"] for each in resource["interaction"]} == {"read", "search-type"}
            for resource in found["rest"][0]["resource"]
        )

    def test_names_what_gematik_asks_of_a_scheduling_server(self):
        found = document(BASE, "1", date(2026, 3, 2), EVERYTHING)

        assert found["instantiates"] == [SCHEDULING_SERVER]
        assert found["kind"] == "instance"
        appointment = next(each for each in found["rest"][0]["resource"] if each["type"] == "Appointment")
        assert {
            "name": "book",
            "definition": "https://gematik.de/fhir/isik/OperationDefinition/AppointmentBook",
            "documentation": OPERATIONS[0].about,
        } in appointment["operation"]
        assert {each["name"]: each["type"] for each in appointment["searchParam"]}.items() >= {
            "_id": "token",
            "_tag": "token",
            "_count": "number",
            "status": "token",
            "service-type": "token",
            "specialty": "token",
            "date": "date",
            "slot": "reference",
            "actor": "reference",
        }.items()
        assert {"Appointment:slot", "Appointment:actor"} <= set(appointment["searchInclude"])

    def test_names_kinds_that_have_only_operations(self):
        found = document(BASE, "1", date(2026, 3, 2), EVERYTHING)

        group = next(each for each in found["rest"][0]["resource"] if each["type"] == "Group")
        assert [each["name"] for each in group["operation"]] == ["export"]


class TestDefinitions:
    @pytest.mark.parametrize("kind", definitions.KINDS)
    def test_are_valid_and_have_ids_of_their_own(self, kind):
        found = definitions.all_of(kind, OFFERS)

        assert [problems(each) for each in found] == [[]] * len(found)
        assert len({each["id"] for each in found}) == len(found) > 0

    def test_of_parameters_say_what_the_statement_says(self):
        named = {
            (parameter.definition, name, parameter.type)
            for resource in RESOURCES
            for name, parameter in resource.all_parameters.items()
        }

        assert {(each["url"], each["code"], each["type"]) for each in parameters.definitions()} == named

    def test_of_operations_are_those_that_are_offered(self):
        found = list(operations.definitions({Offer("Patient", "everything", is_instance=True)}))

        assert [(each["id"], each["type"], each["instance"]) for each in found] == [
            ("Patient-everything", False, True)
        ]

    @pytest.mark.parametrize(
        ("query", "ids", "used"),
        [
            ("base=Slot&code=start", ["Slot-start"], "?base=Slot&code=start"),
            ("_id=Slot-start,Slot-status&colour=red", ["Slot-start", "Slot-status"],
             "?_id=Slot-start,Slot-status"),
            ("url=http://hl7.org/fhir/SearchParameter/Slot-start", ["Slot-start"],
             "?url=http://hl7.org/fhir/SearchParameter/Slot-start"),
            ("code=nothing", [], "?code=nothing"),
        ],
    )  # fmt: skip
    def test_are_searched(self, query, ids, used):
        found = orjson.loads(definitions.search("SearchParameter", query, OFFERS, BASE))

        assert [entry["resource"]["id"] for entry in found.get("entry", [])] == ids
        assert found["link"] == [{"relation": "self", "url": f"{BASE}/SearchParameter{used}"}]
        assert found["total"] == len(ids)
