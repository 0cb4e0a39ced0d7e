"""Closed roads: the rows, the areas, and what they do to travel times."""

import time
from datetime import timedelta
from uuid import uuid4

import pytest

from careapp.access import Viewer, ViewerRole
from careapp.config import Settings
from careapp.db import make_reading_sessions
from careapp.records.models import AuditEvent
from careapp.roads import closures
from careapp.roads.areas import Area, BadArea, touched
from careapp.roads.closures import ClosureNotFound, ClosuresNotApplied, list_closures
from careapp.roads.engine import running
from careapp.roads.keeper import RoadKeeper, honour
from careapp.roads.manifest import RoadsBusy, changing, closures_in, current_manifest, roads_folder
from careapp.roads.segments import read_extract
from routing.travel.source import Profile
from tests.careapp.roads.asking import seconds
from tests.careapp.roads.extracts import STEP, crossing

MIDDLE = crossing(5, 5)


@pytest.fixture
def close(session, viewer, now, tmp_path):
    """Close roads as the API does."""

    def close(area=None, **changed):
        asked = {
            "area": area or Area(middle=MIDDLE, radius_m=30),
            "starts_at": now,
            "ends_at": None,
            "reason": "bridge closed",
            "profiles": tuple(Profile),
            "settings": Settings.read(data_dir=tmp_path, roads="osrm"),
            "viewer": viewer,
            "now": now,
        }
        return closures.add_closure(session, **(asked | changed))

    return close


class TestAddClosure:
    def test_is_listed_until_it_ends(self, session, close, viewer, now):
        closure = close(ends_at=now + timedelta(hours=2))
        session.commit()

        assert closures.list_closures(session, viewer=viewer, now=now) == [closure]
        assert closures.list_closures(session, viewer=viewer, now=now + timedelta(hours=2)) == []

    def test_keeps_a_drawn_area(self, session, close):
        corners = (crossing(1, 1), crossing(3, 1), crossing(2, 4))
        closure = close(Area(polygon=corners))
        session.commit()
        session.refresh(closure)

        assert closure.area == Area(polygon=corners)

    def test_writes_down_who_did_it(self, session, close):
        closure = close()
        session.flush()

        event = session.query(AuditEvent).one()
        assert (event.action, event.subject_id) == ("add_closure", closure.id)

    @pytest.mark.parametrize("roads", ["estimate", "osrm-http", "valhalla-http"])
    def test_refuses_where_nobody_can_be_told(self, close, tmp_path, roads):
        settings = Settings.read(data_dir=tmp_path, roads=roads, roads_url="http://127.0.0.1:5000")

        with pytest.raises(ClosuresNotApplied, match=f"CAREAPP_ROADS={roads}"):
            close(settings=settings)

    def test_is_told_by_a_coordinator_of_one_service_for_all(self, close, session, now):
        told = close(viewer=Viewer("service", ViewerRole.COORDINATOR, uuid4()))
        session.flush()

        elsewhere = Viewer("neighbour", ViewerRole.NURSE, uuid4())
        assert list_closures(session, viewer=elsewhere, now=now) == [told]

    @pytest.mark.parametrize(
        "area",
        [
            Area(),
            Area(middle=MIDDLE),
            Area(middle=MIDDLE, radius_m=4),
            Area(middle=MIDDLE, radius_m=20_001),
            Area(middle=(51.0, 181.0), radius_m=50),
            Area(polygon=(MIDDLE, MIDDLE, MIDDLE)),
            Area(polygon=(MIDDLE, crossing(1, 1), (8.0, 91.0))),
            Area(middle=MIDDLE, radius_m=50, polygon=(MIDDLE, crossing(1, 1), crossing(2, 1))),
        ],
    )
    def test_refuses_what_is_no_area(self, close, area):
        with pytest.raises(BadArea):
            close(area)

    def test_refuses_an_end_before_the_beginning(self, close, now):
        with pytest.raises(BadArea, match="later end"):
            close(ends_at=now)


class TestLiftClosure:
    def test_ends_it(self, session, close, viewer, now):
        closure = close()
        session.flush()

        closures.lift_closure(session, closure_id=closure.id, viewer=viewer, now=now)
        session.flush()

        assert closures.list_closures(session, viewer=viewer, now=now) == []

    def test_refuses_one_that_was_lifted(self, session, close, viewer, now):
        closure = close()
        session.flush()
        closures.lift_closure(session, closure_id=closure.id, viewer=viewer, now=now)

        with pytest.raises(ClosureNotFound):
            closures.lift_closure(session, closure_id=closure.id, viewer=viewer, now=now)


