"""Nobody is in two places: the database says so, whoever asks at once."""

import json
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from careapp.appointments.models import Occupancy
from careapp.appointments.occupancy import AlreadyOccupied, check_now, occupy, refusing_overlaps, release
from careapp.db import make_sessions
from tests.careapp.worlds import a_nurse, a_patient, a_visit, an_organisation, moment

PROGRAM = Path(__file__).with_name("clients.py")
CLIENTS, ATTEMPTS = 8, 20


class World:
    """One nurse, two visits."""

    def __init__(self, session) -> None:
        organisation = an_organisation(session)
        self.organisation_id = organisation.id
        self.nurse_id = a_nurse(session, organisation).practitioner_id
        self.other_nurse_id = a_nurse(session, organisation).practitioner_id
        self.visit_ids = [a_visit(session, a_patient(session, organisation)).id for _ in range(2)]

    def occupy(
        self, session, starts_at, ends_at, *, visit: int = 0, nurse_id: UUID | None = None
    ) -> Occupancy:
        return occupy(
            session,
            organisation_id=self.organisation_id,
            practitioner_id=nurse_id or self.nurse_id,
            appointment_id=self.visit_ids[visit],
            starts_at=starts_at,
            ends_at=ends_at,
        )

    def occupy_now(self, session, starts_at, ends_at) -> None:
        self.occupy(session, starts_at, ends_at)
        check_now(session)

    def occupy_twice_and_commit(self, session, starts_at, ends_at) -> None:
        for _ in range(2):
            self.occupy(session, starts_at, ends_at)
        session.commit()


@pytest.fixture
def world(sessions) -> World:
    with sessions.begin() as session:
        return World(session)


class TestOccupy:
    @pytest.mark.parametrize(
        ("starts_at", "ends_at"),
        [
            (moment(8), moment(9)),
            (moment(7, 30), moment(8, 1)),
            (moment(8, 59), moment(9, 30)),
            (moment(8, 15), moment(8, 45)),
            (moment(7), moment(10)),
        ],
    )
    def test_refuses_an_overlap(self, session, world, starts_at, ends_at):
        world.occupy(session, moment(8), moment(9))

        with pytest.raises(AlreadyOccupied, match="another appointment"):
            world.occupy_now(session, starts_at, ends_at)

    def test_lets_times_touch(self, session, world):
        for hour in (9, 8, 10):
            world.occupy(session, moment(hour), moment(hour + 1))

        check_now(session)
        session.commit()

    def test_lets_two_nurses_work_at_once(self, session, world):
        world.occupy(session, moment(8), moment(9))
        world.occupy(session, moment(8), moment(9), nurse_id=world.other_nurse_id)

        check_now(session)

    def test_is_refused_at_the_commit_too(self, sessions, world):
        with sessions() as session, pytest.raises(AlreadyOccupied), refusing_overlaps():
            world.occupy_twice_and_commit(session, moment(8), moment(9))

    def test_refuses_to_move_a_time_onto_another(self, session, world):
        world.occupy(session, moment(8), moment(9))
        later = world.occupy(session, moment(9), moment(10))

        later.starts_at = moment(8, 30)

        with pytest.raises(AlreadyOccupied):
            check_now(session)

    def test_lets_a_time_grow_within_its_own(self, session, world):
        row = world.occupy(session, moment(8), moment(9))

        row.ends_at = moment(9, 30)

        check_now(session)

    def test_leaves_other_refusals_as_they_are(self, session, world):
        with pytest.raises(IntegrityError):
            world.occupy(session, moment(9), moment(8))


class TestRelease:
    def test_lets_two_visits_change_places(self, sessions, world):
        with sessions.begin() as session:
            world.occupy(session, moment(8), moment(9), visit=0)
            world.occupy(session, moment(9), moment(10), visit=1)

        with sessions.begin() as session:
            for visit_id in world.visit_ids:
                release(session, appointment_id=visit_id)
            world.occupy(session, moment(9), moment(10), visit=0)
            world.occupy(session, moment(8), moment(9), visit=1)
            check_now(session)

        with sessions() as session:
            rows = session.scalars(select(Occupancy).order_by(Occupancy.starts_at)).all()
            assert [row.appointment_id for row in rows] == world.visit_ids[::-1]

    def test_may_follow_on_postgresql_after_the_new_time_was_taken(self, postgresql_engine):
        with make_sessions(postgresql_engine).begin() as session:
            world = World(session)
            world.occupy(session, moment(8), moment(9), visit=0)
            world.occupy(session, moment(8), moment(9), visit=1)
            release(session, appointment_id=world.visit_ids[0])
            check_now(session)


class TestManyClients:
    def test_never_get_the_same_time(self, engine, sessions, world):
        address = engine.url.render_as_string(hide_password=False)
        ids = [str(world.organisation_id), str(world.nurse_id), str(world.visit_ids[0])]
        clients = [
            subprocess.Popen(
                [sys.executable, str(PROGRAM), address, str(seed), str(ATTEMPTS), *ids],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for seed in range(CLIENTS)
        ]
        for client in clients:
            assert client.stdout is not None
            assert client.stdout.readline() == "ready\n"
        for client in clients:
            assert client.stdin is not None
            client.stdin.write("\n")
            client.stdin.flush()
        ends = [json.loads(client.communicate(timeout=120)[0]) for client in clients]

        assert [end["others"] for end in ends] == [[]] * CLIENTS
        with sessions() as session:
            rows = session.scalars(select(Occupancy).order_by(Occupancy.starts_at)).all()
        # They begin within 475 minutes, so at most 475 // 30 + 1 of them lie side by side.
        assert 0 < len(rows) <= 16
        assert sum(end["booked"] for end in ends) == len(rows)
        assert sum(end["booked"] + end["refused"] for end in ends) == CLIENTS * ATTEMPTS
        assert all(earlier.ends_at <= later.starts_at for earlier, later in pairwise(rows))
        assert {row.ends_at - row.starts_at for row in rows} == {timedelta(minutes=30)}
