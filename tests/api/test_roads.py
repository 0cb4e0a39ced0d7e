"""The road data in use, closed roads, and the commands about both."""

import signal
import subprocess
import time
import uuid

import pytest
from fastapi.testclient import TestClient

from api.database import opened
from api.dependencies import read_now
from careapp.config import Settings
from careapp.db import make_sessions
from careapp.demo.region import build_region
from careapp.roads.manifest import current_manifest, find_manifest, roads_folder
from tests.api import processes
from tests.api.conftest import LOOPBACK
from tests.api.operators import app_of_operator
from tests.careapp.roads.conftest import share_programs
from tests.careapp.roads.extracts import crossing, write_grid
from tests.keys import put_keys

PLACE = {"latitude": crossing(5, 5)[1], "longitude": crossing(5, 5)[0]}
CLOSED = {"place": PLACE, "radius_m": 30, "starts_at": "2026-03-02T17:00:00Z", "reason": "bridge closed"}


@pytest.fixture
def data_dir(tmp_path, osrm_programs):
    share_programs(osrm_programs, tmp_path)
    return tmp_path


@pytest.fixture
def extract(tmp_path):
    return write_grid(tmp_path / "grid.osm.pbf")


@pytest.fixture
def osrm_client(sqlite_engine, now, data_dir):
    """A server whose travel times come from road data of its own; it keeps them in step with closures."""
    put_keys(data_dir)  # its jobs are programs of their own, which open the same database
    settings = Settings.read(data_dir=data_dir, roads="osrm")
    app = app_of_operator(settings, engine=sqlite_engine)
    app.dependency_overrides[read_now] = lambda: now
    with TestClient(app, base_url=LOOPBACK) as client:
        yield client


def built(extract, data_dir, *options: str) -> subprocess.CompletedProcess[str]:
    return processes.run("roads", "build", str(extract), "--profiles", "car", *options, data_dir=data_dir)


class TestGetRoads:
    def test_says_that_times_are_estimated(self, sqlite_client):
        found = sqlite_client.get("/api/roads").json()

        assert found["source"] == "estimate"
        assert found["is_estimated"] is True
        assert "formula" in found["note"]
        assert found["data"] is None

    def test_says_what_the_data_are_made_of(self, osrm_client, extract, data_dir):
        assert "careapp roads build" in osrm_client.get("/api/roads").json()["note"]
        assert built(extract, data_dir).returncode == 0

        found = osrm_client.get("/api/roads").json()

        manifest = current_manifest(data_dir)
        assert found["data"] == manifest.data
        assert found["extract"] == "grid.osm.pbf"
        assert found["bounds"] == pytest.approx([8.0, 51.0, 8.022, 51.022])
        assert found["profiles"] == ["car"]
        assert found["is_estimated"] is found["is_synthetic"] is False
        assert found["attribution"].startswith("© OpenStreetMap contributors")
        assert found["note"] is None


class TestClosures:
    def test_are_honoured_by_a_running_server_and_lifted(self, osrm_client, extract, data_dir):
        assert built(extract, data_dir).returncode == 0
        before = current_manifest(data_dir).data

        added = osrm_client.post("/api/roads/closures", json=CLOSED)
        assert added.status_code == 201
        assert added.json()["is_applied"] is False
        begun = time.monotonic()
        while not osrm_client.get("/api/roads").json()["closures"][0]["is_applied"]:
            assert time.monotonic() < begun + 60, "within a minute"
            time.sleep(0.1)

        assert osrm_client.get("/api/roads").json()["data"] != before
        lifted = osrm_client.delete(f"/api/roads/closures/{added.json()['id']}")
        assert lifted.status_code == 204
        assert osrm_client.get("/api/roads").json()["closures"] == []
        while osrm_client.get("/api/roads").json()["data"] != before:
            assert time.monotonic() < begun + 120
            time.sleep(0.1)

    def test_may_be_drawn(self, osrm_client):
        corners = [
            dict(zip(("longitude", "latitude"), crossing(*at), strict=True))
            for at in ((1, 1), (3, 1), (2, 3))
        ]
        drawn = {name: CLOSED[name] for name in ("starts_at", "reason")} | {"polygon": corners}

        answer = osrm_client.post("/api/roads/closures", json=drawn | {"profiles": ["car"]})

        assert answer.status_code == 201
        assert answer.json()["polygon"][0] == [8.002, 51.002]
        assert answer.json()["profiles"] == ["car"]

    def test_are_refused_where_nobody_can_be_told(self, sqlite_client):
        answer = sqlite_client.post("/api/roads/closures", json=CLOSED)

        assert answer.status_code == 409
        assert "CAREAPP_ROADS" in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"radius_m": None}, 400),
            ({"radius_m": 1}, 422),
            ({"place": None, "radius_m": None}, 400),
            ({"polygon": [PLACE, PLACE, PLACE], "place": None, "radius_m": None}, 400),
            ({"place": {"latitude": 95, "longitude": 8}}, 422),
            ({"starts_at": "2026-03-02T17:00:00"}, 422),
            ({"ends_at": "2026-03-02T16:00:00Z"}, 400),
            ({"reason": ""}, 422),
            ({"profiles": ["rocket"]}, 422),
            ({"profiles": []}, 422),
        ],
    )
    def test_that_make_no_sense_are_refused(self, osrm_client, changed, status):
        assert osrm_client.post("/api/roads/closures", json=CLOSED | changed).status_code == status

    def test_that_are_not_there_cannot_be_lifted(self, osrm_client):
        assert osrm_client.delete(f"/api/roads/closures/{uuid.uuid4()}").status_code == 404


