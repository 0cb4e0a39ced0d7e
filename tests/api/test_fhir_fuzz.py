"""Whatever is sent to the FHIR part: never a 5xx, and an OperationOutcome when it is refused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.database import open_sessions
from api.dependencies import read_now
from careapp.config import Settings
from careapp.migrate import upgrade
from fhir.mapping.registry import RESOURCES
from fhir.validation.check import errors
from tests.api.conftest import LOOPBACK
from tests.api.operators import app_of_operator
from tests.fhir.rows import a_served_world
from tests.keys import open_engine
from tests.mutations import ANYTHING, mutated

Json = dict[str, Any]
FHIR = "application/fhir+json"
KINDS = [resource.kind for resource in RESOURCES]
FUZZ = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    engine = open_engine(f"sqlite:///{folder / 'careapp.sqlite'}")
    upgrade(engine)
    with open_sessions(engine).begin() as session:
        a_served_world(session)
    app = app_of_operator(Settings.read(data_dir=folder), engine=engine, runs_jobs=False)
    app.dependency_overrides[read_now] = lambda: datetime(2026, 3, 2, 17, tzinfo=UTC)
    with TestClient(app, base_url=LOOPBACK) as client:
        yield client
    engine.dispose()


@pytest.fixture(scope="module")
def served(client: TestClient) -> dict[str, Json]:
    """A resource of each kind that there is."""
    found = {}
    for kind in KINDS:
        entries = client.get(f"/fhir/{kind}").json().get("entry", [])
        if entries:
            found[kind] = entries[0]["resource"]
    return found


def is_fine(response: httpx2.Response) -> bool:
    """Whether an answer is good, or a refusal as FHIR wants it."""
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        outcome = response.json()
        assert errors(outcome) == []
        assert all(issue["diagnostics"] for issue in outcome["issue"])
    return True


WORDS = st.sampled_from(
    [
        *(
            "eq2026",
            "ne",
            "2026-02-30",
            "2026-03-02T25:00",
            "0001-01-01",
            "9999-12-31T23:59:59Z",
            "ap2026-03",
        ),
        *("|", "a|b|c", "\\", "\\|", ",", "$", "Patient/"),
        *("Patient/1/_history/1", "#1", "http://", "urn:uuid:1", "true", "null", "-1", "1e999", "NaN", "%"),
        *("\x00", "\ud800", "'", '"; DROP TABLE patient; --', "ß", "(", "[a", "*", "a" * 3000),
    ]
)
TEXTS = st.text(max_size=30) | WORDS | st.lists(WORDS, max_size=3).map(",".join)
SHAPING = (
    "_sort _count _total _summary _elements _include _revinclude _has _page _format _type _since _pretty"
)
NAMES = st.sampled_from(
    [
        *sorted({name for resource in RESOURCES for name in resource.all_parameters}),
        *SHAPING.split(),
        *("_has:Appointment:patient:status", "patient.name", "actor:Patient.family"),
    ]
)
MODIFIERS = st.sampled_from(
    ["", ":not", ":exact", ":contains", ":missing", ":text", ":above", ":Patient", "."]
)


def encoded(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"))


class TestSearch:
    @FUZZ
    @given(
        kind=st.sampled_from(KINDS),
        asked=st.lists(st.tuples(NAMES, MODIFIERS, TEXTS), min_size=1, max_size=4),
    )
    def test_by_anything_is_answered_or_refused(self, client, kind, asked):
        query = "&".join(f"{encoded(name + modifier)}={encoded(value)}" for name, modifier, value in asked)

        assert is_fine(client.get(f"/fhir/{kind}?{query}"))
        assert is_fine(
            client.post(
                f"/fhir/{kind}/_search",
                content=query,
                headers={"content-type": "application/x-www-form-urlencoded", "prefer": "handling=strict"},
            )
        )

    @FUZZ
    @given(query=st.binary(max_size=60))
    def test_by_any_bytes_is_answered_or_refused(self, client, query):
        assert is_fine(client.get(f"/fhir/Patient?{quote(query, safe='=&:.,|$+')}"))

    @FUZZ
    @given(
        parts=st.lists(TEXTS | st.sampled_from([*KINDS, "_history", "$book", "1"]), min_size=1, max_size=4),
        method=st.sampled_from(["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"]),
    )
    def test_at_any_address_is_answered_or_refused(self, client, parts, method):
        address = "/".join(encoded(part).replace("/", "%2F") for part in parts)
        response = client.request(method, f"/fhir/{address}")

        assert response.status_code < 500


def dumped(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


class TestBodies:
    @settings(FUZZ, max_examples=250)
    @given(data=st.data(), kind=st.sampled_from(KINDS), is_new=st.booleans())
    def test_that_are_almost_right_are_taken_or_refused(self, client, served, data, kind, is_new):
        body = dumped(data.draw(mutated(served[kind])))
        headers = {"content-type": FHIR}

        if is_new:
            assert is_fine(client.post(f"/fhir/{kind}", content=body, headers=headers))
        else:
            assert is_fine(client.put(f"/fhir/{kind}/{served[kind]['id']}", content=body, headers=headers))
        assert is_fine(client.get(f"/fhir/{kind}/{served[kind]['id']}"))

    @FUZZ
    @given(kind=st.sampled_from(KINDS), body=st.binary(max_size=60) | ANYTHING.map(dumped))
    def test_of_any_bytes_are_refused(self, client, kind, body):
        response = client.post(f"/fhir/{kind}", content=body, headers={"content-type": FHIR})

        assert is_fine(response)
        assert response.status_code in {400, 405, 422}

    @FUZZ
    @given(
        entries=st.lists(ANYTHING, max_size=4),
        kind=st.sampled_from(["batch", "transaction", "collection", ""]),
    )
    def test_that_are_bundles_of_anything_are_answered_or_refused(self, client, entries, kind):
        body = dumped({"resourceType": "Bundle", "type": kind, "entry": entries})

        assert is_fine(client.post("/fhir", content=body, headers={"content-type": FHIR}))

    @FUZZ
    @given(
        kind=st.sampled_from(KINDS),
        operations=ANYTHING
        | st.lists(
            st.fixed_dictionaries(
                {
                    "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test", "x"]),
                    "path": st.sampled_from(["/status", "/id", "/a/b", "/0", "", "//", "/name/0/family"]),
                    "from": st.sampled_from(["/status", "/a"]),
                    "value": ANYTHING,
                }
            ),
            max_size=3,
        ),
    )
    def test_that_are_patches_are_taken_or_refused(self, client, served, kind, operations):
        response = client.patch(
            f"/fhir/{kind}/{served[kind]['id']}",
            content=dumped(operations),
            headers={"content-type": "application/json-patch+json"},
        )

        assert is_fine(response)

    def test_of_deep_json_are_refused(self, client):
        body = b'{"resourceType":"Patient","extension":' + b"[" * 100_000 + b"]" * 100_000 + b"}"

        response = client.post("/fhir/Patient", content=body, headers={"content-type": FHIR})

        assert is_fine(response)
        assert response.status_code == 400

    def test_of_deep_elements_are_refused_with_their_place(self, client):
        deep: Json = {"url": "http://a.b", "valueCode": "x"}
        for _ in range(45):
            deep = {"url": "http://a.b", "extension": [deep]}

        response = client.post("/fhir/Patient", json={"resourceType": "Patient", "extension": [deep]})

        assert response.status_code in {400, 422}
        assert is_fine(response)

    def test_of_fifty_megabytes_are_refused(self, client):
        body = orjson.dumps({"resourceType": "Patient", "name": [{"text": "a" * 50_000_000}]})

        response = client.post("/fhir/Patient", content=body, headers={"content-type": FHIR})

        assert is_fine(response)
        assert response.status_code in {413, 422}

    def test_of_ten_thousand_entries_are_answered_one_by_one(self, client):
        entry = {"request": {"method": "GET", "url": "Patient/nobody"}}
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry] * 10_000}

        response = client.post("/fhir", json=bundle, headers={"content-type": FHIR})

        assert is_fine(response)
        if response.status_code == 200:
            statuses = {each["response"]["status"].partition(" ")[0] for each in response.json()["entry"]}
            assert statuses == {"404"}

    def test_with_foreign_entities_are_refused(self, client):
        body = (
            b'<?xml version="1.0"?><!DOCTYPE Patient [<!ENTITY secret SYSTEM "file:///etc/passwd">]>'
            b'<Patient xmlns="http://hl7.org/fhir"><name><family value="&secret;"/></name></Patient>'
        )

        response = client.post(
            "/fhir/Patient", content=body, headers={"content-type": "application/fhir+xml"}
        )

        assert is_fine(response)
        assert response.status_code in {400, 415}
        assert "root:" not in response.text


HEADERS = "if-match if-none-match if-none-exist if-modified-since prefer accept content-type"
HEADER_VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40) | st.sampled_from(
    [
        *('W/"1"', 'W/"x"', '"', "*", 'W/"99999999999999999999"', "respond-async", "return=x", "name=%00"),
        *("application/fhir+json; fhirVersion=5.0", "application/fhir+json; fhirVersion=4.0", "_id=1&_id=2"),
        *("text/html", "application/fhir+json;q=x", ";;", 'a/b;c="d'),
    ]
)


class TestHeaders:
    @FUZZ
    @given(name=st.sampled_from(HEADERS.split()), value=HEADER_VALUES)
    def test_of_any_content_are_heeded_or_refused(self, client, served, name, value):
        patient = served["Patient"]
        headers = {"content-type": FHIR, name: value.strip()}

        for response in (
            client.get(f"/fhir/Patient/{patient['id']}", headers=headers),
            client.put(f"/fhir/Patient/{patient['id']}", content=dumped(patient), headers=headers),
            client.post("/fhir/Patient", content=b'{"resourceType":"Patient"}', headers=headers),
        ):
            assert response.status_code < 500, response.text

    @pytest.mark.parametrize(
        ("accept", "status"),
        [
            ("application/fhir+json; fhirVersion=4.0", 200),
            ("application/fhir+json; fhirVersion=5.0", 406),
            ("text/turtle", 406),
        ],
    )
    def test_name_the_version_of_fhir(self, client, accept, status):
        response = client.get("/fhir/Patient", headers={"accept": accept})

        assert response.status_code == status
        assert is_fine(response)
