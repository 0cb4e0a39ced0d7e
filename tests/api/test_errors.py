"""Every kind of error, as both parts of the application tell it."""

import logging
import sqlite3
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.exc import IntegrityError, OperationalError

from api import errors
from api.middleware import BodyLimit, Surroundings
from careapp.consultations.taking import SlotTaken
from careapp.errors import CareError, Conflict, Forbidden, Invalid, NotFound, Unavailable

CANARY = "Erika Mustermann"


def broken_database() -> OperationalError:
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    return OperationalError(f"INSERT {CANARY}", {"name": CANARY}, full)


def unexplained() -> IntegrityError:
    return IntegrityError(f"INSERT {CANARY}", {"name": CANARY}, sqlite3.IntegrityError(CANARY))


RAISED: dict[str, Exception] = {
    "missing": NotFound("there is no such thing"),
    "changed": Conflict("look again"),
    "wrong": Invalid("write it otherwise"),
    "forbidden": Forbidden("ask somebody else"),
    "away": Unavailable("start the database"),
    "strange": CareError("no kind"),
    "taken": SlotTaken("this slot has just been taken: choose another one"),
    "full": broken_database(),
    "unique": unexplained(),
    "bug": KeyError(CANARY),
}


@pytest.fixture
def client() -> Iterator[TestClient]:
    """An application whose every address raises."""
    app = FastAPI(redirect_slashes=False)
    app.add_middleware(BodyLimit, most_bytes=50)
    app.add_middleware(Surroundings)
    errors.install(app)

    @app.get("/api/{name}")
    @app.get("/fhir/{name}")
    def fail(name: str) -> None:
        raise RAISED[name]

    @app.post("/api/echo")
    @app.post("/fhir/echo")
    def echo(body: dict[str, int]) -> None:
        del body

    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


KINDS = [
    ("missing", 404, "not-found"),
    ("changed", 409, "conflict"),
    ("taken", 409, "conflict"),
    ("wrong", 400, "invalid"),
    ("forbidden", 403, "forbidden"),
    ("away", 503, "transient"),
    ("full", 503, "transient"),
    ("strange", 500, "exception"),
    ("unique", 500, "exception"),
    ("bug", 500, "exception"),
]


class TestAnswers:
    @pytest.mark.parametrize(("name", "status", "_issue"), KINDS)
    def test_are_problem_details_under_api(self, client, name, status, _issue):
        response = client.get(f"/api/{name}")

        problem = response.json()
        assert response.status_code == problem["status"] == status
        assert response.headers["content-type"] == "application/problem+json"
        assert problem.keys() == {"type", "title", "status", "detail", "instance"}
        assert problem["instance"] == f"urn:careapp:request:{response.headers['x-request-id']}"

    @pytest.mark.parametrize(("name", "status", "issue"), KINDS)
    def test_are_operation_outcomes_under_fhir(self, client, name, status, issue):
        response = client.get(f"/fhir/{name}")

        assert response.status_code == status
        assert response.headers["content-type"] == "application/fhir+json"
        outcome = response.json()
        assert outcome["resourceType"] == "OperationOutcome"
        assert [(each["severity"], each["code"]) for each in outcome["issue"]] == [("error", issue)]

    def test_carry_the_errors_name_and_sentence(self, client):
        problem = client.get("/api/taken").json()

        assert problem["type"] == "urn:careapp:problem:slot-taken"
        assert problem["detail"] == "this slot has just been taken: choose another one"

    @pytest.mark.parametrize("name", ["away", "full"])
    def test_say_when_to_try_again(self, client, name):
        assert int(client.get(f"/api/{name}").headers["retry-after"]) > 0

    @pytest.mark.parametrize("name", ["unique", "bug", "full"])
    def test_keep_the_values_at_hand_out_of_answer_and_log(self, client, caplog, name):
        caplog.set_level(logging.DEBUG)

        response = client.get(f"/api/{name}?name={CANARY}")

        assert CANARY not in response.text
        assert CANARY not in caplog.text
        assert response.headers["x-request-id"] in caplog.text

    def test_log_where_the_unexpected_happened(self, client, caplog):
        response = client.get("/api/bug")

        assert "KeyError" in caplog.text
        assert "test_errors.py" in caplog.text
        assert response.headers["x-request-id"] in response.json()["detail"]


class TestHttpErrors:
    @pytest.mark.parametrize("part", ["api", "fhir"])
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [("GET", "/nothing/here", 404), ("PUT", "/echo", 405), ("POST", "/echo/", 404)],
    )
    def test_have_the_same_shape(self, client, part, method, path, status):
        response = client.request(method, f"/{part}{path}")

        assert response.status_code == status
        expected = {"api": "application/problem+json", "fhir": "application/fhir+json"}[part]
        assert response.headers["content-type"] == expected

    def test_say_which_methods_there_are(self, client):
        assert client.put("/api/missing").headers["allow"] == "GET"

    @pytest.mark.parametrize("as_chunks", [False, True])
    def test_refuse_a_body_that_is_too_large(self, client, as_chunks):
        body = b'{"a": ' + b"1" * 60 + b"}"

        response = client.post(
            "/api/echo",
            content=iter([body[:30], body[30:]]) if as_chunks else body,
            headers={"content-type": "application/json"},
        )

        assert response.status_code == 413
        assert response.headers["content-type"] == "application/problem+json"


class TestBadBodies:
    def test_tell_each_fault_by_its_json_pointer(self, client):
        response = client.post("/api/echo", json={"a/b": "x", "c": 1})

        assert response.status_code == 422
        assert response.json()["errors"] == [
            {"in": "body", "pointer": "#/a~1b", "detail": "must be a whole number"}
        ]

    @pytest.mark.parametrize("body", ["{", "nonsense", '{"a": }'])
    def test_that_are_no_json_are_malformed(self, client, body):
        response = client.post("/api/echo", content=body, headers={"content-type": "application/json"})

        assert response.status_code == 400
        assert response.json()["detail"]

    def test_in_another_format_are_refused_as_such(self, client):
        response = client.post("/api/echo", content="a=1", headers={"content-type": "text/plain"})

        assert response.status_code == 415

    def test_that_are_nested_beyond_reason_are_refused(self, client):
        response = client.post("/api/echo", content="[" * 49, headers={"content-type": "application/json"})

        assert response.status_code == 400

    def test_are_told_as_operation_outcomes_under_fhir(self, client):
        response = client.post("/fhir/echo", json={"a": "x"})

        assert response.json()["issue"] == [
            {"severity": "error", "code": "invalid", "diagnostics": "a: must be a whole number"}
        ]
