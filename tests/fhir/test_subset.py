"""Parts of resources: `_summary`, `_elements`."""

from typing import Any

import orjson
import pytest

from fhir.search.parameter import InvalidSearch
from fhir.search.subset import Subset, asked_of_one
from fhir.validation.check import problems
from tests.fhir.conftest import Searched


def first(searched: Searched, kind: str, query: str) -> dict[str, Any]:
    bundle = searched.find(kind, f"_count=1&{query}")
    resource: dict[str, Any] = bundle["entry"][0]["resource"]
    return resource


class TestElements:
    def test_are_kept_beside_the_mandatory_ones(self, searched):
        slot = first(searched, "Slot", "_elements=start")

        # Slot.schedule, status, start and end are mandatory.
        assert slot.keys() == {"resourceType", "id", "meta", "schedule", "status", "start", "end"}
        assert slot["meta"]["tag"][-1]["code"] == "SUBSETTED"
        assert problems(slot) == []

    @pytest.mark.parametrize(
        "elements", ["name,birthDate", "Patient.name,Patient.birthDate,Slot.start,colour"]
    )
    def test_leave_out_the_rest(self, searched, elements):
        patient = first(searched, "Patient", f"family=Müller&_elements={elements}")

        assert patient.keys() == {"resourceType", "id", "meta", "name", "birthDate"}

    def test_keep_what_stands_beside_a_value(self):
        content = orjson.dumps(
            {"resourceType": "Patient", "id": "1", "_birthDate": {"extension": []}, "gender": "other"}
        )

        left = orjson.loads(Subset(elements=frozenset({"birthDate"})).cut(content))

        assert left.keys() == {"resourceType", "id", "meta", "_birthDate"}

    def test_hold_for_what_comes_along(self, searched):
        bundle = searched.find("Slot", "_count=1&_elements=Schedule.active,start&_include=Slot:schedule")

        assert bundle["entry"][1]["resource"].keys() == {"resourceType", "id", "meta", "active", "actor"}


class TestSummary:
    @pytest.mark.parametrize(
        ("value", "left_out"),
        [
            ("true", {"extension", "description", "supportingInformation", "slot"}),
            ("data", set()),
            ("false", set()),
        ],
    )
    def test_leaves_elements_out(self, searched, value, left_out):
        query = f"_id={searched.served.booking.id}"
        whole = first(searched, "Appointment", query)

        part = first(searched, "Appointment", f"{query}&_summary={value}")

        # The participants are mandatory, so they stay though FHIR does not count them to the summary.
        assert whole.keys() - part.keys() == left_out
        is_marked = any(tag["code"] == "SUBSETTED" for tag in part["meta"].get("tag", ()))
        assert is_marked == (value != "false")

    def test_of_text_keeps_text_and_what_is_mandatory(self):
        content = orjson.dumps(
            {"resourceType": "Slot", "id": "1", "text": {}, "comment": "x", "status": "free", "start": "y"}
        )

        left = orjson.loads(Subset(summary="text").cut(content))

        assert left.keys() == {"resourceType", "id", "meta", "text", "status", "start"}

    def test_refuses_what_is_none(self, searched):
        with pytest.raises(InvalidSearch, match=r"^_summary=some cannot be understood: give true, text"):
            searched.find("Slot", "_summary=some")


class TestAskedOfOne:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", None),
            ("_format=json", None),
            ("_summary=false", None),
            ("_summary=true&_elements=name", Subset(summary="true")),
            ("_elements=name,%20gender", Subset(elements=frozenset({"name", "gender"}))),
        ],
    )
    def test_reads_a_query(self, query, expected):
        assert asked_of_one(query) == expected
