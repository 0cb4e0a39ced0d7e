"""Tokens that allow a part: a query, one patient, some kinds. Nothing leads around them.

Each test asks as a coordinator or another system who sees a whole tenant; what a narrow token takes away must
stay away by address, by search, by history, by what comes along, by chains and by counting.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.api.matrices import Matrix, a_lasting_matrix

Token = Callable[..., str]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    with a_lasting_matrix(tmp_path_factory.mktemp("scopes")) as matrix:
        yield matrix


@pytest.fixture
def token(matrix: Matrix) -> Token:
    """Makes a viewer of a role with scopes; returns the name under which they ask."""

    def make(*scopes: str, letter: str = "c", patient: UUID | None = None) -> str:
        viewer = replace(matrix.viewers[letter], scopes=frozenset(scopes), patient_id=patient)
        name = f"{letter} {sorted(scopes)} {patient}"
        matrix.viewers[name] = viewer
        return name

    return make


def found(matrix: Matrix, who: str, address: str) -> set[str]:
    """Return what a search finds and brings along, each `Kind/id`."""
    answer = matrix.ask(who, "GET", f"/fhir/{address}")
    assert answer.status_code == 200, answer.text
    entries = [each["resource"] for each in answer.json().get("entry", [])]
    return {f"{each['resourceType']}/{each['id']}" for each in entries if "id" in each}


def status(matrix: Matrix, who: str, method: str, address: str, body: Any = None) -> int:
    headers = {"Content-Type": "application/fhir+json"}
    code: int = matrix.ask(who, method, f"/fhir/{address}", json=body, headers=headers).status_code
    return code


class TestAScopeWithAQuery:
    """`Slot?status=free`: what the query does not find is not there."""

    def test_finds_only_what_its_query_finds(self, matrix, token):
        narrow = token("user/Slot.rs?status=free")

        slots = found(matrix, narrow, "Slot?_count=200")

        assert f"Slot/{matrix.own.free_slot.id}" in slots
        assert f"Slot/{matrix.own.booking.slot_id}" not in slots
        assert slots == found(matrix, "c", "Slot?status=free&_count=200")

    @pytest.mark.parametrize("way", ["Slot/{}", "Slot/{}/_history", "Slot/{}/_history/1"])
    def test_hides_the_rest_however_it_is_asked_for(self, matrix, token, way):
        narrow = token("user/Slot.rs?status=free")

        assert status(matrix, narrow, "GET", way.format(matrix.own.free_slot.id)) == 200
        assert status(matrix, narrow, "GET", way.format(matrix.own.booking.slot_id)) == 404

    def test_counts_only_what_its_query_finds(self, matrix, token):
        narrow = token("user/Slot.rs?status=free")

        answer = matrix.ask(narrow, "GET", f"/fhir/Slot?_id={matrix.own.booking.slot_id}&_summary=count")

        assert answer.json()["total"] == 0

    def test_takes_two_queries_as_either(self, matrix, token):
        either = token("user/Slot.rs?status=free", "user/Slot.rs?status=busy")

        slots = found(matrix, either, "Slot?_count=200")

        assert {f"Slot/{matrix.own.free_slot.id}", f"Slot/{matrix.own.booking.slot_id}"} <= slots

    @pytest.mark.parametrize("query", ["nonsense=1", "status=", "_count=5", "status=free&nonsense=1"])
    def test_that_means_nothing_finds_nothing(self, matrix, token, query):
        assert found(matrix, token(f"user/Slot.rs?{query}"), "Slot") == set()

    def test_may_chain_through_what_the_token_does_not_show(self, matrix, token):
        schedule = matrix.own.world.schedule.id
        narrow = token(f"user/Slot.rs?schedule=Schedule/{schedule}")

        assert found(matrix, narrow, "Slot?_count=200") == found(
            matrix, "c", f"Slot?schedule=Schedule/{schedule}&_count=200"
        )

    def test_writes_nothing_beyond_its_query(self, matrix, token):
        narrow = token("user/Task.cruds?status=completed", letter="x")
        also = token("system/Task.cruds?status=completed", letter="x")
        task = matrix.ask("!", "GET", f"/fhir/Task/{matrix.ids['Task'][0]}").json()
        assert task["status"] != "completed"
        fresh = {name: value for name, value in task.items() if name not in {"id", "meta"}}

        assert status(matrix, narrow, "POST", "Task", fresh) == 403  # `user/` says nothing of a system
        assert status(matrix, also, "POST", "Task", fresh) == 403
        assert status(matrix, also, "POST", "Task", {**fresh, "status": "completed"}) == 201
        assert status(matrix, also, "PUT", f"Task/{task['id']}", task) == 405  # as of an id that is not there
        assert matrix.ask("!", "GET", f"/fhir/Task/{task['id']}").json() == task

    def test_lets_nothing_be_shown_whole(self, matrix, token):
        narrow = token("system/*.rs", "system/Patient.rs?gender=female", letter="x")

        # Of two scopes for a kind the wider one counts; alone the narrow one allows no export.
        alone = token("system/Patient.rs?gender=female", letter="x")
        export = matrix.ask(alone, "GET", "/fhir/Patient/$export", headers={"Prefer": "respond-async"})
        assert export.status_code == 403
        assert found(matrix, narrow, "Patient") == found(matrix, "x", "Patient")


class TestAScopeForOnePatient:
    """`patient/*.rs` with a patient: nobody else's, and what is nobody's."""

    @pytest.fixture
    def patient(self, matrix: Matrix) -> UUID:
        return matrix.own.world.patients[0].id

    @pytest.fixture
    def one(self, token: Token, patient: UUID) -> str:
        return token("patient/*.rs", patient=patient)

    def test_finds_that_patient_alone(self, matrix, one, patient):
        assert found(matrix, one, "Patient?_count=200") == {f"Patient/{patient}"}

    @pytest.mark.parametrize("kind", ["Appointment", "ServiceRequest", "CarePlan", "Consent", "Encounter"])
    def test_finds_of_each_kind_only_what_is_about_them(self, matrix, one, patient, kind):
        theirs = found(matrix, "c", f"{kind}?patient=Patient/{patient}&_count=200")

        assert found(matrix, one, f"{kind}?_count=200") == theirs

    def test_hides_everybody_else(self, matrix, one):
        other = matrix.own.world.patients[1].id

        assert status(matrix, one, "GET", f"Patient/{other}") == 404
        assert status(matrix, one, "GET", f"Patient/{other}/_history") == 404
        assert status(matrix, one, "GET", f"Patient/{other}/$everything") == 404

    def test_shows_what_is_nobodys_but_not_when_nurses_work(self, matrix, one):
        assert f"Slot/{matrix.own.free_slot.id}" in found(matrix, one, "Slot?_count=200")
        shift = matrix.own.world.shifts[0].id
        assert status(matrix, "c", "GET", f"Slot/{shift}") == 200
        assert status(matrix, one, "GET", f"Slot/{shift}") == 404

    def test_shows_their_home_and_no_other(self, matrix, one):
        world = matrix.own.world
        homes = found(matrix, one, "Location?_count=200")

        assert f"Location/{world.patients[0].home_id}" in homes
        assert f"Location/{world.patients[1].home_id}" not in homes

    def test_without_a_patient_finds_nobody(self, matrix, token):
        nobody = token("patient/*.rs")

        assert found(matrix, nobody, "Patient") == set()
        assert found(matrix, nobody, "Slot") == set()

    def test_with_another_tenants_patient_finds_nobody(self, matrix, token):
        foreign = token("patient/*.rs", patient=matrix.foreign.world.patients[0].id)

        assert found(matrix, foreign, "Patient?_count=200") == set()
        assert found(matrix, foreign, "Appointment?_count=200") == set()


class TestSomeKinds:
    """`user/Appointment.rs`: no other kind, whatever leads to it."""

    @pytest.fixture
    def narrow(self, token: Token) -> str:
        return token("user/Appointment.rs")

    def visit(self, matrix: Matrix) -> tuple[str, UUID]:
        visit = matrix.own.world.visits[0]
        return f"Appointment/{visit.id}", visit.patient_id

    def test_bring_no_other_kind_along(self, matrix, narrow):
        address, patient = self.visit(matrix)
        query = f"?_id={address.partition('/')[2]}&_include=Appointment:patient"

        assert f"Patient/{patient}" in found(matrix, "c", f"Appointment{query}")
        assert found(matrix, narrow, f"Appointment{query}") == {address}

    def test_bring_nothing_along_the_other_way(self, matrix, token):
        _, patient = self.visit(matrix)
        only_patients = token("user/Patient.rs")

        assert found(matrix, only_patients, f"Patient?_id={patient}&_revinclude=Appointment:patient") == {
            f"Patient/{patient}"
        }

    @pytest.mark.parametrize(
        "query",
        [
            "Appointment?patient.gender=female",
            "Appointment?patient._id={patient}",
            "Appointment?actor:Patient.name=a",
        ],
    )
    def test_chain_through_no_other_kind(self, matrix, narrow, query):
        _, patient = self.visit(matrix)
        answer = matrix.ask(narrow, "GET", f"/fhir/{query.format(patient=patient)}")

        assert "entry" not in answer.json(), query

    def test_ask_nothing_of_other_kinds_backwards(self, matrix, token):
        _, patient = self.visit(matrix)
        only_patients = token("user/Patient.rs")
        query = f"Patient?_id={patient}&_has:Appointment:patient:status=booked,proposed,pending"

        answer = matrix.ask(only_patients, "GET", f"/fhir/{query}")

        assert "entry" not in answer.json()

    def test_of_a_narrow_query_bring_only_its_part_along(self, matrix, token):
        address, patient = self.visit(matrix)
        others = token("user/Appointment.rs", f"user/Patient.rs?_id={matrix.own.world.patients[1].id}")

        assert found(
            matrix, others, f"Appointment?_id={address.partition('/')[2]}&_include=Appointment:patient"
        ) == {address}
        assert found(matrix, others, f"Appointment?patient._id={patient}") == set()

    def test_hide_the_others_of_a_batch(self, matrix, narrow):
        address, patient = self.visit(matrix)
        entries = [{"request": {"method": "GET", "url": url}} for url in (address, f"Patient/{patient}")]
        body = {"resourceType": "Bundle", "type": "batch", "entry": entries}

        answer = matrix.ask(narrow, "POST", "/fhir", json=body).json()

        assert [each["response"]["status"][:3] for each in answer["entry"]] == ["200", "403"]

    def test_allow_only_the_verbs_that_they_name(self, matrix, token):
        address, _ = self.visit(matrix)
        only_read, only_search = token("user/Appointment.r"), token("user/Appointment.s")

        assert status(matrix, only_read, "GET", address) == 200
        assert status(matrix, only_read, "GET", "Appointment") == 403
        assert status(matrix, only_search, "GET", address) == 403
        assert status(matrix, only_search, "GET", "Appointment") == 200
        assert status(matrix, only_read, "DELETE", address) == 403

    def test_never_widen_a_role(self, matrix, token):
        nurse = token("user/*.cruds", letter="n")

        assert status(matrix, nurse, "GET", "Provenance") == 403
        assert found(matrix, nurse, "Patient?_count=200") == found(matrix, "n", "Patient?_count=200")
