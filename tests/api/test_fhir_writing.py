"""Writing through HTTP: what the routes add to the interactions."""

from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.database import open_sessions
from tests.api.test_fhir import FHIR, is_outcome
from tests.careapp.worlds import an_organisation
from tests.fhir.interactions.conftest import a_document, an_entry

BASE = "http://127.0.0.1/fhir"


@pytest.fixture(autouse=True)
def _organisation(engine) -> None:
    """The only one, so that everybody knows whose patients they are."""
    with open_sessions(engine).begin() as session:
        an_organisation(session)


def post(client: TestClient, document: Any = None, **headers: str) -> Any:
    return client.post(
        "/fhir/Patient", json=document or a_document(), headers={"content-type": FHIR, **headers}
    )


def a_fhirpath_patch(operation: str, *, path: str, value: str) -> dict[str, Any]:
    parts = [
        {"name": "type", "valueCode": operation},
        {"name": "path", "valueString": path},
        {"name": "value", "valueDate": value},
    ]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


@pytest.fixture
def key(client) -> str:
    """Id of a patient."""
    found: str = post(client).json()["id"]
    return found


class TestCreate:
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_tells_where_the_resource_is(self, client, slash):
        response = client.post(f"/fhir/Patient{slash}", json=a_document(), headers={"content-type": FHIR})

        key = response.json()["id"]
        assert response.status_code == 201
        assert response.headers["location"] == f"{BASE}/Patient/{key}/_history/1"
        assert response.headers["etag"] == 'W/"1"'
        assert response.headers["last-modified"].endswith("GMT")
        assert response.headers["content-type"].startswith(FHIR)
        assert client.get(f"/fhir/Patient/{key}").json() == response.json()
        assert client.get(f"/fhir/Patient?_id={key}").json()["total"] == 1

    @pytest.mark.parametrize(
        ("wish", "kind"),
        [
            ("return=representation", "Patient"),
            ("return=OperationOutcome", "OperationOutcome"),
            ("handling=strict; return=operationoutcome", "OperationOutcome"),
            ("return=dragon", "Patient"),
        ],
    )
    def test_returns_what_the_client_prefers(self, client, wish, kind):
        response = post(client, prefer=wish)

        assert (response.status_code, response.json()["resourceType"]) == (201, kind)

    def test_returns_nothing_to_whom_that_is_enough(self, client):
        response = post(client, prefer="return=minimal")

        assert (response.status_code, response.content) == (201, b"")
        assert client.get(response.headers["location"]).json()["resourceType"] == "Patient"

    def test_under_a_condition_makes_it_once(self, client):
        first = post(client, **{"if-none-exist": "family=sommer"})
        again = post(client, **{"if-none-exist": "Patient?family=sommer"})
        post(client)
        third = post(client, **{"if-none-exist": "family=sommer"})

        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()
        assert again.headers["location"] == first.headers["location"]
        assert is_outcome(third, 412, "multiple-matches")
        assert is_outcome(post(client, **{"if-none-exist": ""}), 400)

    @pytest.mark.parametrize(
        ("kind", "document", "status"),
        [
            ("Patient", {"resourceType": "Slot"}, 400),
            ("Patient", a_document(gender="divers"), 422),
            ("Dragon", {"resourceType": "Dragon"}, 404),
            ("List", {"resourceType": "List", "status": "current", "mode": "working"}, 405),
        ],
    )
    def test_refuses_what_cannot_be_taken(self, client, kind, document, status):
        response = client.post(f"/fhir/{kind}", json=document, headers={"content-type": FHIR})

        assert is_outcome(response, status)

    def test_names_each_fault_with_its_place(self, client):
        contact = {"gender": "divers", "name": {"text": "Nachbar"}}

        issues = post(client, a_document(gender="divers", contact=[contact])).json()["issue"]

        assert [issue["expression"] for issue in issues] == [
            ["Patient.gender"],
            ["Patient.contact[0].gender"],
        ]


