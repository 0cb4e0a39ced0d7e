"""Looks are written together, and whoever waits hears of it."""

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import event, func, select

from careapp.records.audit_writer import AuditWriter, RecordUnwritable, running
from careapp.records.chain import COLUMNS, Chain
from careapp.records.models import AuditEvent
from tests.coroutines import finished

CHAIN = Chain(bytes(32))


@pytest.fixture
def a_row(now):
    def make(**more: object) -> dict[str, object]:
        row: dict[str, object] = dict.fromkeys(COLUMNS)
        return row | {
            "id": uuid4(), "at": now, "viewer": "me", "action": "look", "outcome": "0",
            "subject_kind": "visit", "detail": {}, **more,
        }  # fmt: skip

    return make


class TestAuditWriter:
    def test_writes_before_it_returns(self, sessions, a_row):
        row = a_row()

        with running(sessions, CHAIN) as writer:
            finished(writer.write([row]))
            with sessions() as session:
                stored = session.get(AuditEvent, row["id"])

        assert stored is not None
        assert stored.mark == CHAIN.mark(row)

    def test_writes_many_with_few_commits(self, sessions, a_row, engine):
        commits: list[object] = []
        event.listen(engine, "commit", commits.append)

        async def write_all(writer: AuditWriter) -> None:
            await asyncio.gather(*(writer.write([a_row(), a_row()]) for _ in range(200)))

        with running(sessions, CHAIN) as writer:
            finished(write_all(writer))

        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(AuditEvent)) == 400
        # All 200 are put before the thread may run again; its first transaction may hold only the first.
        assert len(commits) < 20

    def test_lets_a_look_wait_for_others_that_are_under_way(self, sessions, a_row, engine):
        commits: list[object] = []
        event.listen(engine, "commit", commits.append)

        async def write_all(writer: AuditWriter) -> None:
            async def one() -> None:
                with writer.expecting() as say_over:
                    await asyncio.sleep(0)  # everybody has come
                    say_over()
                    await writer.write([a_row()])

            await asyncio.gather(*(one() for _ in range(4)))

        with running(sessions, CHAIN) as writer:
            finished(write_all(writer))

            # Three are still under way when the first writes, two when the second does: 2 * 2 >= 2.
            assert len(commits) <= 3
            assert writer.under_way == 0

    def test_waits_for_nobody_who_never_comes(self, sessions, a_row):
        async def write_one(writer: AuditWriter) -> None:
            with writer.expecting(), writer.expecting(), writer.expecting():
                await writer.write([a_row()])

        with running(sessions, CHAIN) as writer:
            finished(write_one(writer))

        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(AuditEvent)) == 1

    def test_tells_whoever_asked_for_the_row_that_spoilt_it(self, sessions, a_row):
        async def write_both(writer: AuditWriter) -> tuple[object, object]:
            return await asyncio.gather(
                writer.write([a_row()]), writer.write([a_row(viewer=None)]), return_exceptions=True
            )

        with running(sessions, CHAIN) as writer:
            good, bad = finished(write_both(writer))

        assert good is None
        assert isinstance(bad, RecordUnwritable)
        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(AuditEvent)) == 1

    def test_writes_for_those_who_have_gone(self, sessions, a_row):
        async def go(writer: AuditWriter) -> None:
            task = asyncio.create_task(writer.write([a_row()]))
            await asyncio.sleep(0)
            task.cancel()

        with running(sessions, CHAIN) as writer:
            finished(go(writer))

        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(AuditEvent)) == 1
