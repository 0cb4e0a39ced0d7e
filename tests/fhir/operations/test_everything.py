"""$everything: the patient, all that is hers, and nothing of another's."""

from typing import Any
from uuid import UUID

import orjson
import pytest

from fhir.asking import Asking
from fhir.issues import Malformed
from fhir.operations.everything import everything
from fhir.operations.wanted import pairs_of, read_pairs
from fhir.read import DocumentNotFound
from fhir.search.paging import PageGone
from fhir.search.parameter import InvalidSearch
from tests.fhir.conftest import BASE, Searched, link_of
from tests.fhir.operations.asking import ASKING, member_of


@pytest.fixture
def ask(searched: Searched):
    """Ask for everything and parse the bundle."""

    def ask(key: UUID | str | None, query: str = "", asking: Asking = ASKING) -> dict[str, Any]:
        with searched.sessions() as session:
            written = None if key is None else str(key)
            found: dict[str, Any] = orjson.loads(
                everything(session, id=written, pairs=read_pairs(query), asking=asking)
            )
            return found

    return ask


def resources(bundle: dict[str, Any], mode: str = "match") -> list[str]:
    return [
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in bundle.get("entry", [])
        if entry["search"]["mode"] == mode
    ]


def kinds(bundle: dict[str, Any], mode: str = "match") -> set[str]:
    return {each.partition("/")[0] for each in resources(bundle, mode)}


class TestEverything:
    def test_begins_with_the_patient_and_holds_only_hers(self, searched, ask):
        patient = searched.served.world.patients[1]

        bundle = ask(patient.id)

        assert resources(bundle)[0] == f"Patient/{patient.id}"
        assert kinds(bundle) >= {"Patient", "Appointment", "ServiceRequest", "CarePlan"}
        assert f"Appointment/{searched.served.booking.id}" in resources(bundle)
        for entry in bundle["entry"]:
            if entry["resource"]["resourceType"] == "Appointment":
                actors = {each["actor"]["reference"] for each in entry["resource"]["participant"]}
                assert f"Patient/{patient.id}" in actors

    def test_includes_what_hers_refers_to(self, searched, ask):
        bundle = ask(searched.served.world.patients[1].id)

        assert kinds(bundle, "include") >= {"Organization", "Practitioner", "Location", "Slot"}
        assert not set(resources(bundle)) & set(resources(bundle, "include"))
        assert len(bundle["entry"]) == len({entry["fullUrl"] for entry in bundle["entry"]})

    def test_comes_page_by_page_each_resource_once(self, searched, ask):
        patient = searched.served.world.patients[0]
        whole = resources(ask(patient.id))

        seen, query = [], "_count=2"
        while True:
            bundle = ask(patient.id, query)
            assert len(resources(bundle)) <= 2
            seen += resources(bundle)
            link = link_of(bundle, "next")
            if link is None:
                break
            address, _, query = link.partition("?")
            assert address == f"{BASE}/Patient/{patient.id}/$everything"
            assert query.startswith("_page=")

        assert len(whole) > 2
        assert seen == whole

    def test_of_all_patients_holds_each_of_them(self, searched, ask):
        everybody = resources(ask(None, "_type=Patient"))

        mine = [f"Patient/{patient.id}" for patient in searched.served.world.patients]
        assert set(mine) < set(everybody)

    def test_holds_only_kinds_that_are_asked_for(self, searched, ask):
        bundle = ask(searched.served.world.patients[1].id, "_type=Appointment,Practitioner")

        assert kinds(bundle) == {"Appointment"}
        assert kinds(bundle, "include") == {"Practitioner"}

    @pytest.mark.parametrize(
        ("query", "is_there"),
        [
            # The booking is on 3 March 2026 at 07:00 UTC or later; slots of the world lie on that day.
            ("start=2026-03-03", True),
            ("start=2026-03-04", False),
            ("end=2026-03-03", True),
            ("end=2026-03-02", False),
            ("_since=2026-03-02T17:00:00Z", True),
            ("_since=2026-03-02T17:00:01Z", False),
        ],
    )
    def test_is_narrowed_by_time(self, searched, ask, query, is_there):
        bundle = ask(searched.served.world.patients[1].id, query)

        assert (f"Appointment/{searched.served.booking.id}" in resources(bundle)) == is_there

    def test_is_only_for_those_who_may_see_the_patient(self, searched, ask):
        patient = searched.served.world.patients[0]
        stranger = member_of(searched.served.world.practice)

        with pytest.raises(DocumentNotFound):
            ask(patient.id, asking=stranger)
        assert resources(ask(None, asking=stranger)) == []

    @pytest.mark.parametrize(
        "query",
        ["_type=Dragon", "start=yesterday", "start=ge2026-03-01", "_since=x", "_count=many", "_page=x"],
    )
    def test_refuses_what_it_cannot_read(self, searched, ask, query):
        with pytest.raises((InvalidSearch, PageGone)):
            ask(searched.served.world.patients[0].id, query)

    def test_refuses_a_page_of_another_patient(self, searched, ask):
        first, second = (patient.id for patient in searched.served.world.patients[:2])
        link = link_of(ask(first, "_count=1"), "next")
        assert link is not None

        with pytest.raises(PageGone):
            ask(second, link.partition("?")[2])


class TestPairsOf:
    def test_reads_plain_values_of_parameters(self):
        pairs = pairs_of(
            {
                "resourceType": "Parameters",
                "parameter": [
                    {"name": "_count", "valueInteger": 5},
                    {"name": "start", "valueDate": "2026-03-03"},
                    {"name": "patient", "valueReference": {"reference": "Patient/1"}},
                    {"name": "flag", "valueBoolean": True},
                ],
            }
        )

        assert pairs == [("_count", "5"), ("start", "2026-03-03"), ("patient", "Patient/1"), ("flag", "true")]

    @pytest.mark.parametrize(
        "body",
        [
            {"resourceType": "Patient"},
            {"resourceType": "Parameters", "parameter": {}},
            {"resourceType": "Parameters", "parameter": [{"valueString": "x"}]},
            {"resourceType": "Parameters", "parameter": [{"name": "x"}]},
            {"resourceType": "Parameters", "parameter": [{"name": "x", "valueCoding": {"code": "y"}}]},
        ],
    )
    def test_names_the_place_of_what_is_none(self, body):
        with pytest.raises(Malformed) as refused:
            pairs_of(body)

        assert refused.value.issues[0].expression