class TestUpdate:
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_makes_the_next_version(self, client, key, slash):
        response = client.put(
            f"/fhir/Patient/{key}{slash}", json=a_document("Winter", id=key), headers={"if-match": 'W/"1"'}
        )

        assert response.status_code == 200
        assert response.headers["etag"] == 'W/"2"'
        assert response.headers["location"] == f"{BASE}/Patient/{key}/_history/2"

    @pytest.mark.parametrize(
        ("tag", "status", "code"), [('W/"2"', 412, "conflict"), ('"x"', 412, "conflict"), ("x", 400, "value")]
    )
    def test_refuses_another_version(self, client, key, tag, status, code):
        response = client.put(
            f"/fhir/Patient/{key}", json=a_document("Winter", id=key), headers={"if-match": tag}
        )

        assert is_outcome(response, status, code)

    def test_refuses_another_id_and_makes_nothing_under_one(self, client, key):
        other = str(uuid4())

        assert is_outcome(client.put(f"/fhir/Patient/{key}", json=a_document(id=other)), 400)
        assert is_outcome(client.put(f"/fhir/Patient/{other}", json=a_document(id=other)), 405)

    @pytest.mark.parametrize("slash", ["", "/"])
    def test_replaces_what_a_condition_finds(self, client, key, slash):
        response = client.put(f"/fhir/Patient{slash}?_id={key}", json=a_document("Winter"))

        assert (response.status_code, response.json()["id"]) == (200, key)
        assert is_outcome(client.put("/fhir/Patient", json=a_document()), 400)


class TestPatch:
    @pytest.mark.parametrize(
        "address", ["Patient/{key}", "Patient/{key}/", "Patient?_id={key}", "Patient/?_id={key}"]
    )
    @pytest.mark.parametrize(
        ("media_type", "patch"),
        [
            ("application/json-patch+json", [{"op": "replace", "path": "/birthDate", "value": "1940-01-01"}]),
            (FHIR, a_fhirpath_patch("replace", path="Patient.birthDate", value="1940-01-01")),
        ],
    )
    def test_changes_a_part(self, client, key, address, media_type, patch):
        response = client.patch(
            "/fhir/" + address.format(key=key),
            json=patch,
            headers={"content-type": media_type, "if-match": 'W/"1"'},
        )

        assert response.status_code == 200
        assert response.headers["etag"] == 'W/"2"'
        assert (response.json()["birthDate"], response.json()["gender"]) == ("1940-01-01", "female")

    @pytest.mark.parametrize(
        ("media_type", "patch", "status"),
        [
            ("application/json-patch+json", {}, 400),
            ("application/json-patch+json", [{"op": "test", "path": "/gender", "value": "male"}], 422),
            ("application/json-patch+json", [{"op": "replace", "path": "/gender", "value": "divers"}], 422),
            ("application/json-patch+json", [{"op": "replace", "path": "/id", "value": "7"}], 422),
            (FHIR, {"resourceType": "Patient"}, 400),
            (FHIR, a_fhirpath_patch("move", path="Patient.birthDate", value="1940-01-01"), 400),
            ("text/plain", [], 415),
        ],
    )
    def test_refuses_what_cannot_be_done(self, client, key, media_type, patch, status):
        response = client.patch(f"/fhir/Patient/{key}", json=patch, headers={"content-type": media_type})

        assert is_outcome(response, status)
        assert client.get(f"/fhir/Patient/{key}").headers["etag"] == 'W/"1"'

    def test_of_what_is_not_there_is_not_found(self, client):
        patch = a_fhirpath_patch("replace", path="Patient.birthDate", value="1940-01-01")

        assert is_outcome(client.patch(f"/fhir/Patient/{uuid4()}", json=patch), 404)
        assert is_outcome(client.patch("/fhir/Patient?family=niemand", json=patch), 404)