class TestDueClosures:
    @pytest.mark.parametrize(
        ("hours", "is_due"),
        [(0, True), (24, True), (29, True), (31, False)],
        # now is Monday 18:00 in Berlin: Tuesday ends 30 hours later
    )
    def test_are_those_of_today_and_tomorrow(self, session, close, viewer, calendar, now, hours, is_due):
        close(starts_at=now + timedelta(hours=hours))
        session.flush()

        due = closures.due_closures(session, viewer=viewer, calendar=calendar, now=now)

        assert bool(due) is is_due


@pytest.fixture(scope="module")
def segments(grid):
    return read_extract(grid).segments


class TestTouched:
    def test_a_circle_at_a_crossing_closes_its_four_arms(self, segments):
        assert touched(segments, Area(middle=MIDDLE, radius_m=30)).sum() == 4

    def test_a_circle_in_the_middle_of_a_block_closes_one_piece(self, segments):
        between = (MIDDLE[0] + STEP / 2, MIDDLE[1])

        assert touched(segments, Area(middle=between, radius_m=10)).sum() == 1

    def test_a_circle_beside_all_roads_closes_none(self, segments):
        # the middle of a block: 111 m from the streets in the south and the north, 70 m from those beside
        inside = (MIDDLE[0] + STEP / 2, MIDDLE[1] + STEP / 2)

        assert touched(segments, Area(middle=inside, radius_m=60)).sum() == 0
        assert touched(segments, Area(middle=inside, radius_m=80)).sum() == 2
        assert touched(segments, Area(middle=inside, radius_m=120)).sum() == 4

    def test_an_area_closes_what_lies_in_it_and_what_leads_into_it(self, segments):
        west, east = MIDDLE[0] - STEP / 2, MIDDLE[0] + 1.5 * STEP
        south, north = MIDDLE[1] - STEP / 2, MIDDLE[1] + STEP / 2
        corners = ((west, south), (east, south), (east, north), (west, north))

        # two crossings inside: the piece between them, and three arms of each
        assert touched(segments, Area(polygon=corners)).sum() == 7

    def test_an_area_closes_what_goes_through_it_without_an_end_in_it(self, segments):
        middle, half = MIDDLE[0] + STEP / 2, STEP / 10
        corners = (
            (middle - half, MIDDLE[1] - half),
            (middle + half, MIDDLE[1] - half),
            (middle, MIDDLE[1] + half),
        )

        assert touched(segments, Area(polygon=corners)).sum() == 1

    def test_an_area_elsewhere_closes_none(self, segments):
        assert touched(segments, Area(polygon=((9.0, 52.0), (9.1, 52.0), (9.0, 52.1)))).sum() == 0


