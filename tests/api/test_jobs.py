"""Jobs through HTTP: state, server-sent events, cancellation."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from threading import Timer
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

from api.routers.jobs import LOOK_EVERY_S
from careapp.jobs import queue
from careapp.jobs.models import Job

LEASE = timedelta(minutes=1)


@pytest.fixture
def job(client) -> dict[str, Any]:
    submitted: dict[str, Any] = client.post("/api/days/2026-03-03/plan").json()
    return submitted


@pytest.fixture
def claimed(sessions: sessionmaker[Session], job: dict[str, Any], now: datetime) -> Job:
    """The job, in the hands of a worker."""
    with sessions.begin() as session:
        claimed = queue.claim_next(session, now=now, lease=LEASE)
    assert claimed is not None
    return claimed


@pytest.fixture
def done(sessions: sessionmaker[Session], job: dict[str, Any], claimed: Job, now: datetime) -> dict[str, Any]:
    """The job, claimed and finished."""
    with sessions.begin() as session:
        queue.finish(session, job_id=claimed.id, token=claimed.token, result={"tours": 3}, now=now)
    return job


def events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Read server-sent events; comments are dropped."""
    event: dict[str, str] = {}
    for line in lines:
        if line == "":
            if event:
                yield event
            event = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = value


class TestGetJob:
    def test_shows_how_it_ended(self, client, done):
        job = client.get(f"/api/jobs/{done['id']}").json()

        assert (job["state"], job["result"], job["error"]) == ("done", {"tours": 3}, None)


class TestCancelJob:
    def test_ends_a_waiting_job_at_once(self, client, job):
        response = client.post(f"/api/jobs/{job['id']}/cancellation")

        assert (response.status_code, response.json()["state"]) == (202, "cancelled")

    def test_is_refused_once_the_job_has_ended(self, client, done):
        assert client.post(f"/api/jobs/{done['id']}/cancellation").status_code == 409


class TestFollowJob:
    def test_tells_each_change_and_ends_with_the_job(self, client, sessions, job, claimed, now):
        token = claimed.token

        def tell() -> None:
            queue.renew(
                sessions, job_id=claimed.id, token=token, progress={"fraction": 0.5}, now=now, lease=LEASE
            )

        def end() -> None:
            with sessions.begin() as session:
                queue.finish(session, job_id=claimed.id, token=token, result={}, now=now)

        timers = [Timer(0.3, tell), Timer(1.6, end)]
        for timer in timers:
            timer.start()

        with client.stream("GET", f"/api/jobs/{job['id']}/events") as response:
            heard = list(events(response.iter_lines()))

        for timer in timers:
            timer.join()
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-cache"
        assert [event["event"] for event in heard] == ["progress", "progress", "end"]
        assert [json.loads(event["data"])["state"] for event in heard] == ["running", "running", "done"]
        assert json.loads(heard[1]["data"])["progress"] == {"fraction": 0.5}
        assert len({event["id"] for event in heard}) == 3

    def test_tells_the_same_as_the_job_itself(self, client, done):
        with client.stream("GET", f"/api/jobs/{done['id']}/events") as response:
            (end,) = events(response.iter_lines())

        assert json.loads(end["data"]) == client.get(f"/api/jobs/{done['id']}").json()

    def test_goes_on_where_the_client_was(self, client, sessions, job, now):
        client.app.state.stopping.set()  # each stream then tells what there is, and closes
        with client.stream("GET", f"/api/jobs/{job['id']}/events") as response:
            (first,) = events(response.iter_lines())

        with client.stream(
            "GET", f"/api/jobs/{job['id']}/events", headers={"last-event-id": first["id"]}
        ) as response:
            again = list(events(response.iter_lines()))

        assert first["event"] == "progress"
        assert again == []

    def test_tells_whoever_knows_the_end_not_to_come_back(self, client, done):
        with client.stream("GET", f"/api/jobs/{done['id']}/events") as response:
            (end,) = events(response.iter_lines())

        again = client.get(f"/api/jobs/{done['id']}/events", headers={"last-event-id": end["id"]})

        assert (again.status_code, again.content) == (204, b"")

    def test_holds_no_connection_to_the_database_between_looks(self, client, engine, job):
        held = []
        of_the_record = engine.pool.checkedout()

        def look_and_stop() -> None:
            held.append(engine.pool.checkedout())
            client.app.state.stopping.set()

        timer = Timer(LOOK_EVERY_S / 2, look_and_stop)
        timer.start()

        with client.stream("GET", f"/api/jobs/{job['id']}/events") as response:
            list(response.iter_lines())

        timer.join()
        assert held == [of_the_record]
