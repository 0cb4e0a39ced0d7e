"""Where a video call is likely to hold, over HTTP and from the command line."""

import json
from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.auth.viewers import signed_in
from api.cli import main
from careapp.access import Viewer, ViewerRole
from careapp.coverage.cells import Cell
from careapp.coverage.commands import import_figures
from careapp.coverage.files import Figure
from careapp.coverage.models import CoverageMeasure
from tests.api.conftest import LOOPBACK
from tests.careapp.worlds import EVERYONE

HERE, BESIDE, APART = (Cell.named(f"51.39,{west}") for west in ("8.064", "8.080", "8.112"))
AROUND = "8.05,51.38,8.2,51.41"


@pytest.fixture
def figures(session, now):
    rows = [Figure("Netz A", cell, 20.0, 5.0, date(2026, 1, 31)) for cell in (HERE, BESIDE, APART)]
    import_figures(session, source="Atlas", figures=rows, viewer=EVERYONE, now=now)
    session.commit()


@pytest.fixture
def nurse(app, world):
    role = world.nurses[0]
    viewer = Viewer("nurse", ViewerRole.NURSE, world.organisation_id, role.practitioner_id)
    app.dependency_overrides[signed_in] = lambda: viewer
    with TestClient(app, base_url=LOOPBACK) as client:
        yield client


def samples(*cells: str, **more: Any) -> dict[str, Any]:
    return {"samples": [{"cell": cell, "is_ok": True, "took_ms": 200, **more} for cell in cells]}


class TestCoverage:
    def test_is_shown_as_areas_of_neighbours_that_expect_the_same(self, client, figures):
        answer = client.get("/api/coverage", params={"bbox": AROUND})

        assert answer.headers["content-type"] == "application/geo+json"
        shown = answer.json()["features"]
        # two cells side by side from 8.064 to 8.096, one by itself from 8.112 to 8.128
        assert [feature["geometry"]["coordinates"][0][::2] for feature in shown] == [
            [[8.064, 51.39], [8.096, 51.4], [8.064, 51.39]],
            [[8.112, 51.39], [8.128, 51.4], [8.112, 51.39]],
        ]
        assert shown[0]["properties"] == {"kind": "video", "why": "figures", "since": "2026-01-31"}

    @pytest.mark.parametrize(
        "bbox",
        [
            "",
            "8,51,9",
            "8,51,9,x",
            "9,51,8,52",
            "8,51,9,nan",
            "-180,-90,180,90",
            "7,50,inf,52",
            "1e3,2,3e3,4",
        ],
    )
    def test_is_not_shown_of_what_is_no_area(self, sqlite_client, bbox):
        answer = sqlite_client.get("/api/coverage", params={"bbox": bbox})

        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"


class TestSamples:
    def test_are_added_to_their_cells(self, nurse, session, world):
        answer = nurse.post("/api/coverage/samples", json=samples(HERE.name, HERE.name, BESIDE.name))

        assert answer.status_code == 204
        rows = session.scalars(select(CoverageMeasure)).all()
        assert {(row.organisation_id, row.cell_column): row.succeeded for row in rows} == {
            (world.organisation_id, HERE.column): 2,
            (world.organisation_id, BESIDE.column): 1,
        }

    @pytest.mark.parametrize(
        "body",
        [
            {"samples": []},
            samples("51.3967,8.0644"),
            samples(HERE.name, took_ms=-1),
            samples(HERE.name, took_ms=10**9),
            samples(HERE.name, at="2026-03-02T17:00:00Z"),
            samples(*[HERE.name] * 501),
        ],
    )
    def test_are_refused_if_they_say_too_much_or_nothing(self, nurse, body):
        assert nurse.post("/api/coverage/samples", json=body).status_code in {400, 422}


class TestLink:
    def test_is_that_of_the_patients_home(self, client, figures, world):
        # homes lie 0.009 degrees apart from 51.4057 on: rows 5140, 5141, 5142; figures are of row 5139
        patient = world.patients[0]

        answer = client.get(f"/api/patients/{patient.id}/link")

        assert answer.json() == {
            "kind": "unknown",
            "why": "no-figure",
            "since": None,
            "medium": "audio-first",
        }

    def test_is_measured_by_our_own_phones(self, app, nurse, world):
        home = Cell.of(latitude=51.4057, longitude=8.0644)
        nurse.post("/api/coverage/samples", json=samples(*[home.name] * 5))
        app.dependency_overrides[signed_in] = lambda: world.viewer

        answer = nurse.get(f"/api/patients/{world.patients[0].id}/link")

        assert answer.json() == {
            "kind": "video",
            "why": "measured",
            "since": "2026-03-01",
            "medium": "video",
        }


class TestCommand:
    @pytest.fixture
    def run(self, tmp_path, sqlite_engine):
        def run(*arguments: str) -> Result:
            return CliRunner().invoke(main, ["coverage", *arguments, "--data-dir", str(tmp_path)])

        return run

    def test_imports_lists_and_removes_a_data_set(self, run, tmp_path):
        path = tmp_path / "atlas.csv"
        path.write_text("operator;cell;down_mbit\nNetz A;51.39,8.064;12\n", encoding="utf-8")

        imported, listed = run("import", str(path)), run("list")
        removed, empty = run("remove", "atlas"), run("list")

        assert "1 figures of 1 networks in 1 cells" in imported.stderr
        assert listed.stdout.startswith("atlas: 1 cells, 1 networks, of 20")
        assert (removed.exit_code, empty.stdout) == (0, "")
        assert "there are none" in empty.stderr

    def test_says_what_is_wrong_with_a_file(self, run, tmp_path):
        path = tmp_path / "atlas.json"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": [{}]}))

        refused = run("import", str(path), "--source", "Atlas")

        assert refused.exit_code == 2
        assert "atlas.json, feature 1: a value is missing" in refused.stderr

    def test_knows_no_data_set_that_is_not_there(self, run):
        assert "no data set of this name" in run("remove", "Atlas").stderr
