"""Where notifications may go, with which headers; the thread that brings them; what is forgotten."""

import socket
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import SCHEDULER
from careapp.config import Settings, UnsafeSettings
from careapp.jobs import queue
from careapp.jobs.cleaning import forget_old
from careapp.jobs.models import Job, LaterAnswer
from careapp.origins import origin_of
from careapp.outbound import Reach, open_client
from careapp.records import outbox
from careapp.records.models import OutboxMessage
from careapp.subscriptions.delivery import Notice, Post
from careapp.subscriptions.hooks import HostNotAllowed, NotDelivered, post, read_header
from careapp.subscriptions.models import (
    Change,
    Delivery,
    Subscription,
    SubscriptionEvent,
    SubscriptionStatus,
)
from careapp.subscriptions.postman import Postman
from tests.fhir.rows import a_subscription
from tests.receivers import receiving


class TestOriginOf:
    @pytest.mark.parametrize(
        ("address", "origin"),
        [
            ("https://Hospital.Example/a?b", "https://hospital.example:443"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:8080/x", "http://[::1]:8080"),
            ("https://user:secret@hospital.example", None),
            ("ftp://hospital.example", None),
            ("//hospital.example", None),
            ("https://hospital.example:99999", None),
            ("https://[broken", None),
            ("", None),
        ],
    )
    def test_spells_a_server_in_one_way(self, address, origin):
        assert origin_of(address) == origin


class TestReadHeader:
    @pytest.mark.parametrize(
        ("line", "header"),
        [
            ("Authorization: Bearer abc", ("Authorization", "Bearer abc")),
            ("X-Empty:", ("X-Empty", "")),
            ("no header", None),
            ("Host: elsewhere", None),
            ("transfer-encoding: chunked", None),
            ("X: a\r\nHost: elsewhere", None),
            ("X: ä", None),
            (f"X: {'a' * 5000}", None),
        ],
    )
    def test_takes_what_is_the_subscribers_to_say(self, line, header):
        assert read_header(line) == header


class TestSettings:
    def test_name_servers_with_commas_between(self):
        settings = Settings.read(subscription_hosts="https://a.example, http://127.0.0.1:9/")

        assert settings.subscription_origins == {"https://a.example:443", "http://127.0.0.1:9"}
        assert Settings.read().subscription_origins == frozenset()

    @pytest.mark.parametrize(
        "text", ["a.example", "https://a.example/hook", "ftp://a.example", "https://u@a"]
    )
    def test_refuse_what_names_none(self, text):
        with pytest.raises(UnsafeSettings, match="CAREAPP_SUBSCRIPTION_HOSTS"):
            Settings.read(subscription_hosts=text)


def send(endpoint: str, allowed: Sequence[str], timeout_s: int | None = None) -> None:
    with open_client(Reach(frozenset(allowed))) as client:
        post(
            client,
            endpoint=endpoint,
            headers=(),
            media_type="application/fhir+json",
            content=b"{}",
            timeout_s=timeout_s,
        )


class TestPost:
    def test_sends_to_servers_that_are_allowed(self):
        with receiving() as receiver:
            send(receiver.endpoint, [receiver.origin])

            with pytest.raises(HostNotAllowed):
                send(receiver.endpoint, ["https://hospital.example:443"])

            assert receiver.bodies == [{}]

    def test_refuses_a_name_that_leads_inwards(self, monkeypatch):
        # Whoever has the name hospital.example lets it lead to the network in which we are.
        look_up = socket.getaddrinfo
        monkeypatch.setattr(
            socket,
            "getaddrinfo",
            lambda host, port, *rest, **more: look_up("169.254.169.254", port, *rest, **more),
        )

        with pytest.raises(HostNotAllowed, match="CAREAPP_PRIVATE_NETWORKS"):
            send("http://hospital.example/latest/meta-data", ["http://hospital.example:80"])

    def test_says_that_nobody_is_there(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            origin = f"http://127.0.0.1:{free.getsockname()[1]}"

            with pytest.raises(NotDelivered, match="cannot be reached"):
                send(f"{origin}/secret", [origin])

    def test_waits_only_so_long(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            origin = f"http://127.0.0.1:{silent.getsockname()[1]}"

            with pytest.raises(NotDelivered, match="too long"):
                send(origin, [origin], timeout_s=1)


class TestPostman:
    def test_brings_events_as_they_come(self, sessions: sessionmaker[Session], now: datetime):
        def write(session, subscription, delivery, notice, events, now) -> bytes:
            assert notice is Notice.EVENTS
            return b'"%d"' % events[-1].number

        def spread(session: Session, *, now: datetime) -> int:
            delivery = session.scalars(select(Delivery)).one()
            if delivery.events == 3:
                return 0
            delivery.events += 1
            session.add(an_event(delivery.subscription_id, delivery.events, now))
            return 1

        with receiving() as receiver:
            with sessions.begin() as session:
                a_subscription(session, endpoint=receiver.endpoint, max_count=1)
            settings = Settings.read(subscription_hosts=receiver.origin)
            postman = Postman(Post(sessions, settings, lambda: now, spread=spread, write=write))
            postman.start()
            try:
                deadline = time.monotonic() + 30
                while len(receiver.bodies) < 3:
                    assert time.monotonic() < deadline
                    assert postman.is_alive
                    time.sleep(0.05)
            finally:
                postman.stop()

            assert receiver.bodies == ["1", "2", "3"]
        assert not postman.is_alive

    def test_goes_on_after_the_database_failed(self, sessions, now, caplog):
        looks: list[int] = []

        def spread(session: Session, *, now: datetime) -> int:
            looks.append(1)
            if len(looks) == 1:
                session.connection().exec_driver_sql("SELECT * FROM no_such_table")
            return 0

        def write(session, subscription, delivery, notice, events, now) -> bytes:
            raise AssertionError

        postman = Postman(Post(sessions, Settings.read(), lambda: now, spread=spread, write=write))
        postman.start()
        try:
            deadline = time.monotonic() + 30
            while len(looks) < 2:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            postman.stop()

        assert "notifications wait" in caplog.text


def an_event(subscription_id: UUID, number: int, at: datetime) -> SubscriptionEvent:
    return SubscriptionEvent(
        subscription_id=subscription_id,
        number=number,
        kind="Slot",
        resource_id=uuid4(),
        version=1,
        change=Change.UPDATE,
        at=at,
    )


class TestForgetOld:
    @pytest.fixture
    def settings(self, tmp_path) -> Settings:
        return Settings.read(data_dir=tmp_path, outbox_keep_days=2, jobs_keep_days=3, answers_keep_h=1)

    def test_forgets_what_is_too_old_and_nothing_else(self, session, now, settings):
        subscription = a_subscription(session)
        for number, days in enumerate((3, 1), start=1):
            at = now - timedelta(days=days)
            session.add(an_event(subscription.id, number, at))
            outbox.send(session, topic="tour.published", payload={}, now=at)
            outbox.send(session, topic="tour.published", payload={}, now=at).delivered_at = at
        for hours in (2, 0):
            at = now - timedelta(hours=hours)
            session.add(LaterAnswer(id=uuid4(), asked_by="", asked_at=at, lost_at=at, headers={}))
        for days in (4, 2):
            at = now - timedelta(days=days)
            job = queue.submit(session, kind=f"dance {days}", arguments={}, viewer=SCHEDULER, now=at)
            queue.ask_to_cancel(session, job_id=job.id, viewer=SCHEDULER, now=at)
        queue.submit(session, kind="sing", arguments={}, viewer=SCHEDULER, now=now - timedelta(days=9))
        session.flush()

        forget_old(session, now=now, settings=settings)

        counts = {
            model: session.scalar(select(func.count()).select_from(model))
            for model in (SubscriptionEvent, OutboxMessage, LaterAnswer, Job)
        }
        # One young one of each; two messages, delivered and not; two jobs: one ended lately, one that waits.
        assert counts == {SubscriptionEvent: 1, OutboxMessage: 2, LaterAnswer: 1, Job: 2}
        assert session.get_one(Subscription, subscription.id).status is SubscriptionStatus.ACTIVE

    def test_deletes_files_of_nobody(self, session, now, settings):
        stray = settings.exports_dir / f"{uuid4()}.1"
        stray.mkdir(parents=True)
        (stray / "Patient.ndjson").write_text("{}")
        (settings.exports_dir / "not-ours").mkdir()

        forget_old(session, now=now, settings=settings)

        assert [path.name for path in settings.exports_dir.iterdir()] == ["not-ours"]

    def test_keeps_files_that_are_being_written_and_that_can_be_fetched(self, session, now, settings):
        job = queue.submit(session, kind="fhir-export", arguments={}, viewer=SCHEDULER, now=now)
        queue.claim_next(session, now=now, lease=timedelta(minutes=1))
        folder = settings.exports_dir / f"{job.id}.{job.token}"
        (settings.exports_dir / f"{job.id}.0").mkdir(parents=True)
        folder.mkdir()

        forget_old(session, now=now, settings=settings)
        assert list(settings.exports_dir.iterdir()) == [folder]

        queue.finish(session, job_id=job.id, token=job.token, result={}, now=now)
        forget_old(session, now=now + timedelta(minutes=59), settings=settings)
        assert list(settings.exports_dir.iterdir()) == [folder]
        forget_old(session, now=now + timedelta(minutes=61), settings=settings)
        assert list(settings.exports_dir.iterdir()) == []
