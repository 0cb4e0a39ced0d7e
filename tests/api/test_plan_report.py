"""A plan as the command line shows it, and what the command line asks for."""

import io
from datetime import timedelta

import pytest
from rich.console import Console
from sqlalchemy import select

from api.plan_report import print_report, read_report, to_json
from api.plan_run import stand_in_for_evening
from api.progress import ProgressLine
from careapp.jobs.models import Claim
from careapp.scheduler import plan_tomorrow_if_due
from tests.api.tours import a_proposed_day
from tests.careapp.worlds import DAY, EVERYONE, a_patient, a_visit


@pytest.fixture
def report(session, world, calendar, now):
    """One visit in a tour; two and a further twenty left out."""
    patient = a_patient(session, world.organisation)
    for _ in range(20):
        a_visit(session, patient)
    a_proposed_day(session, calendar=calendar, viewer=EVERYONE, now=now)
    return read_report(session, date=DAY, zone=calendar.zone, viewer=EVERYONE)


class TestReport:
    def test_is_missing_before_the_first_plan(self, session, calendar):
        assert read_report(session, date=DAY, zone=calendar.zone, viewer=EVERYONE) is None

    def test_counts_assigned_and_left_out(self, report):
        assert (report.visits, report.assigned, len(report.unassigned)) == (23, 1, 22)

    def test_tells_local_times_seconds_and_kilometres(self, report):
        (tour,) = to_json(report)["tours"]

        assert tour["stops"] == [
            {
                "visit": str(report.tours[0].stops[0].visit_id),
                "start": "2026-03-03T08:00:00+01:00",
                "end": "2026-03-03T08:20:00+01:00",
                "travel_seconds": 1800,
                "kilometres": 20.0,
                "estimated": True,
                "snap_metres": 0,
            }
        ]

    def test_does_not_invent_what_the_check_found(self, report):
        # The job that made this plan is not there, and with it what the check has found.
        assert to_json(report)["violations"] is None

    def test_is_printed_with_totals_and_reasons(self, report):
        out = io.StringIO()

        print_report(report, Console(file=out, width=140))

        text = out.getvalue()
        # 40 km and 60 minutes there and back, ten minutes of waiting
        for word in ("Total", "40.0", "60", "10", "08:00", "1 of 23 visits", "seed 7", "not known"):
            assert word in text
        assert text.count("no nurse is free then") == 15
        assert "and 7 more" in text
        assert "time-windows: 7" in text


class TestStandInForEvening:
    @pytest.mark.parametrize(
        ("minutes", "days", "is_submitted"),
        [
            (0, 1, False),  # 18:00 local, tomorrow: that is the evening's planning
            (-1, 1, True),  # a minute too early: the evening plans again at 18:00
            (0, 2, True),  # the day after tomorrow is another matter
        ],
    )
    def test_keeps_the_scheduler_from_planning_again(
        self, session, settings, now, minutes, days, is_submitted
    ):
        moment = now + timedelta(minutes=minutes)
        stand_in_for_evening(session, date=DAY + timedelta(days=days - 1), settings=settings, now=moment)

        job = plan_tomorrow_if_due(session, now=now, settings=settings)

        assert (job is not None) is is_submitted

    def test_does_not_mind_that_it_was_planned_already(self, session, settings, now):
        plan_tomorrow_if_due(session, now=now, settings=settings)

        stand_in_for_evening(session, date=DAY, settings=settings, now=now)

        assert session.scalars(select(Claim.token)).all() == [1]


class TestProgressLine:
    def test_writes_a_line_for_each_step_and_quarter_into_a_file(self):
        out = io.StringIO()

        with ProgressLine(Console(file=out, width=200)) as progress:
            for percent in range(101):
                progress.tell("searching", percent / 100, f"best {percent}")
            progress.tell("proposing tours", 1.0)

        assert out.getvalue().splitlines() == [
            "searching: best 0",
            "searching: best 25",
            "searching: best 50",
            "searching: best 75",
            "searching: best 100",
            "proposing tours",
        ]
