"""Building road data: what comes out, what is refused, what stays."""

import os
import shutil
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from careapp.roads import engine
from careapp.roads.build import HomesOutside, pays_to_contract
from careapp.roads.manifest import (
    NoRoads,
    RoadsBusy,
    RoadsDamaged,
    changing,
    current_manifest,
    find_manifest,
    roads_folder,
)
from careapp.roads.programs import Programs
from careapp.roads.segments import BadExtract
from careapp.roads.snapping import Home
from careapp.roads.speeds import BadSpeeds
from careapp.roads.steps import BuildFailed, NoRoom
from routing.travel.source import Profile
from tests.careapp.roads.asking import seconds
from tests.careapp.roads.conftest import NOON
from tests.careapp.roads.extracts import crossing, write_empty, write_grid


def a_home(column: int, row: int) -> Home:
    longitude, latitude = crossing(column, row)
    return Home(uuid.uuid4(), latitude, longitude)


def with_program(programs: Programs, folder: Path, name: str, script: str) -> Programs:
    """The same programs, but one is a shell script."""
    folder.mkdir()
    for path in programs.folder.iterdir():
        (folder / path.name).symlink_to(path)
    (folder / name).unlink()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    return replace(programs, folder=folder)


def sets_of(builder) -> list[str]:
    return sorted(path.name for path in (roads_folder(builder.data_dir) / "sets").iterdir())


class TestBuild:
    def test_says_what_the_data_are_made_of(self, builder, grid):
        manifest = builder(grid).manifest

        assert manifest == current_manifest(builder.data_dir)
        assert manifest.extract.file == "grid.osm.pbf"
        assert manifest.extract.bounds.west == pytest.approx(8.0)
        assert manifest.extract.bounds.north == pytest.approx(51.022)
        assert manifest.roads == 24
        assert manifest.profiles == (Profile.CAR,)
        assert manifest.algorithm == "mld"
        assert manifest.attribution == "© OpenStreetMap contributors, ODbL 1.0"
        assert not manifest.synthetic
        assert [step.name for step in manifest.steps] == [
            "reading the extract",
            "car: extract",
            "car: partition",
            "car: customize",
        ]
        assert manifest.peak_bytes > 1_000_000

    def test_makes_the_same_data_of_the_same_extract(self, builder, grid):
        first = builder(grid).manifest
        second = builder(grid, now=NOON + timedelta(hours=1)).manifest

        assert second.data == first.data
        assert second.folder != first.folder

    def test_makes_other_data_of_other_roads(self, builder, grid, tmp_path):
        other = write_grid(tmp_path / "other.osm.pbf", highway="primary")

        assert builder(grid).manifest.data != builder(other).manifest.data

    def test_answers_with_times_that_fit_the_streets(self, builder, grid):
        manifest = builder(grid).manifest

        there = seconds(engine.running(manifest, Profile.CAR), crossing(1, 1), crossing(1, 9))[0][1]

        # 8 blocks of 222.4 m (0.002 degrees of 111.2 km) at a residential street's 25 km/h: 256 s
        assert there == pytest.approx(256, rel=0.03)

    def test_gives_contracted_data_where_they_are_asked_for(self, builder, grid):
        plain = builder(grid)
        asked = crossing(0, 0), crossing(7, 5), crossing(2, 11)
        expected = seconds(engine.running(plain.manifest, Profile.CAR), *asked)

        contracted = builder(grid, contract=True, now=NOON + timedelta(hours=1))

        assert contracted.manifest.algorithm == "ch"
        assert contracted.manifest.data != plain.manifest.data
        assert seconds(engine.running(contracted.manifest, Profile.CAR), *asked) == expected

    def test_marks_our_own_network_as_synthetic(self, builder, tmp_path):
        invented = write_grid(tmp_path / "invented.osm.pbf", generator="careapp-synthetic-roads 1 seed 0")

        manifest = builder(invented).manifest

        assert manifest.synthetic
        assert "synthetic" in manifest.attribution

    def test_reads_xml_too(self, builder, grid, tmp_path):
        text = write_grid(tmp_path / "grid.osm")

        built = builder(text).manifest

        places = crossing(1, 1), crossing(1, 9)
        assert seconds(engine.running(built, Profile.CAR), *places)[0][1] == pytest.approx(256, rel=0.03)

    def test_tells_how_far_it_is(self, builder, grid):
        told = []

        builder(grid, tell=lambda step, fraction, _: told.append((fraction, step)))

        assert told == sorted(told, key=lambda each: each[0])
        assert [step for _, step in told][-1] == "checking the homes"
        assert {"car: extract", "car: partition", "car: customize"} <= {step for _, step in told}

    def test_keeps_the_set_before_and_none_older(self, builder, grid):
        folders = [builder(grid, now=NOON + timedelta(hours=hour)).manifest.folder.name for hour in range(3)]

        assert sets_of(builder) == folders[1:]

    def test_is_not_done_twice_at_once(self, builder, grid):
        with changing(builder.data_dir), pytest.raises(RoadsBusy):
            builder(grid)

    def test_removes_what_a_killed_build_left(self, builder, grid):
        left = roads_folder(builder.data_dir) / "sets" / ".work-1"
        left.mkdir(parents=True)

        manifest = builder(grid).manifest

        assert sets_of(builder) == [manifest.folder.name]


