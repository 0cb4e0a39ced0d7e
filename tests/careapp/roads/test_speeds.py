"""Speed factors: the table, the choice of a slice, and what they do to travel times."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from careapp.roads import engine
from careapp.roads.segments import ROAD_CLASSES, read_extract, way_speeds
from careapp.roads.speeds import (
    BadSpeeds,
    choose,
    factors_of,
    read_slices,
    slice_at,
    slice_of_day,
    slices_by_hour,
    write_speeds,
)
from routing.travel.source import Profile
from tests.careapp.roads.asking import seconds
from tests.careapp.roads.conftest import NOON
from tests.careapp.roads.extracts import crossing, write_grid

BERLIN = ZoneInfo("Europe/Berlin")


class TestTable:
    def test_of_ours_slows_and_never_speeds(self):
        slices = read_slices()

        factors = [factors_of(slice_, profile, slices) for slice_ in slices.values() for profile in Profile]

        assert list(slices) == ["peak", "winter", "winter-peak"]
        assert all(((each > 0.5) & (each <= 1.0)).all() for each in factors)

    def test_counts_a_link_as_its_road(self):
        slices = read_slices()
        factors = dict(zip(ROAD_CLASSES, slices["peak"].factors(Profile.CAR), strict=True))

        assert factors["primary_link"] == factors["primary"] == 0.88
        assert factors["unclassified"] == 0.92  # the default

    def test_multiplies_what_a_slice_is_made_of(self):
        slices = read_slices()
        both = dict(zip(ROAD_CLASSES, factors_of(slices["winter-peak"], Profile.CAR, slices), strict=True))

        assert both["primary"] == pytest.approx(0.88 * 0.92)

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("slice = 3", "no table"),
            ("[[slice", "no table"),
            ("", "no table"),
            ('[[slice]]\nname = "x"\ntext = ""\ncar = { default = 0 }', "car"),
            ('[[slice]]\nname = "x"\ntext = ""\nmonths = [13]', "months"),
            ('[[slice]]\nname = "x"\ntext = ""\nspeed = 3', "speed"),
            ('[[slice]]\nname = "x"\ntext = ""\ncar = { motorpath = 0.5 }', "motorpath"),
            ('[[slice]]\nname = "base"\ntext = ""', "base"),
            ('[[slice]]\nname = "x"\ntext = ""\nof = ["y"]', "x"),
        ],
    )
    def test_that_is_malformed_is_named(self, tmp_path, text, word):
        path = tmp_path / "mine.toml"
        path.write_text(text)

        with pytest.raises(BadSpeeds, match=word):
            read_slices(path)

    def test_that_is_missing_is_named(self, tmp_path):
        with pytest.raises(BadSpeeds, match="cannot be read"):
            read_slices(tmp_path / "none.toml")


class TestChoose:
    def test_keeps_the_tables_order(self):
        slices = read_slices()

        assert [each.name for each in choose(slices, ["winter", "base", "peak"])] == ["peak", "winter"]


def local(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=BERLIN)


class TestSliceAt:
    @pytest.mark.parametrize(
        ("moment", "name"),
        [
            ("2026-06-02T10:00", "base"),
            ("2026-06-02T06:30", "peak"),  # a Tuesday; bands are half-open
            ("2026-06-02T08:30", "base"),
            ("2026-06-06T07:00", "base"),  # a Saturday
            ("2026-01-06T10:00", "winter"),
            ("2026-01-06T07:00", "winter-peak"),
        ],
    )
    def test_is_the_most_special_that_holds(self, moment, name):
        slices = read_slices()

        assert slice_at(local(moment), ("base", *slices), slices) == name

    def test_is_one_that_was_built(self):
        slices = read_slices()

        assert slice_at(local("2026-01-06T07:00"), ("base", "winter"), slices) == "winter"


class TestSliceOfDay:
    def test_is_the_season_s_if_it_was_built(self, builder, grid):
        builder(grid, slices=("winter", "peak", "winter-peak"))

        assert slice_of_day(builder.data_dir, date(2026, 1, 6)) == "winter"
        assert slice_of_day(builder.data_dir, date(2026, 6, 2)) == "base"

    def test_comes_from_the_table_that_the_data_were_built_with(self, builder, grid, tmp_path):
        mine = tmp_path / "mine.toml"
        mine.write_text('[[slice]]\nname = "mud"\ntext = ""\nmonths = [6]\ncar = { default = 0.5 }')
        builder(grid, slices=("mud",), speeds=mine)
        mine.unlink()

        assert slice_of_day(builder.data_dir, date(2026, 6, 2)) == "mud"

    def test_is_the_base_without_other_data(self, builder, grid):
        assert slice_of_day(builder.data_dir, date(2026, 1, 6)) == "base"
        builder(grid)
        assert slice_of_day(builder.data_dir, date(2026, 1, 6)) == "base"


class TestSlicesByHour:
    def test_name_each_change_of_a_working_day(self, builder, grid):
        manifest = builder(grid, slices=("winter", "peak", "winter-peak")).manifest

        # a Tuesday in summer, one in winter, and a Sunday
        assert slices_by_hour(manifest, date(2026, 6, 2)) == [
            (time(6, 30), "peak"),
            (time(8, 30), "base"),
            (time(15, 30), "peak"),
            (time(18), "base"),
        ]
        assert {name for _, name in slices_by_hour(manifest, date(2026, 1, 6))} == {"winter", "winter-peak"}
        assert slices_by_hour(manifest, date(2026, 6, 7)) == []

    def test_need_slices_that_were_built(self, builder, grid):
        assert slices_by_hour(builder(grid).manifest, date(2026, 6, 2)) == []


class TestWriteSpeeds:
    def test_writes_both_directions_with_the_rate_slowed_alike(self, tmp_path, grid):
        contents = read_extract(grid)
        (tmp_path / "ways.csv").write_text("1,50,0,13.9,0\n2,30,30,-1,-1\n")
        factors = np.ones(len(ROAD_CLASSES))
        factors[ROAD_CLASSES.index("residential")] = 0.5

        lines = write_speeds(
            tmp_path / "out.csv", contents.segments, way_speeds(tmp_path / "ways.csv"), factors
        )

        written = (tmp_path / "out.csv").read_text().splitlines()
        # ways 1 and 2 have 11 pieces each; way 1 may not be used backwards: 11 + 22 lines
        assert lines == len(written) == 33
        assert "1,2,25.00,6.950" in written
        assert not any(line.startswith("2,1,") for line in written)
        assert {"13,14,15.00", "14,13,15.00"} <= set(written)


class TestSlices:
    def test_make_ways_longer_in_time(self, grid_manifest):
        places = crossing(1, 1), crossing(1, 9)

        dry = seconds(engine.running(grid_manifest, Profile.CAR), *places)[0][1]
        winter = seconds(engine.running(grid_manifest, Profile.CAR, "winter"), *places)[0][1]

        # residential streets in winter: 0.85 of the speed
        assert dry is not None
        assert winter == pytest.approx(dry / 0.85, rel=0.02)

    def test_without_factors_for_a_vehicle_are_its_base(self, builder, grid):
        manifest = builder(grid, profiles=(Profile.FOOT,), slices=("peak",)).manifest

        assert (manifest.folder / "foot" / "peak").is_symlink()
        assert engine.running(manifest, Profile.FOOT, "peak")

    def test_are_part_of_what_the_data_are(self, builder, grid, tmp_path):
        mine = tmp_path / "mine.toml"
        mine.write_text('[[slice]]\nname = "winter"\ntext = "ice"\ncar = { default = 0.5 }')

        ours = builder(grid, slices=("winter",)).manifest
        theirs = builder(grid, slices=("winter",), speeds=mine, now=NOON + timedelta(hours=1)).manifest

        assert ours.slices == theirs.slices == ("base", "winter")
        assert ours.data != theirs.data

    def test_can_be_contracted(self, builder, tmp_path):
        small = write_grid(tmp_path / "small.osm.pbf", size=5)
        manifest = builder(small, slices=("winter",), contract=True).manifest
        places = crossing(0, 0), crossing(0, 4)

        dry = seconds(engine.running(manifest, Profile.CAR), *places)[0][1]
        winter = seconds(engine.running(manifest, Profile.CAR, "winter"), *places)[0][1]

        assert dry is not None
        assert winter == pytest.approx(dry / 0.85, rel=0.02)