class TestHonour:
    def honoured(self, builder, closed, now):
        manifest = honour(closed, data_dir=builder.data_dir, programs=builder.programs, now=now)
        assert manifest is not None
        return manifest

    def test_leads_ways_round_the_closed_place_and_back(self, builder, grid, session, close, now):
        base = builder(grid, now=now).manifest
        places = crossing(5, 3), crossing(5, 7)
        before = seconds(running(base, Profile.CAR), *places)[0][1]
        closure = close()
        session.flush()

        closed = self.honoured(builder, [closure], now + timedelta(minutes=1))
        around = seconds(running(closed, Profile.CAR), *places)[0][1]
        opened = self.honoured(builder, [], now + timedelta(minutes=2))

        assert closed.data != base.data
        assert closures_in(builder.data_dir, {base.data, "of a server"}) == []
        assert closures_in(builder.data_dir, {base.data, closed.data}) == [str(closure.id)]
        assert closed.closures == (str(closure.id),)
        assert closed.base == base.folder.name
        assert before is not None
        assert around is not None
        assert around > before * 1.1
        assert opened == base
        assert current_manifest(builder.data_dir) == base

    def test_cuts_off_what_lies_inside(self, builder, grid, session, close, now):
        builder(grid, now=now)
        area = Area(middle=crossing(5, 5), radius_m=700)
        closure = close(area, profiles=(Profile.CAR,))

        closed = self.honoured(builder, [closure], now)

        # nearest open road: places inside snap to the rim, which is no way through the middle
        assert closed.algorithm == "mld"
        there = seconds(running(closed, Profile.CAR), crossing(0, 0), crossing(11, 11))[0][1]
        assert there is not None

    def test_stops_only_whom_it_names(self, builder, grid, session, close, now):
        base = builder(grid, now=now, profiles=(Profile.CAR, Profile.FOOT)).manifest
        places = crossing(5, 3), crossing(5, 7)
        walking = seconds(running(base, Profile.FOOT), *places, profile="foot")

        closed = self.honoured(builder, [close(profiles=(Profile.CAR,))], now)

        assert seconds(running(closed, Profile.FOOT), *places, profile="foot") == walking

    def test_keeps_the_speeds_of_a_slice(self, builder, grid, close, now):
        base = builder(grid, now=now, slices=("winter", "peak")).manifest
        places = crossing(1, 1), crossing(1, 9)
        winter = seconds(running(base, Profile.CAR, "winter"), *places)

        closed = self.honoured(builder, [close()], now)

        assert seconds(running(closed, Profile.CAR, "winter"), *places) == winter
        assert closed.slices == base.slices

    def test_uses_contracted_data_again_when_all_is_open(self, builder, grid, close, now):
        base = builder(grid, now=now, contract=True).manifest

        closed = self.honoured(builder, [close()], now)
        again = self.honoured(builder, [], now)

        assert closed.algorithm == "mld"
        assert not list(closed.folder.rglob("*.hsgr"))
        assert again == base

    def test_leaves_the_files_of_the_base_as_they_are(self, builder, grid, close, now):
        base = builder(grid, now=now).manifest
        before = {path: path.read_bytes() for path in base.folder.rglob("network.osrm.*")}

        self.honoured(builder, [close()], now)

        assert {path: path.read_bytes() for path in base.folder.rglob("network.osrm.*")} == before

    def test_keeps_the_base_through_many_changes(self, builder, grid, close, now):
        base = builder(grid, now=now).manifest
        for minute in range(4):
            area = Area(middle=crossing(5, minute + 1), radius_m=30)
            self.honoured(builder, [close(area)], now + timedelta(minutes=minute))

        # the one in use, the one before, and what both are made from
        assert len(list((roads_folder(builder.data_dir) / "sets").iterdir())) == 3
        assert self.honoured(builder, [], now) == base

    def test_does_nothing_twice(self, builder, grid, close, now):
        builder(grid, now=now)
        closure = close()

        first = self.honoured(builder, [closure], now)

        assert self.honoured(builder, [closure], now).folder == first.folder

    def test_waits_for_a_build(self, builder, grid, close, now):
        builder(grid, now=now)

        with changing(builder.data_dir), pytest.raises(RoadsBusy):
            self.honoured(builder, [close()], now)

    def test_does_nothing_before_the_first_build(self, builder, close, now):
        found = honour([close()], data_dir=builder.data_dir, programs=builder.programs, now=now)

        assert found is None


class TestRoadKeeper:
    def test_honours_a_closure_and_its_end(self, builder, grid, engine, session, close, viewer, now):
        base = builder(grid, now=now).manifest
        settings = Settings.read(data_dir=builder.data_dir, roads="osrm")
        keeper = RoadKeeper(make_reading_sessions(engine), settings, lambda: now)
        closure = close()
        session.commit()

        keeper.start()
        wait_for(lambda: current_manifest(builder.data_dir).closures == (str(closure.id),))
        closures.lift_closure(session, closure_id=closure.id, viewer=viewer, now=now)
        session.commit()
        wait_for(lambda: current_manifest(builder.data_dir) == base)
        keeper.stop()

    def test_does_nothing_without_road_data(self, builder, engine, now):
        settings = Settings.read(data_dir=builder.data_dir, roads="osrm")

        assert RoadKeeper(make_reading_sessions(engine), settings, lambda: now).look() is None

    def test_goes_on_after_a_failure(self, builder, grid, engine, session, close, now, caplog):
        manifest = builder(grid, now=now).manifest
        close()
        session.commit()
        (manifest.folder / "roads.npz").rename(manifest.folder / "away")
        settings = Settings.read(data_dir=builder.data_dir, roads="osrm")
        keeper = RoadKeeper(make_reading_sessions(engine), settings, lambda: now)

        keeper.start()
        wait_for(lambda: "closures are not honoured" in caplog.text)
        (manifest.folder / "away").rename(manifest.folder / "roads.npz")
        wait_for(lambda: len(current_manifest(builder.data_dir).closures) == 1)
        keeper.stop()


def wait_for(condition, *, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
