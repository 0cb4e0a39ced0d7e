"""After an upgrade every row that is shown has its document."""

import pytest
from sqlalchemy import delete, func, select

from careapp.records.models import Document
from fhir.filling import fill
from tests.careapp.worlds import a_nurse, a_shift


@pytest.fixture
def shift(sessions):
    with sessions.begin() as session:
        return a_shift(session, a_nurse(session))


def count(session, kind) -> int:
    return session.scalar(select(func.count()).select_from(Document).where(Document.kind == kind)) or 0


class TestFill:
    def test_makes_what_an_older_version_did_not_keep(self, sessions, shift, now):
        with sessions.begin() as session:
            kept = {kind: count(session, kind) for kind in ("Schedule", "Slot", "Practitioner")}
            session.execute(delete(Document).where(Document.kind.in_(["Schedule", "Slot"])))
        told = []

        with sessions.begin() as session:
            written = fill(session, now=now, on_progress=lambda kind, done: told.append(kind))

        with sessions.begin() as session:
            assert {kind: count(session, kind) for kind in kept} == kept
        assert written == kept["Schedule"] + kept["Slot"] > 0
        assert set(told) == {"Schedule", "Slot"}

    def test_does_nothing_if_nothing_is_missing(self, sessions, shift, now):
        with sessions.begin() as session:
            assert fill(session, now=now) == 0
