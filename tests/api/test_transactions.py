"""A request's transaction is done again where another one was in its way."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from api.transactions import ATTEMPTS, Transactions
from careapp.db import make_sessions
from careapp.people.models import Patient
from tests.careapp.worlds import a_patient


class TestTransactions:
    def test_commit_what_was_done(self, sessions: sessionmaker[Session]):
        patient = Transactions(sessions)(a_patient)

        with sessions() as session:
            assert session.get(Patient, patient.id) is not None

    def test_leave_nothing_of_what_failed(self, sessions: sessionmaker[Session]):
        def fails(session: Session) -> None:
            a_patient(session)
            raise LookupError

        with pytest.raises(LookupError):
            Transactions(sessions)(fails)

        with sessions() as session:
            assert session.query(Patient).count() == 0

    def test_are_done_again_after_a_deadlock(self, postgresql_engine):
        sessions = make_sessions(postgresql_engine)
        with sessions.begin() as session:
            first, second = a_patient(session).id, a_patient(session).id
        both_hold_one = Barrier(2)

        def rename(keys: tuple[UUID, UUID], name: str) -> int:
            attempts = 0

            def work(session: Session) -> None:
                nonlocal attempts
                attempts += 1
                for key in keys:
                    session.get_one(Patient, key, with_for_update=True).given_name = name
                    session.flush()
                    if attempts == 1 and key == keys[0]:
                        both_hold_one.wait()

            Transactions(sessions)(work)
            return attempts

        with ThreadPoolExecutor(2) as pool:
            there = pool.submit(rename, (first, second), "Ida")
            back = pool.submit(rename, (second, first), "Uta")
            attempts = sorted([there.result(), back.result()])

        assert attempts == [1, 2]

    def test_give_up_after_some_attempts(self, postgresql_engine):
        attempts = []

        def work(session: Session) -> None:
            attempts.append(session)
            session.execute(text("DO $$ BEGIN RAISE SQLSTATE '40001'; END $$"))

        with pytest.raises(DBAPIError):
            Transactions(make_sessions(postgresql_engine))(work)

        assert len(attempts) == ATTEMPTS

    def test_are_not_done_again_after_a_mistake(self, postgresql_engine):
        attempts = []

        def work(session: Session) -> None:
            attempts.append(session)
            session.execute(text("SELECT 1 FROM nowhere"))

        with pytest.raises(DBAPIError):
            Transactions(make_sessions(postgresql_engine))(work)

        assert len(attempts) == 1
