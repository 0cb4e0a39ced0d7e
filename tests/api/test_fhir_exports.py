"""$everything and $export through HTTP: order, status, files, deletion."""

from datetime import timedelta

import orjson
import pytest
from sqlalchemy import select

from api import worker
from api.database import open_sessions
from api.dependencies import read_now
from careapp import clock
from careapp.jobs import queue
from careapp.jobs.cleaning import forget_old
from careapp.records.chain import unpacked
from careapp.records.models import AuditEvent
from tests.api.test_fhir import is_outcome
from tests.careapp.worlds import World, a_world

ASYNC = {"prefer": "respond-async", "accept": "application/fhir+json"}


@pytest.fixture
def world(engine) -> World:
    with open_sessions(engine).begin() as session:
        return a_world(session)


@pytest.fixture
def work(engine, settings, now):
    """Do the next job, as the worker does; return its exit code."""

    def work() -> int:
        sessions = open_sessions(engine)
        with sessions.begin() as session:
            job = queue.claim_next(session, now=clock.now(), lease=timedelta(minutes=1))
            assert job is not None
        return worker.run(
            sessions, job_id=job.id, token=job.token, settings=settings, on_start=lambda _: None
        )

    return work


@pytest.fixture
def client(app, client):
    del app.dependency_overrides[read_now]  # a job ends at the real hour
    return client


@pytest.fixture
def ordered(client, world) -> str:
    """Address of the status of an export that was ordered."""
    response = client.get("/fhir/$export", headers=ASYNC)
    assert (response.status_code, response.content) == (202, b"")
    address: str = response.headers["content-location"]
    assert address.startswith("http://127.0.0.1/fhir/$export-status/")
    return address


class TestRecord:
    def test_names_every_patient_of_a_file_that_is_fetched(self, client, world, work, ordered, sessions):
        work()
        files = client.get(ordered).json()["output"]
        (address,) = [file["url"] for file in files if file["type"] == "Patient"]

        answer = client.get(address)

        with sessions() as session:
            rows = session.scalars(
                select(AuditEvent).where(AuditEvent.request_id == answer.headers["x-request-id"])
            ).all()
        named = {patient for row in rows for patient in unpacked(row.patients or b"")}
        assert named == {patient.id for patient in world.patients}
        assert {(row.action, row.interaction) for row in rows} == {("get_export_file", "operation")}


class TestEverything:
    @pytest.mark.parametrize("slash", ["", "/"])
    def test_is_asked_by_address_and_by_body(self, client, world, slash):
        key = world.patients[0].id
        body = {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": "Patient"}]}

        by_address = client.get(f"/fhir/Patient/{key}/$everything{slash}?_type=Patient").json()
        by_body = client.post(f"/fhir/Patient/{key}/$everything{slash}", json=body).json()
        of_all = client.get(f"/fhir/Patient/$everything{slash}?_type=Patient").json()

        assert by_address["entry"][0]["resource"]["id"] == str(key)
        assert by_body == by_address
        assert len(of_all["entry"]) == len(world.patients)

    def test_of_nobody_is_not_found(self, client, world):
        assert is_outcome(client.get("/fhir/Patient/x/$everything"), 404, "not-found")


class TestExport:
    def test_is_ordered_waited_for_and_fetched(self, client, world, ordered, work, settings):
        waiting = client.get(ordered)
        assert (waiting.status_code, waiting.headers["x-progress"]) == (202, "waiting")
        assert int(waiting.headers["retry-after"]) > 0

        assert work() == 0

        done = client.get(ordered)
        manifest = done.json()
        assert (done.status_code, done.headers["content-type"]) == (200, "application/json")
        assert "expires" in done.headers
        assert manifest["request"] == "http://127.0.0.1/fhir/$export"
        (patients,) = [each for each in manifest["output"] if each["type"] == "Patient"]
        file = client.get(patients["url"], headers={"accept": "application/fhir+ndjson"})
        assert file.headers["content-type"] == "application/fhir+ndjson"
        read = [orjson.loads(line)["id"] for line in file.content.splitlines()]
        assert sorted(read) == sorted(str(patient.id) for patient in world.patients)
        assert patients["count"] == len(read)

    @pytest.mark.parametrize("method", ["get", "post"])
    def test_is_ordered_for_patients_and_groups(self, client, world, method):
        body = {"json": {"resourceType": "Parameters"}} if method == "post" else {}

        answers = [
            client.request(method, f"/fhir/{path}/$export", headers=ASYNC, **body).status_code
            for path in ("Patient", f"Group/{world.organisation.id}")
        ]

        assert answers == [202, 202]

    @pytest.mark.parametrize(
        ("path", "headers", "status"),
        [
            ("$export", {}, 400),
            ("$export?_type=Dragon", ASYNC, 400),
            ("$export?_typeFilter=x", ASYNC, 400),
            ("Group/x/$export", ASYNC, 404),
            ("Group/5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02/$export", ASYNC, 404),
            ("$export", ASYNC | {"accept": "text/html"}, 406),
            ("$export-status/5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1c02", {}, 404),
            ("$export-status/x", {}, 400),
        ],
    )
    def test_is_refused_with_an_outcome(self, client, world, path, headers, status):
        assert is_outcome(client.get(f"/fhir/{path}", headers=headers), status)

    def test_ignores_unknown_parameters_for_lenient_clients(self, client, world):
        lenient = ASYNC | {"prefer": "respond-async, handling=lenient"}

        assert client.get("/fhir/$export?_typeFilter=x", headers=lenient).status_code == 202

    def test_is_gone_once_deleted(self, client, ordered, work, engine, settings):
        work()
        address = client.get(ordered).json()["output"][0]["url"]

        assert client.delete(ordered).status_code == 202

        assert is_outcome(client.get(ordered), 404, "not-found")
        assert is_outcome(client.get(address), 404, "not-found")
        assert is_outcome(client.delete(ordered), 404, "not-found")
        assert len(list(settings.exports_dir.iterdir())) == 1
        with open_sessions(engine).begin() as session:
            forget_old(session, now=clock.now(), settings=settings)
        assert list(settings.exports_dir.iterdir()) == []

    def test_that_waits_is_stopped_by_its_deletion(self, client, ordered):
        assert client.delete(ordered).status_code == 202

        assert is_outcome(client.get(ordered), 404, "not-found")

    def test_expires(self, client, app, ordered, work, settings, engine):
        work()
        later = clock.now() + timedelta(hours=settings.answers_keep_h + 1)
        app.dependency_overrides[read_now] = lambda: later

        assert is_outcome(client.get(ordered), 404, "not-found")

        with open_sessions(engine).begin() as session:
            forget_old(session, now=later, settings=settings)
        assert list(settings.exports_dir.iterdir()) == []

    def test_has_only_the_files_it_lists(self, client, ordered, work):
        work()
        address = ordered.replace("$export-status", "$export-file")

        assert is_outcome(client.get(f"{address}/..%2F..%2Fcareapp.sqlite"), 404)
        assert is_outcome(client.get(f"{address}/Dragon.ndjson"), 404)

    def test_that_failed_says_so(self, client, ordered, work, settings):
        settings.exports_dir.write_text("in the way")

        assert work() == 1

        response = client.get(ordered)
        assert is_outcome(response, 500, "exception")
        assert "data folder" in response.json()["issue"][0]["diagnostics"]

    def test_takes_so_many_at_once(self, client, world):
        answers = [client.get("/fhir/$export", headers=ASYNC) for _ in range(11)]

        assert [answer.status_code for answer in answers[:10]] == [202] * 10
        assert is_outcome(answers[10], 429, "throttled")
