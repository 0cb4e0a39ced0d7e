"""Every kind of resource × interaction × role × {own, foreign tenant, no sign-in, wrong scope}.

What is expected stands here, written by hand from the issue's words, not read from `fhir.access`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from careapp.config import Settings
from fhir.mapping.registry import RESOURCES
from tests.api.matrices import LETTERS, Matrix, a_lasting_matrix, a_matrix

EVERYBODY = "".join(LETTERS)

MAY: dict[str, str] = {
    "Appointment": "c:cruds a:cruds x:cruds s:rs n:rs d:crus",
    "AppointmentResponse": "c:cruds a:cruds x:cruds s:rs n:crus d:crus",
    "AuditEvent": "u:rs x:rs",
    "CarePlan": "c:cruds a:cruds x:cruds s:rs n:rs",
    "CareTeam": "c:cruds a:cruds x:cruds s:rs n:rs",
    "Communication": "c:cruds a:cruds x:cruds s:rs n:crus d:crus",
    "Consent": "c:cruds a:cruds x:cruds s:rs n:rs",
    "Encounter": "c:cruds a:cruds x:cruds s:rs n:crus d:crus",
    "HealthcareService": "c:cruds a:cruds x:cruds s:rs n:rs d:rs",
    "List": "c:cruds a:cruds x:cruds s:rs n:rs",
    "Location": "c:cruds a:cruds x:cruds s:rs n:rs d:rs",
    "Organization": "c:cruds a:cruds x:cruds s:rs n:rs d:rs",
    "Patient": "c:cruds a:cruds x:cruds s:rs n:rs d:rs",
    "Practitioner": "c:cruds a:cruds x:cruds s:rs n:rs d:rs",
    "PractitionerRole": "c:cruds a:cruds x:cruds s:rs n:rs d:rs",
    "Provenance": "c:cruds a:cruds x:cruds s:rs",
    "RelatedPerson": "c:cruds a:cruds x:cruds s:rs n:rs",
    "Schedule": "c:cruds a:cruds x:cruds s:rs n:rs d:cruds",
    "ServiceRequest": "c:cruds a:cruds x:cruds s:rs n:rs",
    "Slot": "c:cruds a:cruds x:cruds s:rs n:rs d:cruds",
    "Subscription": "c:cruds a:cruds x:cruds s:rs",
    "Task": "c:cruds a:cruds x:cruds s:rs n:rus d:crus",
}
"""Who may do what: create, read, update, delete, search. Of all that is not here nothing may be done."""

OFFERED = {"HealthcareService", "Organization", "Schedule", "Slot"}
"""Kinds of which everybody sees every tenant's."""

REFUSED = {403, 405}
"""Not for this role, or not for anybody: some kinds take no writing."""
NOT_THERE = {404, 405}


@pytest.fixture
def matrix(settings: Settings, sqlite_engine: Engine, now: datetime) -> Iterator[Matrix]:
    with a_matrix(settings, sqlite_engine, now) as matrix:
        yield matrix


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """One for all tests that change nothing."""
    with a_lasting_matrix(tmp_path_factory.mktemp("matrix")) as matrix:
        yield matrix


@pytest.fixture
def each_matrix(settings: Settings, engine: Engine, now: datetime) -> Iterator[Matrix]:
    with a_matrix(settings, engine, now) as matrix:
        yield matrix


def letters_of(kind: str, letter: str) -> str:
    return dict(each.split(":") for each in MAY[kind].split()).get(letter, "")


def total_of(answer: Any) -> int:
    assert answer.status_code == 200, answer.text
    return int(answer.json()["total"])


class TestTheTable:
    def test_speaks_of_every_kind(self):
        assert set(MAY) == {resource.kind for resource in RESOURCES}


class TestReadingOnBothDatabases:
    @pytest.mark.parametrize("letter", EVERYBODY)
    def test_is_as_the_table_says(self, each_matrix, letter):
        matrix, wrong = each_matrix, []
        for kind in MAY:
            may = letters_of(kind, letter)
            own, foreign = matrix.own_id(letter, kind), matrix.ids[kind][1]
            of_foreign = 200 if kind in OFFERED else 404
            for address, key, there, needs in (
                (f"/fhir/{kind}/{{}}", own, 200, "r"),
                (f"/fhir/{kind}/{{}}/_history", own, 200, "r"),
                (f"/fhir/{kind}/{{}}/_history/1", own, 200, "r"),
                (f"/fhir/{kind}/{{}}", foreign, of_foreign, "r"),
                (f"/fhir/{kind}/{{}}/_history", foreign, of_foreign, "r"),
                (f"/fhir/{kind}/{{}}/_history/1", foreign, of_foreign, "r"),
                (f"/fhir/{kind}?_id={{}}&_summary=count", own, 1, "s"),
                (f"/fhir/{kind}?_id={{}}&_summary=count", foreign, int(kind in OFFERED), "s"),
            ):
                answer = matrix.ask(letter, "GET", address.format(key))
                got = answer.status_code
                if needs not in may:
                    wrong += [] if got == 403 else [(address, key == own, got, 403)]
                    continue
                if there in (0, 1):
                    got = total_of(answer)
                wrong += [] if got == there else [(address, key == own, got, there)]

        assert wrong == []


