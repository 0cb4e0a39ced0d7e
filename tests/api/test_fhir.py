"""FHIR through HTTP: what the generic router adds to search and read."""

from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from fastapi.testclient import TestClient

from api.database import open_sessions
from fhir.mapping.registry import RESOURCES
from tests.api.conftest import LOOPBACK
from tests.api.operators import app_of_operator
from tests.careapp.worlds import World, a_world

FHIR = "application/fhir+json"


@pytest.fixture
def world(engine) -> World:
    """The world, written through sessions that keep the FHIR documents."""
    with open_sessions(engine).begin() as session:
        return a_world(session)


BEYOND = "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"


def is_outcome(response, status: int, code: str | None = None) -> bool:
    issues = response.json()["issue"]
    return (
        response.status_code == status
        and response.headers["content-type"] == FHIR
        and response.json()["resourceType"] == "OperationOutcome"
        and (code is None or [issue["code"] for issue in issues] == [code])
    )


class TestMetadata:
    @pytest.mark.parametrize("path", ["/fhir/metadata", "/fhir/metadata/"])
    def test_lists_every_resource(self, client, path):
        response = client.get(path)

        statement = response.json()
        assert response.headers["content-type"] == FHIR
        assert statement["fhirVersion"] == "4.0.1"
        assert statement["implementation"]["url"] == "http://127.0.0.1/fhir"
        (rest,) = statement["rest"]
        assert {each["type"] for each in rest["resource"]} >= {resource.kind for resource in RESOURCES}


class TestSearch:
    @pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.kind)
    def test_answers_a_searchset_for_every_kind(self, client, world, resource):
        bundle = client.get(f"/fhir/{resource.kind}").json()

        assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
        assert bundle["total"] == len(bundle.get("entry", []))

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_is_the_same_by_address_and_by_form(self, client, world, slash):
        query = f"_id={world.slot.id}"

        by_address = client.get(f"/fhir/Slot{slash}?{query}").json()
        by_form = client.post(
            f"/fhir/Slot/_search{slash}",
            content=query,
            headers={"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
        ).json()

        assert by_address == by_form
        assert [entry["resource"]["id"] for entry in by_address["entry"]] == [str(world.slot.id)]

    def test_without_a_form_finds_everything(self, client, world):
        assert client.post("/fhir/Patient/_search").json()["total"] == 3

    def test_pages_until_everything_was_seen(self, client, world):
        seen: list[str] = []
        address: str | None = "/fhir/Patient?_count=2"
        while address:
            bundle = client.get(address).json()
            seen += [entry["resource"]["id"] for entry in bundle["entry"]]
            address = next((link["url"] for link in bundle["link"] if link["relation"] == "next"), None)

        assert sorted(seen) == sorted(str(patient.id) for patient in world.patients)

    def test_goes_on_with_a_page_after_a_restart(self, client, world, settings, engine):
        bundle = client.get("/fhir/Patient?_count=2").json()
        address = next(link["url"] for link in bundle["link"] if link["relation"] == "next")

        again = app_of_operator(settings, engine=engine, runs_jobs=False)
        with TestClient(again, base_url=LOOPBACK) as restarted:
            page = restarted.get(address).json()

        seen = [entry["resource"]["id"] for entry in bundle["entry"] + page["entry"]]
        assert sorted(seen) == sorted(str(patient.id) for patient in world.patients)

    def test_of_a_page_that_is_not_ours_is_gone(self, client):
        assert is_outcome(client.get("/fhir/Slot?_page=abcd"), 410, "expired")

    def test_ignores_what_is_unknown_unless_the_client_is_strict(self, client, world):
        strict = {"prefer": "return=representation; handling=strict"}

        assert client.get("/fhir/Slot?colour=red").status_code == 200
        assert is_outcome(client.get("/fhir/Slot?colour=red", headers=strict), 400)

    def test_refuses_a_malformed_value(self, client):
        assert is_outcome(client.get("/fhir/Slot?start=yesterday"), 400, "invalid")

    @pytest.mark.parametrize(
        ("body", "media_type", "status"),
        [(b"{}", "application/json", 415), (b"name=\xff", "application/x-www-form-urlencoded", 400)],
    )
    def test_refuses_what_is_no_form(self, client, body, media_type, status):
        response = client.post("/fhir/Slot/_search", content=body, headers={"content-type": media_type})

        assert is_outcome(response, status)


class TestRead:
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_answers_the_stored_document(self, client, world, slash):
        response = client.get(f"/fhir/Slot/{world.slot.id}{slash}")

        assert response.json()["id"] == str(world.slot.id)
        assert response.headers["etag"] == f'W/"{response.json()["meta"]["versionId"]}"'
        assert response.headers["last-modified"].endswith("GMT")
        assert response.headers["content-type"] == FHIR

    def test_is_not_sent_twice(self, client, world):
        tag = client.get(f"/fhir/Slot/{world.slot.id}").headers["etag"]

        again = client.get(f"/fhir/Slot/{world.slot.id}", headers={"if-none-match": tag})

        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize(
        ("seconds", "status"),
        [(0, 304), (3600, 304), (-1, 200), ("yesterday", 200), ("", 200), (BEYOND, 200)],
    )
    def test_is_sent_if_it_was_written_since(self, client, world, seconds, status):
        written = parsedate_to_datetime(client.get(f"/fhir/Slot/{world.slot.id}").headers["last-modified"])
        is_date = isinstance(seconds, int)
        since = format_datetime(written + timedelta(seconds=seconds), usegmt=True) if is_date else seconds

        again = client.get(f"/fhir/Slot/{world.slot.id}", headers={"if-modified-since": since})

        assert again.status_code == status

    def test_does_not_mind_many_parameters(self, client, world):
        query = "&".join(f"colour={number}" for number in range(200))

        assert client.get(f"/fhir/Slot/{world.slot.id}?{query}").status_code == 200

    def test_shows_what_the_api_has_changed(self, client, world):
        before = client.get(f"/fhir/Slot/{world.slot.id}")
        client.post(f"/api/slots/{world.slot.id}/booking", json={"patient_id": str(world.patients[0].id)})

        after = client.get(
            f"/fhir/Slot/{world.slot.id}", headers={"if-none-match": before.headers["etag"]}
        ).json()

        assert (before.json()["status"], after["status"]) == ("free", "busy")

    @pytest.mark.parametrize(
        "path", ["Slot/5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02", "Slot/x", "Dragon", "Dragon/1"]
    )
    def test_of_what_is_not_there_is_not_found(self, client, path):
        assert is_outcome(client.get(f"/fhir/{path}"), 404, "not-found")


class TestMethods:
    @pytest.mark.parametrize(
        ("method", "path"), [("POST", "List"), ("PUT", "List/1"), ("DELETE", "List/1"), ("PUT", "List?_id=1")]
    )
    def test_that_a_kind_does_not_take_are_refused_as_outcomes(self, client: TestClient, method, path):
        body = None if method == "DELETE" else {"resourceType": "List"}

        assert is_outcome(client.request(method, f"/fhir/{path}", json=body), 405, "not-supported")

    @pytest.mark.parametrize(("method", "path"), [("DELETE", ""), ("POST", "List/1/_history"), ("PUT", "")])
    def test_that_an_address_does_not_take_are_refused_as_outcomes(self, client: TestClient, method, path):
        assert is_outcome(client.request(method, f"/fhir/{path}"), 405, "not-supported")
