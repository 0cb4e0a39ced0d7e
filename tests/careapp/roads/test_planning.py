"""A day planned on roads that a server knows, and what happens when it does not."""

from datetime import time

import pytest
from sqlalchemy import func, select

from careapp import planning
from careapp.config import Settings
from careapp.organisations.models import Place
from careapp.roads.choice import RoadsFailed
from careapp.roads.models import TravelRow
from careapp.tours.models import Plan, Stop, Tour, UnassignedVisit
from careapp.visits.models import Visit
from tests.careapp.roads.extracts import crossing, write_grid
from tests.careapp.worlds import (
    DAY,
    a_nurse,
    a_patient,
    a_place,
    a_shift_pattern,
    an_order,
    an_organisation,
)
from tests.road_fakes import Asked, Reply, fake_server, osrm_reply

HOME = (51.3967, 8.0644)


def a_day(sessions, homes):
    """A care service with one nurse, and a patient for each home; returns the patients' ids."""
    with sessions.begin() as session:
        organisation = an_organisation(session)
        a_shift_pattern(session, a_nurse(session, organisation))
        patients = []
        for number, (latitude, longitude) in enumerate(homes):
            patient = a_patient(session, organisation)
            place = a_place(session, organisation, latitude=latitude, longitude=longitude)
            patient.home_id = place.id
            an_order(session, patient, windows=[(0, time(7 + number), time(8 + number))])
            patients.append(patient.id)
    return patients


@pytest.fixture
def plan(sessions, now, viewer):
    def run(url=None, **settings):
        chosen = {"roads": "osrm-http", "roads_url": url} if url else {}
        return planning.plan_day(
            sessions,
            date=DAY,
            seed=1,
            limit_s=0.3,
            settings=Settings.read(**chosen, **settings),
            viewer=viewer,
            now=lambda: now,
            on_progress=lambda _: None,
            is_cancelled=lambda: False,
        )

    return run


def nearby(number):
    return (HOME[0] + 0.01 * number, HOME[1])


class TestPlanningByHour:
    def test_counts_on_slow_roads_in_their_hours_only(self, sessions, plan, builder, tmp_path):
        far, base = crossing(8, 9), crossing(1, 1)
        a_day(sessions, [far[::-1], far[::-1]])
        with sessions.begin() as session:
            for place in (each for each in session.scalars(select(Place)) if each.latitude == HOME[0]):
                place.longitude, place.latitude = base
        slow = tmp_path / "slow.toml"
        slow.write_text(
            '[[slice]]\nname = "slow"\ntext = ""\nbands = [["06:00", "08:10"]]\ncar = { default = 0.2 }'
        )
        builder(write_grid(tmp_path / "grid.osm.pbf"), slices=("slow",), speeds=slow)

        result = plan(roads="osrm", data_dir=builder.data_dir)

        assert (result["assigned"], result["violations"]) == (2, [])
        with sessions() as session:
            tour = session.scalars(select(Tour)).one()
            first = session.scalars(select(Stop).order_by(Stop.arrives_at)).first()
            # There before seven at a fifth of the speed, back after the second visit, which begins at eight
            assert first.travel_s > 4 * tour.last_leg_s > 0


