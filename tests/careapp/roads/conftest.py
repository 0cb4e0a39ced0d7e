"""Road data of a small grid, built once for each test process."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from careapp.roads import engine
from careapp.roads.build import Built, Order, build
from careapp.roads.manifest import Manifest
from careapp.roads.programs import Programs
from routing.travel.source import Profile
from tests.careapp.roads.extracts import write_grid

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def ignore(_step: str, _fraction: float, _detail: str) -> None:
    """Tell nobody."""


class Builder:
    """Builds into one data folder."""

    def __init__(self, data_dir: Path, programs: Programs) -> None:
        self.data_dir = data_dir
        self.programs = programs

    def __call__(self, extract: Path, *, homes=(), now=NOON, tell=ignore, **changed) -> Built:
        order = replace(Order(extract, (Profile.CAR,), contract=False), **changed)
        return build(order, data_dir=self.data_dir, programs=self.programs, homes=homes, now=now, tell=tell)


@pytest.fixture
def builder(tmp_path: Path, osrm_programs: Programs) -> Builder:
    data_dir = tmp_path / "data"
    share_programs(osrm_programs, data_dir)
    return Builder(data_dir, osrm_programs)


def share_programs(programs: Programs, data_dir: Path) -> None:
    """Let a data folder use the programs that were found: nothing is fetched for it."""
    if programs.origin == "data folder":
        (data_dir / "programs").mkdir(parents=True)
        (data_dir / "programs" / programs.folder.parent.name).symlink_to(programs.folder.parent)


@pytest.fixture(scope="session")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_grid(tmp_path_factory.mktemp("extracts") / "grid.osm.pbf")


@pytest.fixture(scope="session")
def grid_manifest(tmp_path_factory: pytest.TempPathFactory, grid: Path, osrm_programs: Programs) -> Manifest:
    """The grid for cars and bicycles, base and winter, not contracted; do not change it."""
    data_dir = tmp_path_factory.mktemp("roads")
    share_programs(osrm_programs, data_dir)
    builder = Builder(data_dir, osrm_programs)
    return builder(grid, profiles=(Profile.CAR, Profile.BICYCLE), slices=("winter",)).manifest


@pytest.fixture(autouse=True)
def _no_engine_is_left():
    yield
    engine.stop_all()