@pytest.mark.parametrize("kind", sorted(MAY))
class TestReading:
    def test_tells_of_a_whole_kind_nothing_foreign(self, read_only, kind):
        matrix = read_only
        foreign = str(matrix.ids[kind][1])
        for letter in EVERYBODY:
            may = "s" in letters_of(kind, letter)
            for method, address in (
                ("GET", f"/fhir/{kind}?_count=200"),
                ("POST", f"/fhir/{kind}/_search"),
                ("GET", f"/fhir/{kind}/_history?_count=200"),
            ):
                answer = matrix.ask(letter, method, address)

                assert answer.status_code == (200 if may else 403), (letter, address)
                assert kind in OFFERED or not may or foreign not in fields_of(answer), (letter, address)

    def test_needs_a_sign_in_and_a_scope(self, read_only, kind):
        matrix = read_only
        own = matrix.ids[kind][0]
        for address in (
            f"/fhir/{kind}",
            f"/fhir/{kind}/{own}",
            f"/fhir/{kind}/{own}/_history",
            f"/fhir/{kind}/{own}/_history/1",
            f"/fhir/{kind}/_history",
        ):
            assert matrix.ask(None, "GET", address).status_code == 401
            for letter in EVERYBODY:
                assert matrix.ask(f"{letter}-", "GET", address).status_code == 403, (letter, address)

    def test_with_a_token_for_everything_is_what_the_role_allows(self, read_only, kind):
        matrix = read_only
        for letter in EVERYBODY:
            answer = matrix.ask(f"{letter}!", "GET", f"/fhir/{kind}/{matrix.own_id(letter, kind)}")

            assert answer.status_code == (200 if "r" in letters_of(kind, letter) else 403), letter

    def test_by_support_ends_with_its_grant(self, read_only, kind):
        matrix = read_only
        if kind == "AuditEvent":
            assert matrix.ask("s?", "GET", f"/fhir/{kind}").status_code == 403
            return
        answer = matrix.ask("s?", "GET", f"/fhir/{kind}/{matrix.ids[kind][0]}")

        assert answer.status_code == (200 if kind in OFFERED else 404)


def fields_of(bundle: Any) -> set[str]:
    """List the ids of a bundle's resources; references to others do not count."""
    return {
        entry["resource"]["id"]
        for entry in bundle.json().get("entry", [])
        if "id" in entry.get("resource", {})
    }


@pytest.mark.parametrize("kind", sorted(MAY))
class TestWriting:
    def test_is_as_the_table_says(self, matrix, kind):
        for letter in EVERYBODY:
            own = matrix.own_id(letter, kind)
            document = matrix.ask("!", "GET", f"/fhir/{kind}/{own}").json()
            for method, address, body, needs in (
                ("POST", f"/fhir/{kind}", {"resourceType": kind}, "c"),
                ("PUT", f"/fhir/{kind}/{own}", document, "u"),
                ("PATCH", f"/fhir/{kind}/{own}", [], "u"),
            ):
                answer = send(matrix, letter, method, address, body)

                if needs in letters_of(kind, letter):
                    assert answer.status_code not in {401, 403, 404}, (letter, method, answer.text)
                else:
                    assert answer.status_code in REFUSED, (letter, method, answer.text)

    def test_removes_as_the_table_says(self, matrix, kind):
        who_may = [letter for letter in EVERYBODY if "d" in letters_of(kind, letter)]
        for letter in sorted(EVERYBODY, key=who_may.__contains__):
            own = matrix.own_id(letter, kind)
            answer = matrix.ask(letter, "DELETE", f"/fhir/{kind}/{own}")

            if letter in who_may:
                assert answer.status_code not in {401, 403, 404}, (letter, answer.text)
            else:
                assert answer.status_code in REFUSED, (letter, answer.text)
                assert matrix.ask("!", "GET", f"/fhir/{kind}/{own}").status_code == 200

    def test_never_reaches_another_tenant(self, matrix, kind):
        foreign = matrix.ids[kind][1]
        before = matrix.ask("!", "GET", f"/fhir/{kind}/{foreign}")
        for letter in EVERYBODY:
            for method, address, body in (
                ("PUT", f"/fhir/{kind}/{foreign}", before.json()),
                ("PUT", f"/fhir/{kind}?_id={foreign}", before.json()),
                ("PATCH", f"/fhir/{kind}/{foreign}", []),
                ("PATCH", f"/fhir/{kind}?_id={foreign}", []),
                ("DELETE", f"/fhir/{kind}/{foreign}", None),
                ("DELETE", f"/fhir/{kind}?_id={foreign}", None),
            ):
                answer = send(matrix, letter, method, address, body)

                told = (
                    {204} if method == "DELETE" and "?" in address else set()
                )  # a condition that finds none
                assert answer.status_code in REFUSED | NOT_THERE | {400, 409, 412, 422} | told, (
                    letter,
                    method,
                    answer.text,
                )

        after = matrix.ask("!", "GET", f"/fhir/{kind}/{foreign}")
        assert (after.status_code, after.headers["etag"]) == (200, before.headers["etag"])

    def test_needs_a_sign_in_and_a_scope(self, matrix, kind):
        own = matrix.ids[kind][0]
        document = matrix.ask("!", "GET", f"/fhir/{kind}/{own}").json()
        for method, address, body in (
            ("POST", f"/fhir/{kind}", {"resourceType": kind}),
            ("PUT", f"/fhir/{kind}/{own}", document),
            ("PATCH", f"/fhir/{kind}/{own}", []),
            ("DELETE", f"/fhir/{kind}/{own}", None),
        ):
            assert send(matrix, None, method, address, body).status_code == 401
            for letter in "cx":
                assert send(matrix, f"{letter}-", method, address, body).status_code in REFUSED


def send(matrix: Matrix, who: str | None, method: str, address: str, body: Any) -> Any:
    if body is None:
        return matrix.ask(who, method, address)
    media_type = "application/json-patch+json" if method == "PATCH" else "application/fhir+json"
    return matrix.ask(who, method, address, json=body, headers={"Content-Type": media_type})
