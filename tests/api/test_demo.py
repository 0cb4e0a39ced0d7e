"""`careapp demo` as somebody runs it: a tiny region, planned, shown, served."""

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import select

from api.database import opened
from api.server import listen
from careapp import clock
from careapp.access import OPERATOR
from careapp.config import Settings
from careapp.db import make_sessions
from careapp.jobs.models import Job, JobState
from careapp.tours.commands import publish_day
from tests.api import processes
from tests.api.processes import READY

DAY = "2030-03-05"
TINY = ("demo", "--date", DAY, "--visits", "20", "--nurses", "3", "--limit", "1")


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A finished run: its data folder and what it printed."""
    data_dir = tmp_path_factory.mktemp("demo") / "data"
    return data_dir, processes.run(*TINY, "--no-serve", "--json", data_dir=data_dir)


@pytest.fixture(scope="module")
def plan(first) -> dict[str, Any]:
    """The JSON object of the first run."""
    printed: dict[str, Any] = json.loads(first[1].stdout)
    return printed


def jobs(data_dir: Path) -> list[Job]:
    with opened(Settings.read(data_dir=data_dir)) as engine, make_sessions(engine).begin() as session:
        return list(session.scalars(select(Job).order_by(Job.created_at)))


class TestJson:
    def test_is_all_that_stands_on_standard_output(self, first, plan):
        assert first[1].returncode == 0
        assert plan.keys() == {
            "date",
            "seed",
            "visits",
            "assigned",
            "unassigned",
            "tours",
            "travel",
            "cost",
            "violations",
            "seconds",
        }
        assert {way["source"] for way in plan["travel"]} <= {"estimate-car", "estimate-e-bike"}
        assert (plan["date"], plan["seed"], plan["violations"]) == (DAY, 0, [])

    def test_counts_each_visit_once(self, plan):
        stops = [stop for tour in plan["tours"] for stop in tour["stops"]]

        assert plan["visits"] == 20
        assert plan["assigned"] == len({stop["visit"] for stop in stops})
        assert plan["assigned"] + len(plan["unassigned"]) == plan["visits"]
        assert all(left_out["reason"] for left_out in plan["unassigned"])

    def test_times_each_stop_with_its_offset(self, plan):
        stop = plan["tours"][0]["stops"][0]

        ways = {"travel_seconds", "kilometres", "estimated", "snap_metres"}
        assert stop.keys() == {"visit", "start", "end"} | ways
        assert (stop["estimated"], stop["snap_metres"]) == (True, 0)
        assert stop["start"].startswith(DAY)
        assert stop["start"].endswith("+01:00")

    def test_leaves_progress_to_standard_error(self, first):
        for step in ("making the database", "inventing the demo region", "searching"):
            assert step in first[1].stderr


class TestAgain:
    def test_keeps_the_region_and_plans_the_same_visits(self, first, plan):
        again = processes.run(*TINY, "--no-serve", "--json", data_dir=first[0])

        printed = json.loads(again.stdout)
        assert again.returncode == 0
        assert visits_of(printed) == visits_of(plan)

    def test_with_another_region_names_what_is_there(self, first):
        refused = processes.run("demo", "--visits", "30", "--no-serve", data_dir=first[0])

        assert refused.returncode == 2
        assert "20 visits and 3 nurses" in refused.stderr
        assert "Traceback" not in refused.stderr

    def test_shows_the_table(self, first):
        shown = processes.run(*TINY, "--no-serve", data_dir=first[0])

        for word in (
            "Nurse",
            "Visits",
            "km",
            "Minutes driven",
            "Waiting",
            "First stop",
            "Last stop",
            "Total",
        ):
            assert word in shown.stdout
        assert "rules broken: 0" in shown.stdout

    def test_shows_published_tours_and_does_not_plan(self, first):
        settings = Settings.read(data_dir=first[0])
        with opened(settings) as engine, make_sessions(engine).begin() as session:
            day = jobs(first[0])[0].arguments["date"]
            tours = publish_day(
                session, date=clock.now().date().fromisoformat(day), viewer=OPERATOR, now=clock.now()
            )
        before = len(jobs(first[0]))

        shown = processes.run(*TINY, "--no-serve", "--json", data_dir=first[0])

        assert len(jobs(first[0])) == before
        assert "published: they are shown" in shown.stderr
        assert len(json.loads(shown.stdout)["tours"]) == len(tours)


def visits_of(plan: dict[str, Any]) -> set[str]:
    placed = {stop["visit"] for tour in plan["tours"] for stop in tour["stops"]}
    return placed | {left_out["visit"] for left_out in plan["unassigned"]}


class TestPlan:
    def test_of_an_empty_day_says_what_is_missing(self, first):
        refused = processes.run("plan", "1999-03-03", data_dir=first[0])

        assert refused.returncode == 2
        assert "1999-03-03 has no open visit" in refused.stderr
        assert "Traceback" not in refused.stderr


class TestPort:
    def test_in_use_is_told_before_any_work(self, tmp_path):
        with listen(Settings.read(port=0)) as listener:
            port = str(listener.getsockname()[1])

            refused = processes.run(*TINY, "--port", port, data_dir=tmp_path / "data")

        assert refused.returncode == 2
        assert f"port {port} on 127.0.0.1 is in use" in refused.stderr
        assert not (tmp_path / "data").exists()


class TestInterrupt:
    def test_cancels_the_job_and_says_how_to_go_on(self, first):
        process = subprocess.Popen(
            processes.command("plan", "2030-03-06", "--limit", "300", "--data-dir", str(first[0])),
            env=processes.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if "searching" in line:
                break
        process.send_signal(signal.SIGINT)

        _, stderr = process.communicate(timeout=30)

        assert process.returncode == 130
        assert "Nothing is lost" in stderr
        assert "careapp plan" in stderr
        assert "Traceback" not in stderr
        assert jobs(first[0])[-1].state is JobState.CANCELLED


class TestServing:
    def test_follows_the_plan(self, first, plan):
        process = subprocess.Popen(
            processes.command(*TINY, "--json", "--port", "0", "--data-dir", str(first[0])),
            env=processes.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            address = next(found[1] for line in process.stderr if (found := READY.search(line)))
            printed = json.loads(process.stdout.readline())
            bearer = {"authorization": f"Bearer {processes.token(first[0])}"}
            day = httpx2.get(f"{address}/api/days/{DAY}", headers=bearer).json()

            assert len(day["tours"]) == len(printed["tours"])
            assert day["plan"]["cost"] == printed["cost"]
            counted = httpx2.get(f"{address}/fhir/Appointment?_summary=count", headers=bearer)
            assert counted.json()["total"] >= 20
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            assert process.wait(15) == 0
            assert time.monotonic() - began < 12
        finally:
            process.kill()
            process.communicate()