class TestBuildCommand:
    def test_prints_what_is_in_use(self, extract, data_dir):
        result = built(extract, data_dir)
        status = processes.run("roads", "status", data_dir=data_dir)

        assert result.returncode == 0, result.stderr
        assert "car: extract" in result.stderr
        assert result.stdout == status.stdout
        assert "grid.osm.pbf, 24 roads" in status.stdout
        assert "© OpenStreetMap contributors" in status.stdout

    def test_prints_the_manifest(self, extract, data_dir):
        built(extract, data_dir)

        text = processes.run("roads", "status", "--json", data_dir=data_dir).stdout

        assert f'"data": "{current_manifest(data_dir).data}"' in text

    def test_refuses_an_extract_of_elsewhere(self, extract, data_dir, calendar, viewer, now):
        data_dir.mkdir(exist_ok=True)
        processes.run("migrate", data_dir=data_dir)
        put_a_region_into(data_dir, calendar, viewer, now)

        refused = built(extract, data_dir)
        forced = built(extract, data_dir, "--force")

        assert refused.returncode == 2
        assert "known homes lie more than 500 m from any road" in refused.stderr
        assert "Traceback" not in refused.stderr
        assert forced.returncode == 0
        assert "homes lie at no road of these data" in forced.stderr

    def test_contracts_where_it_is_asked_for(self, extract, data_dir):
        assert "mld" in built(extract, data_dir).stdout
        assert "contracted (ch)" in built(extract, data_dir, "--contract").stdout

    @pytest.mark.parametrize(
        ("arguments", "word"),
        [
            (("--profiles", "rocket"), "car, bicycle, foot"),
            (("--slice", "harvest"), "no slice is called harvest"),
            (("--speeds", "nothing.toml"), "nothing.toml"),
        ],
    )
    def test_names_what_makes_no_sense(self, extract, data_dir, arguments, word):
        result = processes.run("roads", "build", str(extract), *arguments, data_dir=data_dir)

        assert result.returncode == 2
        assert word in result.stderr
        assert "Traceback" not in result.stderr

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_that_is_stopped_leaves_nothing_half(self, tmp_path, data_dir, number):
        large = write_grid(tmp_path / "large.osm.pbf", size=120)
        process = subprocess.Popen(
            processes.command("roads", "build", str(large), "--contract", "--data-dir", str(data_dir)),
            env=processes.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        for line in process.stderr:
            if "car: extract" in line:
                break

        process.send_signal(number)

        rest = process.communicate(timeout=60)[1]
        assert process.returncode == (130 if number == signal.SIGINT else 143)
        assert "Traceback" not in rest
        assert find_manifest(data_dir) is None
        assert list((roads_folder(data_dir) / "sets").iterdir()) == []

    def test_status_before_the_first_build_says_what_to_do(self, data_dir):
        result = processes.run("roads", "status", data_dir=data_dir)

        assert result.returncode == 2
        assert "careapp roads build" in result.stderr


def put_a_region_into(data_dir, calendar, viewer, now) -> None:
    with opened(Settings.read(data_dir=data_dir)) as engine, make_sessions(engine).begin() as session:
        build_region(
            session,
            seed=1,
            visits=10,
            nurses=2,
            first_date=calendar.local_date(now),
            calendar=calendar,
            viewer=viewer,
            now=now,
            on_progress=lambda _done, _part: None,
        )
