"""Attacks on the edge: too much, too deep, what splits an answer; each is refused, and costs little."""

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from tests.api import processes

JSON = {"content-type": "application/json"}
FHIR = {"content-type": "application/fhir+json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
XML = {"content-type": "application/fhir+xml"}
PATIENT = "/fhir/Patient/5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02"
N = 30_000
"""Pieces that are sent where a few are expected; a rule that looks back takes minutes for so many."""
MOST_OF_ADDRESS = 60_000
"""Letters that a client sends."""
MOST_CPU_S = 20.0
"""An answer takes hundredths; what doubles with each letter, or squares 30,000, takes far longer."""

ENTRY = b'{"request":{"method":"GET","url":"Patient"}}'
BODIES = [
    # name, path, headers, body, status
    ("nested lists", "/api/visits", JSON, b"[" * 900_000, 400),
    ("nested objects", "/api/visits", JSON, b'{"a":' * 150_000, 400),
    ("nested FHIR", "/fhir/Patient", FHIR, b'{"a":' * 200_000, 400),
    ("FHIR deeper than 100", "/fhir/Patient", FHIR, b"[" * 101 + b"]" * 101, 400),
    ("a number of many digits", "/api/visits", JSON, b'{"minutes":' + b"9" * 900_000 + b"}", 400),
    (
        "the same in FHIR",
        "/fhir/Patient",
        FHIR,
        b'{"resourceType":"Patient","x":' + b"9" * 900_000 + b"}",
        400,
    ),
    ("more than a megabyte", "/api/visits", JSON, b" " * 1_000_001, 413),
    ("a form of more than 100 kB", "/fhir/Patient/_search", FORM, b"name=" + b"x" * 100_001, 413),
    ("a form of more than 100 fields", "/fhir/Patient/_search", FORM, b"name=a&" * 101, 400),
    (
        "a bundle of more than 2500 entries",
        "/fhir",
        FHIR,
        b'{"resourceType":"Bundle","type":"batch","entry":[' + b",".join([ENTRY] * 2501) + b"]}",
        400,
    ),
    (
        "an entity of XML",
        "/fhir/Patient",
        XML,
        b'<!DOCTYPE a [<!ENTITY a "aaa">]><Patient xmlns="http://hl7.org/fhir"><id value="&a;"/></Patient>',
        400,
    ),
    (
        "an external entity of XML",
        "/fhir/Patient",
        XML,
        b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><Patient><id value="&a;"/></Patient>',
        400,
    ),
]

ADDRESSES = {
    "a date of digits": "/fhir/Patient?birthdate=" + "1" * N,
    "a moment of zeros": "/fhir/Patient?birthdate=ge2020-01-01T" + "0" * N + "!",
    "a name": "/fhir/Patient?name=" + "a" * N + "!",
    "a name of blanks": "/fhir/Patient?name=" + "%20" * N,
    "a part of a name": "/fhir/Patient?name:contains=" + "%25" * N,
    "a name of escapes": "/fhir/Patient?name=" + "%5C" * N,
    "a token of bars": "/fhir/Patient?identifier=" + "|" * N,
    "a reference": "/fhir/Slot?schedule=" + "Schedule/" * N,
    "a chain": "/fhir/Slot?" + "schedule." * 3000 + "actor=1",
    "a chain backwards": "/fhir/Patient?" + "_has:Appointment:patient:" * 1000 + "status=x",
    "an include": "/fhir/Slot?_include=" + ":" * N,
    "a sort": "/fhir/Slot?_sort=" + "-start," * N,
    "elements": "/fhir/Slot?_elements=" + "a," * N,
    "alternatives": "/fhir/Slot?status=" + "," * N,
    "a count": "/fhir/Slot?_count=" + "9" * 4000,
    "a moment of a history": "/fhir/Slot/_history?_since=" + "2" * N,
    "a moment": "/api/slots?from=2026-03-03T00:00:00." + "0" * N + "&to=x",
    "an id": "/api/visits/" + "a" * N,
    "folders": "/" + "a/" * N,
    "a day": "/api/days/" + "1" * N,
    "an hour of change": "/fhir/Slot?_lastUpdated=ge" + "2020-" * N,
}

HEADERS = {
    "if-match": 'W/"' + "1" * N,
    "if-none-match": '"a",' * N,
    "if-none-exist": "name=" + "a" * N,
    "if-modified-since": "Mon, " * N,
    "prefer": ", " * N,
    "accept": "application/fhir+json;" + "q=0;" * N,
    "range": "bytes=" + "0-0," * N,
    "content-type": "a;" * N,
    "origin": "http://" + "a." * N,
    "host": "a." * N,
    "authorization": "Bearer " + "." * N,
    "cookie": "a=b;" * N,
    "x-forwarded-for": "1," * N,
    "last-event-id": "1" * N,
}


@pytest.fixture
def cheaply() -> Iterator[None]:
    """Fail if what follows goes on and on; the processor's time, not the clock's."""
    began = time.process_time()
    yield
    assert time.process_time() - began < MOST_CPU_S


class TestTooMuch:
    @pytest.mark.parametrize(
        ("path", "headers", "body", "status"), [each[1:] for each in BODIES], ids=[each[0] for each in BODIES]
    )
    def test_in_a_body_is_refused(self, sqlite_client: TestClient, cheaply, path, headers, body, status):
        response = sqlite_client.post(path, content=body, headers=headers)

        assert response.status_code == status
        assert "root:" not in response.text

    def test_in_pieces_of_unknown_number_is_refused(self, sqlite_client: TestClient):
        response = sqlite_client.post(
            "/api/visits", content=(b" " * 100_000 for _ in range(11)), headers=JSON
        )

        assert response.status_code == 413

    @pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
    def test_in_an_address_is_answered_at_once(self, sqlite_client: TestClient, cheaply, address):
        assert sqlite_client.get(address[:MOST_OF_ADDRESS]).status_code < 500

    @pytest.mark.parametrize("name", HEADERS)
    def test_in_a_header_is_answered_at_once(self, sqlite_client: TestClient, cheaply, name):
        for path in ("/fhir/Slot", "/map"):
            assert sqlite_client.get(path, headers={name: HEADERS[name]}).status_code < 500

    @pytest.mark.parametrize(
        ("headers", "body"),
        [
            (
                FHIR,
                b'{"resourceType":"Parameters","parameter":[{"name":"operation","part":['
                b'{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Patient.'
                + b"name." * 6000
                + b'"}]}]}',
            ),
            (
                {"content-type": "application/json-patch+json"},
                b'[{"op":"add","path":"' + b"/a" * N + b'","value":1}]',
            ),
        ],
        ids=["FHIRPath", "JSON Pointer"],
    )
    def test_in_a_patch_is_answered_at_once(self, sqlite_client: TestClient, cheaply, headers, body):
        assert 400 <= sqlite_client.patch(PATIENT, content=body, headers=headers).status_code < 500

    def test_in_all_headers_together_is_refused(self, sqlite_client: TestClient):
        headers = {f"x-{number}": "a" * 1000 for number in range(70)}

        assert sqlite_client.get("/api/about", headers=headers).status_code == 431
        assert sqlite_client.get("/fhir/Slot?_id=" + "a" * 59_985).status_code == 400
        # Path and query of 60,001 bytes: 10 + 4 + 59,987.
        assert sqlite_client.get("/fhir/Slot?_id=" + "a" * 59_987).status_code == 414

    def test_on_a_page_is_never_asked_for(self, sqlite_client: TestClient):
        assert sqlite_client.get("/fhir/Slot?_count=1000000").status_code == 200
        assert sqlite_client.get("/api/visits?limit=201").status_code == 400


SPLITS = ["a%0d%0aSet-Cookie:%20x=1", "a%0aSet-Cookie:%20x=1", "a%E5%98%8A%E5%98%8DSet-Cookie:%20x=1"]


class TestHeaderInjection:
    @pytest.mark.parametrize("text", SPLITS)
    @pytest.mark.parametrize(
        "path",
        [
            "/fhir/Patient?name={}",
            "/fhir/Patient/{}",
            "/fhir/{}",
            "/fhir/Slot?_sort={}",
            "/api/visits?after={}",
            "/api/visits/{}",
            "/app/assets/{}",
            "/map?date={}",
            "/{}",
        ],
    )
    def test_through_an_address_splits_no_answer(self, sqlite_client: TestClient, path, text):
        response = sqlite_client.get(
            path.format(text), headers={"prefer": "respond-async"}, follow_redirects=False
        )

        assert response.status_code < 500
        assert "set-cookie" not in response.headers
        assert not any("\r" in value or "\n" in value for value in response.headers.values())

    def test_through_a_body_splits_no_answer(self, sqlite_client: TestClient):
        patient = {"resourceType": "Patient", "id": "a\r\nSet-Cookie: x=1", "name": [{"family": "a\r\nX: y"}]}

        response = sqlite_client.post("/fhir/Patient", json=patient, headers=FHIR)

        assert response.status_code < 500
        assert not any("\r" in value or "\n" in value for value in response.headers.values())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[processes.Server]:
    folder = tmp_path_factory.mktemp("wire")
    assert processes.run("migrate", data_dir=folder).returncode == 0
    with processes.serving(folder) as server:
        yield server


class TestWire:
    """What only the real server sees: the bytes of a request."""

    @pytest.mark.parametrize(
        "lines",
        [
            ["GET /api/about HTTP/1.1", "Host: {host}", "Host: evil.example"],
            ["GET /api/about HTTP/1.1"],
            ["GET /api/about HTTP/1.1", "Host: {host}", "X: a\rb"],
            ["GET /api/about HTTP/1.1", "Host: {host}", "X : a"],
            ["GET /api/about HTTP/1.1", "Host: {host}", "X: " + "a" * 200_000],
            ["GET /" + "a" * 200_000 + " HTTP/1.1", "Host: {host}"],
            [
                "GET /api/about HTTP/1.1",
                "Host: {host}",
                *(f"X-{number}: {'a' * 50}" for number in range(3000)),
            ],
            # Two lengths: a proxy might go by the one and we by the other.
            ["POST /api/visits HTTP/1.1", "Host: {host}", "Content-Length: 1", "Content-Length: 2"],
            ["POST /api/visits HTTP/1.1", "Host: {host}", "Content-Length: +1"],
            ["POST /api/visits HTTP/1.1", "Host: {host}", "Transfer-Encoding: chunked, gzip"],
        ],
        ids=[
            "two hosts",
            "no host",
            "a return inside",
            "a blank before the colon",
            "a long header",
            "a long address",
            "many headers",
            "two lengths",
            "a length with a sign",
            "an unknown encoding",
        ],
    )
    def test_is_refused_if_it_is_malformed_or_too_long(self, server, lines):
        status = ask(server.address, lines)

        # The server may also close before it has read all of what is too much.
        assert status is None or 400 <= status < 500 or status == 501


def ask(address: str, lines: list[str]) -> int | None:
    """Send a head as it stands; return the status of the answer, None if there is none."""
    host = urlsplit(address)
    head = "\r\n".join(lines).replace("{host}", host.netloc) + "\r\n\r\n"
    with socket.create_connection((host.hostname or "", host.port or 0), timeout=10) as connection:
        try:
            connection.sendall(head.encode())
            answer = connection.recv(1000)
        except ConnectionError:
            return None
    return int(answer.split(b" ", 2)[1]) if answer else None
