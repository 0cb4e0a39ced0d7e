"""What other systems ask before anything else."""

import pytest

from api.routers.fhir import GROUPS
from api.routers.fhir.discovery import answered_by
from fhir.discovery.operations import OPERATIONS, is_described
from fhir.mapping.registry import RESOURCES

ANSWERED = answered_by(GROUPS)


class TestRoutes:
    def test_of_operations_are_all_described(self):
        assert [offer for offer in ANSWERED.operations if not is_described(offer)] == []

    def test_answer_every_operation_that_is_described(self):
        answered = {(offer.kind, offer.name) for offer in ANSWERED.operations}

        assert [each.id for each in OPERATIONS if (each.kind, each.name) not in answered] == []

    def test_answer_every_interaction(self):
        assert ANSWERED.interactions >= {
            *("read", "vread", "history-instance", "history-type", "history-system", "search-type"),
            *("create", "update", "patch", "delete", "conditional-update", "conditional-delete"),
            *("transaction", "batch"),
        }


class TestMetadata:
    def test_says_what_can_be_done_with_appointments(self, sqlite_client):
        statement = sqlite_client.get("/fhir/metadata/").json()

        found = next(each for each in statement["rest"][0]["resource"] if each["type"] == "Appointment")
        assert {"read", "search-type", "patch"} <= {each["code"] for each in found["interaction"]}
        assert {"book", "find", "hold"} <= {each["name"] for each in found["operation"]}
        assert {"application/fhir+json", "application/fhir+xml"} <= set(statement["format"])
        assert len(statement["rest"][0]["resource"]) > len(RESOURCES)


class TestDefinitions:
    @pytest.mark.parametrize("kind", ["SearchParameter", "OperationDefinition"])
    def test_are_found_and_read_each(self, sqlite_client, kind):
        bundle = sqlite_client.get(f"/fhir/{kind}/").json()

        assert bundle["total"] == len(bundle["entry"]) > 3
        for entry in bundle["entry"][:5]:
            assert sqlite_client.get(entry["fullUrl"]).json() == entry["resource"]

    def test_are_found_by_a_form(self, sqlite_client):
        bundle = sqlite_client.post(
            "/fhir/SearchParameter/_search", data={"base": "Slot", "code": "start"}
        ).json()

        assert [entry["resource"]["id"] for entry in bundle["entry"]] == ["Slot-start"]

    def test_that_are_unknown_are_not_found(self, sqlite_client):
        response = sqlite_client.get("/fhir/OperationDefinition/nothing")

        assert response.status_code == 404
        assert response.json()["issue"][0]["code"] == "not-found"


class TestSmartConfiguration:
    @pytest.mark.parametrize("base", ["", "/fhir"])
    def test_says_where_to_sign_in(self, sqlite_client, base):
        response = sqlite_client.get(f"{base}/.well-known/smart-configuration")

        assert response.headers["content-type"] == "application/json"
        assert response.json()["authorization_endpoint"] == "http://127.0.0.1/oauth/authorize"


class TestSearchRefusals:
    def test_name_the_parameter(self, sqlite_client):
        response = sqlite_client.get("/fhir/Slot?start=tomorrow")

        assert response.status_code == 400
        assert response.json()["issue"][0]["expression"] == ["http.start"]