class TestPlanningOnRoads:
    def test_writes_on_each_leg_where_its_times_come_from(self, sessions, plan):
        a_day(sessions, [nearby(1), nearby(2)])

        with fake_server(lambda asked: osrm_reply(asked, move=0.0009)) as server:
            result = plan(server.url)

        assert result["assigned"] == 2
        (travel,) = result["travel"]
        assert (travel["source"], travel["estimated"]) == ("osrm-car", False)
        with sessions() as session:
            tour = session.scalars(select(Tour)).one()
            stops = session.scalars(select(Stop)).all()
            # 0.0009 degrees of latitude are 100.08 m
            assert {leg.travel_source for leg in (tour, *stops)} == {"osrm-car"}
            assert {leg.travel_data for leg in (tour, *stops)} == {travel["data"]}
            assert not any(leg.is_estimated for leg in (tour, *stops))
            assert [stop.snap_m for stop in stops] == [101, 101]
            assert tour.end_snap_m == 101
            assert session.scalars(select(Plan)).one().travel_source == "osrm-car"

    def test_asks_the_server_once_for_the_same_day(self, sessions, plan):
        a_day(sessions, [nearby(1), nearby(2)])

        with fake_server(osrm_reply) as server:
            plan(server.url)
            asked = len(server.asked)
            plan(server.url)

        assert len(server.asked) == asked
        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(TravelRow)) == 3

    def test_leaves_out_a_home_at_no_road_and_goes_on(self, sessions, plan):
        lost, _ = a_day(sessions, [nearby(1), nearby(2)])

        def answers(asked: Asked) -> Reply:
            is_lost = any(abs(north - nearby(1)[0]) < 1e-6 for _, north in asked.coordinates)
            return Reply(b'{"code": "NoSegment"}', status=400) if is_lost else osrm_reply(asked)

        with fake_server(answers) as server:
            result = plan(server.url, snap_radius_m=300)

        with sessions() as session:
            visit = session.scalars(select(Visit).where(Visit.patient_id == lost)).one()
            left_out = session.scalars(select(UnassignedVisit)).one()
            assert result["off_road"] == [str(visit.id)]
            assert (left_out.visit_id, left_out.rule) == (visit.id, "off-road")
            assert left_out.reason.startswith("no road within 300 m of the home")
        assert (result["assigned"], result["unassigned"]) == (1, 1)

    def test_says_that_no_nurse_starts_at_a_road(self, sessions, plan):
        a_day(sessions, [nearby(1), nearby(2)])

        def answers(asked: Asked) -> Reply:
            is_base = any(abs(north - HOME[0]) < 1e-6 for _, north in asked.coordinates)
            return Reply(b'{"code": "NoSegment"}', status=400) if is_base else osrm_reply(asked)

        with fake_server(answers) as server:
            result = plan(server.url)

        assert result["unassigned"] == 2
        with sessions() as session:
            for row in session.scalars(select(UnassignedVisit)):
                assert row.rule == "off-road"
                assert "starts or ends" in row.reason

    @pytest.mark.parametrize(
        ("home", "words"),
        [((8.0644, 51.3967), "swapped"), ((0.0, 0.0), "0, 0"), ((40.0, -74.0), "km away from all others")],
    )
    def test_leaves_out_a_home_that_cannot_be_meant(self, sessions, plan, home, words):
        a_day(sessions, [nearby(1), nearby(2), home])

        with fake_server(osrm_reply) as server:
            result = plan(server.url)

        assert (result["assigned"], result["unassigned"]) == (2, 1)
        with sessions() as session:
            reason = session.scalars(select(UnassignedVisit)).one().reason
        assert words in reason
        assert str(home[0]) not in reason.replace("0, 0", "")
        asked = {pair for each in server.asked for pair in each.coordinates}
        assert (home[1], home[0]) not in asked

    def test_adds_the_time_to_the_door_once_to_each_way(self, sessions, plan):
        a_day(sessions, [nearby(1), nearby(2)])

        with fake_server(osrm_reply) as server:
            plan(server.url, access_s=120, travel_speed_factor=0.5)

        with sessions() as session:
            tour = session.scalars(select(Tour)).one()
            first = session.scalars(select(Stop).order_by(Stop.position)).first()
            # 1112 m of straight line are 1557 m of road, 78 s at 20 m/s, 156 s at half of that
            assert first.travel_s == pytest.approx(156 + 120, abs=2)
            assert tour.last_leg_s == pytest.approx(2 * 156 + 120, abs=3)


class TestAFailingSource:
    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (lambda _: Reply(b"<html>", headers={"Content-Type": "text/html"}), "no JSON"),
            (lambda _: Reply(b'{"code": "NoSegment"}', status=400), "another region"),
            (lambda asked: osrm_reply(asked, move=3.0), "another region"),
            (lambda asked: osrm_reply(asked, durations=[[-1.0] * 3] * 3), "negative"),
        ],
    )
    def test_fails_the_planning_and_leaves_no_trace(self, sessions, plan, answer, words):
        a_day(sessions, [nearby(1), nearby(2)])

        with fake_server(answer) as server, pytest.raises(RoadsFailed, match=words) as failed:
            plan(server.url)

        assert str(failed.value).startswith("2026-03-03 was not planned, its tours are as they were: ")
        with sessions() as session:
            for table in (Plan, Tour, TravelRow):
                assert session.scalar(select(func.count()).select_from(table)) == 0

    def test_is_not_exchanged_for_the_estimate(self, sessions, plan):
        a_day(sessions, [nearby(1)])
        with fake_server(osrm_reply) as server:
            gone = server.url

        with pytest.raises(RoadsFailed, match="cannot be reached"):
            plan(gone)

    def test_keeps_the_plan_that_was_there(self, sessions, plan):
        a_day(sessions, [nearby(1), nearby(2)])
        before = plan()

        with (
            fake_server(lambda _: Reply(b"{}", status=404)) as server,
            pytest.raises(RoadsFailed),
        ):
            plan(server.url)

        with sessions() as session:
            assert {str(plan_id) for plan_id in session.scalars(select(Tour.plan_id))} == {before["plan"]}
