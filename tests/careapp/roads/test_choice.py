"""Which source an installation uses: only what its settings say."""

from datetime import date

import pytest

from careapp.config import Settings, UnsafeSettings
from careapp.errors import Unavailable
from careapp.people.models import VehicleKind
from careapp.roads.choice import travel_sources
from careapp.roads.manifest import NoRoads
from routing.errors import TravelUnavailable
from routing.travel.source import Coordinates
from tests.careapp.roads.extracts import crossing, write_grid
from tests.careapp.worlds import DAY


def at(column, row):
    longitude, latitude = crossing(column, row)
    return Coordinates(latitude, longitude)


WAY = [at(1, 1), at(4, 2), at(8, 9)]


def sources_of(sessions=None, time_slice=None, day=None, data=None, **settings):
    return travel_sources(
        Settings.read(**settings), today=DAY, sessions=sessions, time_slice=time_slice, day=day, data=data
    )


class TestTheEstimate:
    def test_is_what_nobody_has_to_ask_for(self):
        sources = sources_of()

        assert {kind: sources[kind].name for kind in sources} == {
            VehicleKind.CAR: "estimate-car",
            VehicleKind.EBIKE: "estimate-e-bike",
        }
        assert len(sources) == 2
        assert all(source.estimated for source in sources.values())

    def test_has_other_data_with_another_safety_factor(self):
        careful, plain = (sources_of(travel_safety=factor)[VehicleKind.CAR] for factor in (1.3, 1.0))

        assert careful.data != plain.data

    def test_takes_the_speed_factor_and_the_way_to_the_door(self):
        plain = sources_of()[VehicleKind.CAR].travel(WAY)
        slow = sources_of(travel_speed_factor=0.8, access_s=60)[VehicleKind.CAR]

        # a time of t seconds at 0.8 of the speed takes t / 0.8, and a minute once
        assert slow.travel(WAY).seconds[0, 1] == pytest.approx(plain.seconds[0, 1] / 0.8 + 60, abs=2)
        assert slow.travel(WAY).seconds[0, 0] == 0
        assert slow.path(WAY).legs[0].seconds == slow.travel(WAY).seconds[0, 1]
        assert slow.path([WAY[0], WAY[0]]).legs[0].seconds == 0
        assert (slow.table(WAY[:1], WAY).seconds == slow.travel(WAY).seconds[:1]).all()


