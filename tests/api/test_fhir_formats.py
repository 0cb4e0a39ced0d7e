"""FHIR through HTTP: in which format an answer is written, and how a body is read."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from fastapi import Depends, FastAPI, Request, Response
from fastapi.testclient import TestClient

from api import errors
from api.database import open_sessions
from api.middleware import BodyLimit, Surroundings
from api.routers.fhir.answers import answer
from api.routers.fhir.asked import refuse_other_formats
from api.routers.fhir.bodies import BodyOfKind, ChangeBody, ResourceBody
from fhir.formats.json import Number, write_json
from fhir.formats.xml_reader import read_xml
from fhir.formats.xml_writer import write_xml
from tests.careapp.worlds import World, a_world

JSON = "application/fhir+json"
XML = "application/fhir+xml"
SLOT = {
    "resourceType": "Slot",
    "status": "free",
    "extension": [{"url": "http://a.example", "valueInteger": 1}],
}


def read(response: Any) -> dict[str, Any]:
    """Read an answer of either format."""
    read: dict[str, Any] = (
        read_xml(response.content)
        if response.headers["content-type"] == XML
        else orjson.loads(response.content)
    )
    return read


@pytest.fixture
def world(engine) -> World:
    """The world, written through sessions that keep the FHIR documents."""
    with open_sessions(engine).begin() as session:
        return a_world(session)


class TestFormats:
    @pytest.mark.parametrize(
        ("accept", "chosen"),
        [
            (JSON, JSON),
            ("application/json", JSON),
            ("*/*", JSON),
            (f"{XML};q=0.5, {JSON};fhirVersion=4.0", JSON),
            ("text/html, application/*;q=0.1", JSON),
            (XML, XML),
            ("text/xml", XML),
            (f"{JSON};q=0.5, {XML};fhirVersion=4.0", XML),
        ],
    )
    def test_follow_the_header(self, sqlite_client, accept, chosen):
        response = sqlite_client.get("/fhir/metadata", headers={"accept": accept})

        assert response.status_code == 200
        assert response.headers["content-type"] == chosen
        assert response.headers["vary"] == "Accept"
        assert read(response)["resourceType"] == "CapabilityStatement"

    @pytest.mark.parametrize(
        "accept", ["text/html", "application/fhir+turtle", f"{JSON}; fhirVersion=5.0", f"{JSON};q=0"]
    )
    def test_that_are_not_written_here_are_refused(self, sqlite_client, accept):
        response = sqlite_client.get("/fhir/Slot", headers={"accept": accept})

        assert response.status_code == 406
        assert read(response)["issue"][0]["code"] == "not-supported"

    def test_may_be_named_in_several_headers(self, sqlite_client):
        headers = [("accept", "text/html"), ("accept", XML)]

        assert sqlite_client.get("/fhir/metadata", headers=headers).headers["content-type"] == XML

    @pytest.mark.parametrize(
        ("name", "chosen"),
        [
            ("json", JSON),
            ("application/fhir+json", JSON),
            ("application/fhir%2Bjson", JSON),
            ("xml", XML),
            ("application%2Ffhir%2Bxml", XML),
        ],
    )
    def test_of_the_address_win_over_the_header(self, sqlite_client, name, chosen):
        accept = XML if chosen == JSON else JSON

        response = sqlite_client.get(f"/fhir/Slot?_format={name}", headers={"accept": accept})

        assert (response.status_code, response.headers["content-type"]) == (200, chosen)

    def test_of_the_address_that_are_not_written_here_are_refused(self, sqlite_client):
        assert sqlite_client.get("/fhir/Slot?_format=ttl").status_code == 406

    def test_of_a_form_count_too(self, sqlite_client):
        good = sqlite_client.post("/fhir/Slot/_search", data={"_format": "xml"})
        bad = sqlite_client.post("/fhir/Slot/_search", data={"_format": "html"})

        assert (good.status_code, good.headers["content-type"]) == (200, XML)
        assert bad.status_code == 406

    @pytest.mark.parametrize(
        "path", ["/fhir/Dragon", "/fhir/Slot/x", "/fhir/Slot?start=yesterday", "/fhir/a/b/c"]
    )
    def test_hold_for_errors_too(self, sqlite_client, path):
        response = sqlite_client.get(path, headers={"accept": XML})

        assert response.status_code in {400, 404}
        assert response.headers["content-type"] == XML
        assert read(response)["resourceType"] == "OperationOutcome"

    @pytest.mark.parametrize("form", ["json", "xml"])
    def test_may_be_indented(self, sqlite_client, form):
        plain = sqlite_client.get(f"/fhir/metadata?_format={form}")
        pretty = sqlite_client.get(f"/fhir/metadata?_format={form}&_pretty=true")

        assert b"\n  " in pretty.content
        assert read(pretty) == read(plain)

    def test_of_a_form_that_is_too_large_are_not_looked_for(self, sqlite_client):
        response = sqlite_client.post(
            "/fhir/Slot/_search",
            content=b"name=" + b"x" * 200_000,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )

        assert response.status_code == 413


@pytest.fixture
def echo() -> Iterator[TestClient]:
    """An application that answers with the body it read."""
    app = FastAPI(redirect_slashes=False)
    app.add_middleware(BodyLimit, most_bytes=10, most_fhir_bytes=2000)
    app.add_middleware(Surroundings)
    errors.install(app)

    @app.post("/fhir/any", dependencies=[Depends(refuse_other_formats)])
    def any_kind(request: Request, body: ResourceBody) -> Response:
        return answer(request, write_json(body), 201, {"ETag": 'W/"1"'})

    @app.put("/fhir/{kind}")
    def one_kind(request: Request, body: BodyOfKind) -> Response:
        return answer(request, b"", 204)

    @app.patch("/fhir/Slot")
    def patched(request: Request, change: ChangeBody) -> Response:
        return answer(request, write_json(change(SLOT)))

    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


class TestBodies:
    @pytest.mark.parametrize(
        ("media_type", "body"),
        [
            (JSON, orjson.dumps(SLOT)),
            ("application/json; charset=utf-8", b"\xef\xbb\xbf" + orjson.dumps(SLOT)),
            (XML, write_xml(orjson.dumps(SLOT))),
            ("text/xml;charset=UTF-8", b"\xef\xbb\xbf" + write_xml(orjson.dumps(SLOT))),
            (f"{XML}; fhirVersion=4.0", write_xml(orjson.dumps(SLOT), is_pretty=True)),
        ],
    )
    @pytest.mark.parametrize("accept", [JSON, XML])
    def test_may_be_of_either_format(self, echo, media_type, body, accept):
        response = echo.post(
            "/fhir/any", content=body, headers={"content-type": media_type, "accept": accept}
        )

        assert (response.status_code, response.headers["content-type"]) == (201, accept)
        assert response.headers["etag"] == 'W/"1"'
        assert read(response) == SLOT

    def test_keep_the_digits_of_decimals(self, echo):
        body = b'{"resourceType":"Location","position":{"longitude":8.10,"latitude":51.0}}'

        response = echo.post("/fhir/any", content=body, headers={"content-type": JSON, "accept": JSON})

        assert response.content == body

    @pytest.mark.parametrize(
        "media_type", ["text/plain", f"{JSON}; fhirVersion=5.0", f"{XML}; fhirVersion=3.0", "", None]
    )
    def test_in_another_format_are_refused(self, echo, media_type):
        headers = {} if media_type is None else {"content-type": media_type}

        response = echo.post("/fhir/any", content=orjson.dumps(SLOT), headers=headers)

        assert response.status_code == 415
        assert read(response)["issue"][0]["code"] == "not-supported"

    @pytest.mark.parametrize("media_type", [JSON, XML])
    @pytest.mark.parametrize("body", [b"", b" \n", b"nonsense", b"[1]", b"<a/>", b"\xff"])
    def test_that_are_no_resource_are_malformed(self, echo, media_type, body):
        response = echo.post("/fhir/any", content=body, headers={"content-type": media_type})

        (issue,) = read(response)["issue"]
        assert response.status_code == 400
        assert issue["diagnostics"]

    def test_that_name_files_of_ours_are_refused(self, echo):
        body = b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><Slot xmlns="http://hl7.org/fhir">&b;</Slot>'

        response = echo.post("/fhir/any", content=body, headers={"content-type": XML})

        assert response.status_code == 400
        assert "document type" in read(response)["issue"][0]["diagnostics"]

    @pytest.mark.parametrize("as_chunks", [False, True])
    def test_that_are_too_large_are_refused(self, echo, as_chunks):
        body = b" " * 3000

        response = echo.post(
            "/fhir/any",
            content=iter([body[:1500], body[1500:]]) if as_chunks else body,
            headers={"content-type": JSON},
        )

        assert response.status_code == 413
        assert read(response)["issue"][0]["code"] == "too-long"

    def test_must_be_of_the_kind_that_the_address_names(self, echo):
        good = echo.put("/fhir/Slot", json=SLOT)
        bad = echo.put("/fhir/Patient", json=SLOT)

        assert (good.status_code, good.content) == (204, b"")
        assert bad.status_code == 400
        assert read(bad)["resourceType"] == "OperationOutcome"


FHIRPATH: dict[str, Any] = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "replace"},
                {"name": "path", "valueString": "Slot.status"},
                {"name": "value", "valueCode": "busy"},
            ],
        }
    ],
}


class TestWritten:
    PATIENT = """<Patient xmlns="http://hl7.org/fhir"><text><status value="generated"/>
      <div xmlns="http://www.w3.org/1999/xhtml"><p>A &amp; <b>B</b></p></div></text>
      <extension url="http://a.example/weight"><valueDecimal value="71.50"/></extension>
      <name><use value="official"/><family value="Müller"/><given value="Erika"/>
      <given id="g"><extension url="http://a.example/x"><valueBoolean value="true"/></extension></given>
      </name><gender value="female"/></Patient>""".encode()

    def test_resources_come_back_as_they_were_sent(self, client, world):
        headers = {"content-type": XML, "accept": XML}

        created = client.post("/fhir/Patient", content=self.PATIENT, headers=headers)

        assert created.status_code == 201, created.text
        sent, found = (
            read_xml(self.PATIENT),
            read_xml(client.get(created.headers["location"], headers=headers).content),
        )
        assert {name: found[name] for name in ("text", "extension", "gender")} == {
            name: sent[name] for name in ("text", "extension", "gender")
        }
        assert found["name"] == sent["name"]
        assert b'<valueDecimal value="71.50"/>' in created.content
        assert b'"valueDecimal":71.50' in client.get(created.headers["location"]).content

    @pytest.mark.parametrize("form", [JSON, XML])
    def test_resources_that_are_held_or_sent_together_keep_their_digits_too(self, client, world, form):
        person = {
            "resourceType": "RelatedPerson",
            "extension": [{"url": "http://a.example/weight", "valueDecimal": Number("71.50")}],
            "patient": {"reference": f"Patient/{world.patients[0].id}"},
        }
        bundle = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [{"resource": person, "request": {"method": "POST", "url": "RelatedPerson"}}],
        }
        content = write_json(bundle) if form == JSON else write_xml(write_json(bundle))
        headers = {"content-type": form, "accept": form, "prefer": "return=representation"}

        done = client.post("/fhir", content=content, headers=headers)

        assert done.status_code == 200, done.text
        assert b"71.50" in done.content
        location = read(done)["entry"][0]["response"]["location"]
        assert b'"valueDecimal":71.50' in client.get(f"/fhir/{location.rpartition('/fhir/')[2]}").content

    @pytest.mark.parametrize("accept", [JSON, XML])
    def test_resources_that_are_refused_are_told_in_the_clients_format(self, client, world, accept):
        body = b'<Patient xmlns="http://hl7.org/fhir"><gender value="divers"/></Patient>'

        response = client.post("/fhir/Patient", content=body, headers={"content-type": XML, "accept": accept})

        assert response.status_code == 422
        assert response.headers["content-type"] == accept
        assert "Patient.gender" in str(read(response))


class TestChanges:
    @pytest.mark.parametrize(
        ("media_type", "body"),
        [
            (JSON, orjson.dumps(FHIRPATH)),
            (XML, write_xml(orjson.dumps(FHIRPATH))),
            ("application/json-patch+json", b'[{"op":"replace","path":"/status","value":"busy"}]'),
        ],
    )
    def test_may_be_described_in_each_way(self, echo, media_type, body):
        response = echo.patch("/fhir/Slot", content=body, headers={"content-type": media_type})

        assert read(response) == SLOT | {"status": "busy"}

    @pytest.mark.parametrize(
        ("media_type", "body", "status"),
        [
            ("application/merge-patch+json", b"{}", 415),
            ("application/xml-patch+xml", b"<diff/>", 415),
            ("application/json-patch+json", b"{}", 400),
            ("application/json-patch+json", b"[", 400),
            ("application/json-patch+json", b'[{"op":"remove","path":"/a"}]', 422),
            (JSON, orjson.dumps(SLOT), 400),
        ],
    )
    def test_that_are_none_are_refused(self, echo, media_type, body, status):
        response = echo.patch("/fhir/Slot", content=body, headers={"content-type": media_type})

        assert response.status_code == status
        assert read(response)["resourceType"] == "OperationOutcome"
