"""Each evening is planned once, whatever the clock and the processes do."""

import logging
import os
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select

from careapp import clock
from careapp.config import Settings
from careapp.jobs.models import Job
from careapp.scheduler import plan_tomorrow_if_due, start_scheduler

PROGRAM = Path(__file__).parent / "jobs" / "holders.py"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.fixture
def planned(session):
    """Look at a moment; return the day whose planning was submitted then, or None."""

    def look(moment: str, **settings: object) -> str | None:
        job = plan_tomorrow_if_due(session, now=at(moment), settings=Settings.read(**settings))
        return None if job is None else job.arguments["date"]

    return look


class TestPlanTomorrowIfDue:
    def test_waits_for_the_hour(self, planned):
        assert planned("2026-03-02T17:59:59+01:00") is None
        assert planned("2026-03-02T18:00:00+01:00") == "2026-03-03"

    def test_submits_once_an_evening(self, planned):
        looks = [planned(f"2026-03-02T{hour}:00:00+01:00") for hour in (18, 19, 23)]

        assert looks == ["2026-03-03", None, None]

    def test_catches_up_after_midnight(self, planned):
        assert planned("2026-03-03T05:59:00+01:00") == "2026-03-03"

    def test_leaves_a_day_alone_whose_tours_are_under_way(self, planned):
        assert planned("2026-03-03T06:00:00+01:00") is None

    def test_says_with_which_seed_and_limit(self, session):
        job = plan_tomorrow_if_due(
            session, now=at("2026-03-02T18:00:00+01:00"), settings=Settings.read(plan_limit_s=7)
        )

        assert job is not None
        assert (job.kind, job.asked_by, job.arguments) == (
            "plan-day",
            "scheduler",
            {"date": "2026-03-03", "seed": 0, "limit_s": 7.0},
        )

    @pytest.mark.parametrize(
        ("plan_at", "before", "due", "date"),
        [
            # 2026-03-29 has 23 hours: 02:30 is skipped and stands for 03:00, which is 01:00 UTC.
            ("02:30", "2026-03-29T00:59:59+00:00", "2026-03-29T01:00:00+00:00", "2026-03-30"),
            # 2026-10-25 has 25 hours: 02:30 comes twice, first at 00:30 UTC.
            ("02:30", "2026-10-25T00:29:59+00:00", "2026-10-25T00:30:00+00:00", "2026-10-26"),
            # 18:00 is 16:00 UTC after the change in spring, 17:00 UTC after the one in autumn.
            ("18:00", "2026-03-29T15:59:59+00:00", "2026-03-29T16:00:00+00:00", "2026-03-30"),
            ("18:00", "2026-10-25T16:59:59+00:00", "2026-10-25T17:00:00+00:00", "2026-10-26"),
            ("00:00", "2026-03-28T22:59:59+00:00", "2026-03-28T23:00:00+00:00", "2026-03-30"),
        ],
    )
    def test_knows_days_of_23_and_25_hours(self, session, planned, plan_at, before, due, date):
        earlier = at(before) - timedelta(hours=11)
        plan_tomorrow_if_due(session, now=earlier, settings=Settings.read(plan_at=plan_at))

        assert planned(before, plan_at=plan_at) is None
        assert planned(due, plan_at=plan_at) == date

    @pytest.mark.parametrize("plan_at", ["00:00", "00:30", "02:00", "02:30", "03:00", "18:00", "23:59"])
    @pytest.mark.parametrize("first", [date(2026, 3, 27), date(2026, 10, 23)])
    def test_plans_every_day_around_a_clock_change_once(self, sessions, plan_at, first):
        settings = Settings.read(plan_at=plan_at)
        begin = datetime(first.year, first.month, first.day, 23, 59, tzinfo=UTC)

        for half_hour in range(4 * 48):
            with sessions.begin() as session:
                now = begin + half_hour * timedelta(minutes=30)
                plan_tomorrow_if_due(session, now=now, settings=settings)

        with sessions() as session:
            days = sorted(date.fromisoformat(job.arguments["date"]) for job in session.scalars(select(Job)))
        assert len(days) >= 4
        assert {later - earlier for earlier, later in pairwise(days)} == {timedelta(days=1)}

    def test_is_done_once_by_three_processes(self, engine, sessions):
        address = engine.url.render_as_string(hide_password=False)
        command = [sys.executable, str(PROGRAM), "evenings", address, "2026-03-26", "6"]
        racers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("\n")
            racer.stdin.flush()
        for racer in racers:
            racer.communicate(timeout=60)

        assert [racer.returncode for racer in racers] == [0, 0, 0]
        # 26 March 12:00 UTC and six days on: the evenings of 26 to 31 March, for the days after them.
        with sessions() as session:
            counts = Counter(job.arguments["date"] for job in session.scalars(select(Job)))
        assert counts == {str(date(2026, 3, 27) + timedelta(days=n)): 1 for n in range(6)}


class TestStartScheduler:
    def test_looks_at_once_and_again(self, sessions):
        looks: list[datetime] = []

        def tick(session, *, now, settings):
            looks.append(now)

        scheduler = start_scheduler(
            sessions=sessions, settings=Settings.read(tick_s=0.2), now=clock.now, ticks=[tick]
        )
        try:
            deadline = time.monotonic() + 20
            while len(looks) < 3:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            scheduler.shutdown()

        assert looks == sorted(set(looks))

    def test_commits_what_a_tick_did(self, sessions, read_jobs):
        scheduler = start_scheduler(
            sessions=sessions,
            settings=Settings.read(tick_s=3600),
            now=clock.now,
            ticks=[lambda session, *, now, settings: plan_tomorrow_if_due(
                session, now=at("2026-03-02T18:00:00+01:00"), settings=settings
            )],
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 20
            while read_jobs() == []:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        finally:
            scheduler.shutdown()

        assert read_jobs() == ["2026-03-03"]

    def test_goes_on_after_the_database_failed(self, sessions, caplog):
        looks: list[int] = []

        def tick(session, *, now, settings):
            looks.append(os.getpid())
            session.connection().exec_driver_sql("SELECT * FROM no_such_table")

        with caplog.at_level(logging.WARNING):
            scheduler = start_scheduler(
                sessions=sessions, settings=Settings.read(tick_s=0.1), now=clock.now, ticks=[tick]
            )
            try:
                deadline = time.monotonic() + 20
                while len(looks) < 2:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
            finally:
                scheduler.shutdown()

        assert "a look at due work failed" in caplog.text


@pytest.fixture
def read_jobs(sessions):
    def read() -> list[str]:
        with sessions() as session:
            return [job.arguments["date"] for job in session.scalars(select(Job))]

    return read
