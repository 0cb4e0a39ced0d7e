"""What other systems sent is found by the parameters that it belongs to, beside what rows hold."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import orjson
import pytest
from sqlalchemy.orm import Session, sessionmaker

from fhir.search.query import search
from tests.careapp.worlds import EVERYONE, an_organisation
from tests.fhir.conftest import BASE, PAGE_KEY, ZONE, ids_of
from tests.fhir.writers.conftest import Sender, a_street

Find = Callable[[str, str], list[str]]


@pytest.fixture
def find(sessions: sessionmaker[Session]) -> Find:
    def find(kind: str, query: str) -> list[str]:
        with sessions.begin() as session:
            bundle: dict[str, Any] = orjson.loads(
                search(
                    session,
                    kind=kind,
                    query_string=query,
                    base_url=BASE,
                    viewer=EVERYONE,
                    zone=ZONE,
                    page_key=PAGE_KEY,
                    strict=True,
                )
            )
        return ids_of(bundle)

    return find


@pytest.fixture
def organisation(sessions: sessionmaker[Session]) -> str:
    with sessions.begin() as session:
        found = an_organisation(session)
        found.is_synthetic = False
        return str(found.id)


class TestAPractitioner:
    def test_is_found_by_what_no_column_holds(self, sender: Sender, find: Find, organisation: str):
        person = sender.create(
            {
                "resourceType": "Practitioner",
                "meta": {
                    "tag": [{"system": "http://fhir.de/CodeSystem/common-meta-tag-de", "code": "external"}],
                    "security": [{"code": "R"}],
                },
                "identifier": [{"system": "urn:example:staff", "value": "42"}],
                "name": [{"family": "Pfleger", "given": ["Paul"]}],
                "telecom": [
                    {"system": "phone", "value": "+492931"},
                    {"system": "email", "value": "p@example.org"},
                ],
                "address": [{"line": ["Am Bach 3"], "city": "Olpe", "postalCode": "57462", "country": "DE"}],
                "communication": [
                    {"coding": [{"system": "urn:ietf:bcp:47", "code": "pl"}], "text": "Polnisch"}
                ],
            }
        )

        for query in (
            "identifier=42",
            "identifier=urn:example:staff|42",
            "_tag=http://fhir.de/CodeSystem/common-meta-tag-de|external",
            "_security=R",
            "address=olpe",
            "address:contains=bach",
            "address-city:exact=Olpe",
            "address-postalcode=574",
            "address-country=DE",
            "telecom=%2B492931",
            "phone=%2B492931",
            "email=p@example.org",
            "communication=urn:ietf:bcp:47|pl",
            "communication:text=olnis",
            "address:missing=false",
        ):
            assert find("Practitioner", query) == [person["id"]], query
        for query in (
            "phone=p@example.org",
            "address=Bach",
            "communication=de",
            "_tag=internal",
            "email:missing=true",
        ):
            assert find("Practitioner", query) == [], query


class TestAPatient:
    def test_is_found_by_own_columns_and_by_what_was_sent(
        self, sender: Sender, find: Find, organisation: str
    ):
        sender.streets.known["home"] = a_street()
        doctor = sender.create(
            {
                "resourceType": "Practitioner",
                "name": [{"family": "Arzt", "given": ["Anna"]}],
                "gender": "female",
            }
        )
        patient = sender.create(
            {
                "resourceType": "Patient",
                "name": [{"family": "Berg", "given": ["Berta"]}],
                "gender": "female",
                "birthDate": "1941-02-03",
                "address": [
                    {
                        "use": "home",
                        "type": "both",
                        "line": ["Am Bach 3"],
                        "city": "Olpe",
                        "postalCode": "57462",
                    },
                    {"use": "temp", "type": "both", "line": ["Kurweg 1"], "city": "Bad Laasphe"},
                ],
                "telecom": [{"system": "email", "value": "b@example.org"}],
                "generalPractitioner": [{"reference": f"Practitioner/{doctor['id']}"}],
            }
        )

        for query in (
            "address-city=olpe",
            "address-city=bad laasphe",
            "email=b@example.org",
            f"general-practitioner=Practitioner/{doctor['id']}",
            "general-practitioner:Practitioner.family=arzt",
            "general-practitioner.name=anna",
        ):
            assert find("Patient", query) == [patient["id"]], query
        assert find("Patient", f"general-practitioner=Practitioner/{uuid4()}") == []
        assert find("Practitioner", "_has:Patient:general-practitioner:family=berg") == [doctor["id"]]
        along = find("Patient", "_include=Patient:general-practitioner")
        assert along == [patient["id"], doctor["id"]]