class TestOurOwnOsrm:
    def test_travels_on_the_data_in_use(self, grid_manifest, sessions):
        sources = sources_of(sessions, roads="osrm", data_dir=grid_manifest.data_dir)
        car, bike = sources[VehicleKind.CAR], sources[VehicleKind.EBIKE]

        travel = car.travel(WAY)

        assert (car.name, car.data, car.estimated) == ("osrm-car", grid_manifest.data, False)
        assert bike.name == "osrm-bicycle"
        # Three columns of 140 m and a row of 222 m
        assert travel.metres[0, 1] == pytest.approx(3 * 140 + 222, abs=15)
        assert car.path(WAY).legs[0].metres == travel.metres[0, 1]
        assert bike.travel(WAY).seconds[0, 1] > 0
        assert [each.metres for each in car.snap(WAY)] == [0, 0, 0] or max(
            each.metres or 0 for each in car.snap(WAY)
        ) <= 2

    def test_travels_slower_in_a_slice_of_slow_hours(self, grid_manifest, sessions):
        chosen = {"roads": "osrm", "data_dir": grid_manifest.data_dir}
        base = sources_of(sessions, **chosen)[VehicleKind.CAR].travel(WAY)
        winter = sources_of(sessions, "winter", **chosen)[VehicleKind.CAR].travel(WAY)

        assert (winter.seconds >= base.seconds).all()
        assert winter.seconds.sum() > base.seconds.sum()

    @pytest.mark.parametrize(
        ("day", "expected"), [(None, "base"), (date(2026, 1, 12), "winter"), (date(2026, 7, 13), "base")]
    )
    def test_takes_the_slice_of_the_season(self, grid_manifest, day, expected):
        sources = sources_of(roads="osrm", data_dir=grid_manifest.data_dir, day=day)

        assert sources.slice() == expected

    def test_says_whom_to_name_and_whether_roads_are_invented(self, grid_manifest, builder, tmp_path):
        assert sources_of(roads="osrm", data_dir=grid_manifest.data_dir).attribution() == [
            grid_manifest.attribution
        ]
        assert sources_of().attribution() == []
        path = write_grid(tmp_path / "made.osm.pbf", generator="careapp-synthetic-roads 1 seed 0")
        made = builder(path).manifest

        invented = sources_of(roads="osrm", data_dir=builder.data_dir)

        assert invented[VehicleKind.CAR].name == "osrm-synthetic-car"
        assert invented.attribution() == [made.attribution]

    def test_stays_with_its_data_while_others_come_into_use(self, builder, sessions, tmp_path):
        first = builder(write_grid(tmp_path / "one.osm.pbf", size=12)).manifest
        sources = sources_of(sessions, roads="osrm", data_dir=builder.data_dir)
        before = sources[VehicleKind.CAR]

        second = builder(write_grid(tmp_path / "two.osm.pbf", size=13)).manifest

        assert first.data != second.data
        assert sources[VehicleKind.CAR] is before
        assert before.data == first.data
        older = sources_of(sessions, roads="osrm", data_dir=builder.data_dir, data=first.data)
        assert older[VehicleKind.CAR].data == first.data
        assert older[VehicleKind.CAR].path(WAY).legs
        gone = sources_of(sessions, roads="osrm", data_dir=builder.data_dir, data="0f0f")
        assert gone[VehicleKind.CAR].data == second.data
        later = sources_of(sessions, roads="osrm", data_dir=builder.data_dir)[VehicleKind.CAR]
        assert later.data == second.data

    def test_needs_data(self, tmp_path):
        with pytest.raises(NoRoads, match="careapp roads build"):
            sources_of(roads="osrm", data_dir=tmp_path)[VehicleKind.CAR]

    def test_needs_data_of_the_vehicle(self, builder, tmp_path):
        builder(write_grid(tmp_path / "one.osm.pbf"))

        with pytest.raises(Unavailable, match="no bicycle"):
            sources_of(roads="osrm", data_dir=builder.data_dir)[VehicleKind.EBIKE]


class TestAServer:
    def test_is_named_by_the_settings(self):
        car = sources_of(roads="osrm-http", roads_url="http://roads:5000")[VehicleKind.CAR]
        bike = sources_of(roads="valhalla-http", roads_url="http://roads:8002")[VehicleKind.EBIKE]

        assert (car.name, bike.name) == ("osrm-car", "valhalla-bicycle")

    def test_of_osrm_serves_one_kind_of_vehicle(self):
        with pytest.raises(TravelUnavailable, match="CAREAPP_ROADS_URL"):
            sources_of(roads="osrm-http", roads_url="http://roads:5000")[VehicleKind.EBIKE]

        both = sources_of(roads="osrm-http", roads_url="http://roads/{profile}")
        assert both[VehicleKind.EBIKE].name == "osrm-bicycle"

    def test_has_other_data_under_another_name_but_not_with_another_password(self):
        chosen = {"roads": "osrm-http", "roads_url": "http://me:one@roads:5000"}
        data = sources_of(**chosen)[VehicleKind.CAR].data

        assert sources_of(**chosen, roads_data_name="May")[VehicleKind.CAR].data != data
        other = chosen | {"roads_url": "http://me:two@roads:5000"}
        assert sources_of(**other)[VehicleKind.CAR].data == data

    @pytest.mark.parametrize("roads", ["osrm-http", "valhalla-http"])
    def test_must_be_named(self, roads):
        with pytest.raises(UnsafeSettings, match=r"CAREAPP_ROADS_URL: .*name its server"):
            Settings.read(roads=roads)

    def test_must_have_an_address(self):
        with pytest.raises(UnsafeSettings, match="CAREAPP_ROADS_URL: name the server like"):
            Settings.read(roads="osrm-http", roads_url="roads:5000")

    def test_must_be_of_a_kind_that_we_know(self):
        with pytest.raises(UnsafeSettings, match="CAREAPP_ROADS"):
            Settings.read(roads="google")
