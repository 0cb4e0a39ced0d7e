"""How FHIR is read: threads of its own, and slots that are tidied when one is due."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.testclient import TestClient
from sqlalchemy import event, func, select

from api.database import open_sessions
from api.reading import LOOK_AGAIN, THREADS, TidySlots, make_readers, with_reading
from careapp.consultations import holds
from careapp.consultations.models import Slot, SlotStatus
from careapp.db import make_reading_sessions
from fhir.mapping import codes
from tests.careapp.worlds import EVERYONE, a_schedule, a_slot, a_world
from tests.coroutines import finished

WRITERS = 45
"""More than there are threads for them."""


class TestWithReading:
    def test_goes_on_while_writers_wait_for_their_turn(self, sqlite_client: TestClient, sqlite_engine, now):
        app = sqlite_client.app
        assert isinstance(app, FastAPI)
        assert sqlite_client.portal is not None
        coding = {"system": codes.OUR_ORGANIZATION_TYPE, "code": "care-service"}
        organisation = {
            "resourceType": "Organization",
            "name": "Pflegedienst",
            "type": [{"coding": [coding]}],
        }

        async def read_slots():
            await app.state.tidy_slots(now)
            return await with_reading(
                Request({"type": "http", "app": app}),
                EVERYONE,
                lambda session: str(session.scalar(select(func.count(Slot.id)))),
                Response,
            )

        with ThreadPoolExecutor(WRITERS) as pool:
            with open_sessions(sqlite_engine).begin() as session:
                session.connection()  # has the turn
                waiting = [
                    pool.submit(sqlite_client.post, "/fhir/Organization", json=organisation)
                    for _ in range(WRITERS)
                ]
                time.sleep(0.5)

                answer = sqlite_client.portal.call(read_slots)

                assert [each.result().text for each in waiting if each.done()] == []
            assert answer.body == b"0"
            assert {each.result().status_code for each in waiting} == {201}

    def test_uses_few_threads(self, app, client: TestClient, viewer):
        lock, at_work, most = threading.Lock(), 0, 0

        def work(_session):
            nonlocal at_work, most
            with lock:
                at_work += 1
                most = max(most, at_work)
            time.sleep(0.02)
            with lock:
                at_work -= 1
            return threading.get_ident()

        def show(thread):
            return Response(str(thread))

        request = Request({"type": "http", "app": app})

        async def many():
            return await asyncio.gather(*(with_reading(request, viewer, work, show) for _ in range(10)))

        assert client.portal is not None
        answers = client.portal.call(many)

        assert most == THREADS
        assert len({answer.body for answer in answers}) <= THREADS


class TestTidySlots:
    @pytest.fixture
    def slots(self, engine, now):
        """The second begins half a second from now, before which nothing is due."""
        with open_sessions(engine).begin() as session:
            schedule = a_schedule(session, a_world(session).doctor)
            starts = [now + timedelta(hours=1), now + LOOK_AGAIN / 2]
            return [a_slot(session, schedule, starts_at=start) for start in starts]

    @pytest.fixture
    def sessions(self, engine):
        return open_sessions(engine)

    @pytest.fixture
    def tidy(self, engine, sessions):
        tidy_slots = TidySlots(sessions, make_reading_sessions(engine), make_readers())
        return lambda now: finished(tidy_slots(now))

    @pytest.fixture
    def statements(self, engine):
        """Every statement that the database is sent from now on."""
        found = []

        def note(_connection, _cursor, statement, *_more):
            found.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        yield found
        event.remove(engine, "before_cursor_execute", note)

    def state(self, sessions, slot):
        with sessions() as session:
            found = session.get(Slot, slot.id)
            return None if found is None else found.status

    def test_is_done_at_the_moment_that_was_foreseen(self, sessions, slots, tidy, now):
        tidy(now)

        tidy(now + LOOK_AGAIN / 2)

        assert self.state(sessions, slots[1]) is None
        assert self.state(sessions, slots[0]) is SlotStatus.FREE

    def test_asks_nothing_while_nothing_is_due(self, slots, tidy, now, statements):
        tidy(now)
        asked = len(statements)

        tidy(now + LOOK_AGAIN / 3)

        assert asked > 0
        assert len(statements) == asked

    def test_soon_hears_of_what_others_have_changed(self, sessions, slots, tidy, now, viewer):
        later = now + LOOK_AGAIN  # the slot that begins before is gone then
        tidy(later)
        with sessions.begin() as session:
            holds.hold_slots(session, slot_ids=[slots[0].id], lasts=LOOK_AGAIN / 4, viewer=viewer, now=later)

        tidy(later + LOOK_AGAIN)

        assert self.state(sessions, slots[0]) is SlotStatus.FREE

    def test_believes_no_clock_that_was_put_back(self, slots, tidy, now, statements):
        tidy(now + timedelta(minutes=30))
        before = len(statements)

        tidy(now)

        assert len(statements) > before