class TestDelete:
    @pytest.mark.parametrize("address", ["Patient/{key}", "Patient/{key}/", "Patient?_id={key}"])
    def test_leaves_a_tombstone(self, client, key, address):
        response = client.delete("/fhir/" + address.format(key=key))

        assert (response.status_code, response.content) == (204, b"")
        assert is_outcome(client.get(f"/fhir/Patient/{key}"), 410, "deleted")
        assert is_outcome(client.get(f"/fhir/Patient/{key}/_history/2"), 410, "deleted")
        assert client.get(f"/fhir/Patient/{key}/_history/1").json()["id"] == key
        assert client.delete(f"/fhir/Patient/{key}").status_code == 204

    def test_without_a_condition_removes_nothing(self, client, key):
        assert is_outcome(client.delete("/fhir/Patient"), 400)
        assert is_outcome(client.delete("/fhir/Patient?_sort=_id"), 400)
        assert is_outcome(client.delete("/fhir/Patient?colour=red"), 400)
        assert client.get(f"/fhir/Patient/{key}").status_code == 200


class TestHistory:
    @pytest.mark.parametrize("address", ["_history", "Patient/_history", "Patient/{key}/_history"])
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_tells_all_versions(self, client, key, address, slash):
        client.put(f"/fhir/Patient/{key}", json=a_document("Winter", id=key))

        bundle = client.get(f"/fhir/{address.format(key=key)}{slash}?_count=100").json()

        versions = [
            entry["resource"]["meta"]["versionId"]
            for entry in bundle["entry"]
            if entry["resource"]["id"] == key
        ]
        assert (bundle["type"], versions) == ("history", ["2", "1"])

    def test_answers_a_version_once(self, client, key):
        response = client.get(f"/fhir/Patient/{key}/_history/1/")
        again = client.get(f"/fhir/Patient/{key}/_history/1", headers={"if-none-match": 'W/"1"'})

        assert (response.json()["id"], response.headers["etag"]) == (key, 'W/"1"')
        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize(
        ("address", "status"),
        [
            ("Patient/7/_history", 404),
            ("Dragon/_history", 404),
            ("Patient/7/_history/1", 404),
            ("Patient/_history?_since=x", 400),
            ("Patient/_history?_page=x", 410),
        ],
    )
    def test_of_what_is_not_there_is_an_outcome(self, client, address, status):
        assert is_outcome(client.get(f"/fhir/{address}"), status)


class TestBundle:
    @pytest.mark.parametrize("address", ["/fhir", "/fhir/"])
    def test_is_done_in_one_request(self, client, address):
        name = f"urn:uuid:{uuid4()}"
        linked = a_document(link=[{"other": {"reference": name}, "type": "seealso"}])
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                an_entry("POST", "Patient", linked),
                an_entry("POST", "Patient", a_document(), full_url=name),
            ],
        }

        response = client.post(address, json=bundle, headers={"prefer": "return=representation"})

        first, second = (entry["resource"] for entry in response.json()["entry"])
        assert response.status_code == 200
        assert first["link"][0]["other"]["reference"] == f"Patient/{second['id']}"

    def test_that_fails_half_way_leaves_nothing_and_names_the_entry(self, client):
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                an_entry("POST", "Patient", a_document()),
                an_entry("POST", "Patient", a_document(gender="divers")),
            ],
        }

        response = client.post("/fhir", json=bundle)

        assert is_outcome(response, 422)
        assert response.json()["issue"][0]["expression"][0].startswith("Bundle.entry[1].resource")
        assert client.get("/fhir/Patient").json()["total"] == 0

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"resourceType": "Patient"}, 400),
            ({"resourceType": "Bundle", "type": "searchset"}, 400),
            ({"resourceType": "Bundle", "type": "batch", "entry": [None, 7, {}]}, 200),
        ],
    )
    def test_that_is_none_is_refused(self, client, body, status):
        response = client.post("/fhir", json=body)

        assert response.status_code == status
        assert response.json()["resourceType"] in {"OperationOutcome", "Bundle"}