class TestHomes:
    def test_that_lie_at_no_road_are_told(self, builder, grid):
        inside, outside = [a_home(3, 4), a_home(5, 5)], a_home(40, 40)

        built = builder(grid, homes=[*inside, outside])

        assert built.homes == 3
        assert built.outside == (outside,)

    def test_that_are_missed_by_most_stop_the_switch(self, builder, grid):
        before = builder(grid).manifest

        with pytest.raises(HomesOutside, match="2 of 3 known homes") as refused:
            builder(grid, homes=[a_home(3, 4), a_home(40, 40), a_home(50, 40)], now=NOON + timedelta(hours=1))

        assert "--force" in str(refused.value)
        assert current_manifest(builder.data_dir) == before
        assert sets_of(builder) == [before.folder.name]

    def test_that_are_missed_are_accepted_by_force(self, builder, grid):
        built = builder(grid, homes=[a_home(40, 40)], force=True)

        assert len(built.outside) == 1
        assert current_manifest(builder.data_dir) == built.manifest


class TestBadInput:
    @pytest.fixture
    def before(self, builder, grid):
        """Data that are in use and must stay so."""
        yield builder(grid).manifest
        assert current_manifest(builder.data_dir) is not None
        assert sets_of(builder) == [current_manifest(builder.data_dir).folder.name]

    def test_a_cut_extract_is_damaged(self, builder, before, grid, tmp_path):
        cut = tmp_path / "cut.osm.pbf"
        cut.write_bytes(grid.read_bytes()[:-200])

        with pytest.raises(BadExtract, match=r"cut\.osm\.pbf is damaged"):
            builder(cut)

    def test_noise_is_no_extract(self, builder, before, tmp_path):
        noise = tmp_path / "noise.osm.pbf"
        noise.write_bytes(os.urandom(50_000))

        with pytest.raises(BadExtract, match="damaged or no extract"):
            builder(noise)

    def test_an_empty_file_is_no_extract(self, builder, before, tmp_path):
        empty = tmp_path / "empty.osm.pbf"
        empty.touch()

        with pytest.raises(BadExtract, match=r"empty\.osm\.pbf"):
            builder(empty)

    def test_an_extract_without_a_road_is_refused(self, builder, before, tmp_path):
        with pytest.raises(BadExtract, match="holds no road"):
            builder(write_empty(tmp_path / "sea.osm.pbf"))

    def test_an_extract_without_a_road_for_the_vehicle_is_refused(self, builder, before, tmp_path):
        paths = write_grid(tmp_path / "paths.osm.pbf", highway="steps")

        with pytest.raises(BadExtract, match="no road for the vehicle car"):
            builder(paths)

    @pytest.mark.parametrize("name", ["roads.txt", "roads.shp", "roads"])
    def test_another_kind_of_file_is_named(self, builder, before, tmp_path, name):
        (tmp_path / name).write_text("roads")

        with pytest.raises(BadExtract, match="name a file that ends in"):
            builder(tmp_path / name)

    def test_a_missing_file_is_named(self, builder, before, tmp_path):
        with pytest.raises(BadExtract, match="there is no file"):
            builder(tmp_path / "nothing.osm.pbf")

    def test_an_unknown_slice_is_named(self, builder, before, grid):
        with pytest.raises(BadSpeeds, match="no slice is called harvest"):
            builder(grid, slices=("harvest",))

    def test_too_little_room_is_told_before(self, builder, before, grid, monkeypatch):
        monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))

        with pytest.raises(NoRoom, match="make room"):
            builder(grid)

    def test_a_disk_that_fills_up_is_told(self, builder, before, grid, tmp_path):
        script = "echo '[error] No space left on device' >&2; exit 1"
        builder.programs = with_program(builder.programs, tmp_path / "bin", "osrm-partition", script)

        with pytest.raises(NoRoom, match="is full"):
            builder(grid, now=NOON + timedelta(hours=1))

    def test_a_program_that_is_killed_is_told(self, builder, before, grid, tmp_path):
        builder.programs = with_program(builder.programs, tmp_path / "bin", "osrm-customize", "kill -9 $$")

        with pytest.raises(BuildFailed, match="want of memory"):
            builder(grid)

    def test_a_program_that_fails_is_quoted(self, builder, before, grid, tmp_path):
        script = "echo '[x] [error] The moon is too bright src/moon.cpp:7'; exit 1"
        builder.programs = with_program(builder.programs, tmp_path / "bin", "osrm-partition", script)

        with pytest.raises(BuildFailed, match="car: partition: The moon is too bright;"):
            builder(grid)

    def test_an_interrupt_leaves_nothing(self, builder, before, grid):
        def interrupt(step: str, _fraction: float, _detail: str) -> None:
            if step == "car: partition":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            builder(grid, tell=interrupt)


class TestManifest:
    def test_is_missing_before_the_first_build(self, tmp_path):
        assert find_manifest(tmp_path) is None
        with pytest.raises(NoRoads, match="careapp roads build"):
            current_manifest(tmp_path)

    def test_that_is_damaged_is_told(self, builder, grid):
        manifest = builder(grid).manifest
        (manifest.folder / "manifest.json").write_text("{")

        with pytest.raises(RoadsDamaged, match="build them anew"):
            current_manifest(builder.data_dir)


@pytest.mark.parametrize(("stops", "pays"), [(0, False), (300, False), (301, True)])
def test_contraction_pays_for_many_stops(stops, pays):
    assert pays_to_contract(stops) is pays
