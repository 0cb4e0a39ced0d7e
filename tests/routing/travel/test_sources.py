"""One contract for every source: the formula, and real servers of OSRM and Valhalla."""

from itertools import pairwise

import numpy as np
import pytest

from routing.errors import NoPath, TravelNonsense
from routing.travel.estimate import estimate
from routing.travel.http import Limits
from routing.travel.osrm import OsrmTravel
from routing.travel.source import Coordinates, Profile, TravelSource
from routing.travel.valhalla import ValhallaTravel
from routing.units import UNREACHABLE
from tests.road_servers import FAST_ROW, ISLAND, NOWHERE, ONE_WAY_ROW, SIDE, crossing

PATIENT = Limits(timeout_s=60, attempts=1)
DRAWN = np.random.default_rng(20261123)
HOMES = [crossing(int(row), int(column)) for row, column in DRAWN.integers(0, SIDE, (14, 2))]
"""May hold a crossing twice."""


def engine_of(
    kind: str, profile: Profile, request: pytest.FixtureRequest, table_size: int = 50
) -> TravelSource:
    if kind == "osrm":
        url = request.getfixturevalue("osrm_urls")[profile]
        return OsrmTravel(url, profile, "a1", limits=PATIENT, table_size=table_size)
    url = request.getfixturevalue("valhalla_url")
    return ValhallaTravel(url, profile, "a1", limits=PATIENT, table_size=table_size)


@pytest.fixture(params=["estimate", "osrm", "valhalla"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["osrm", "valhalla"])
def engine(request: pytest.FixtureRequest) -> TravelSource:
    return engine_of(request.param, Profile.CAR, request)


@pytest.fixture(params=list(Profile))
def source(kind: str, request: pytest.FixtureRequest) -> TravelSource:
    if kind == "estimate":
        return estimate(request.param)
    return engine_of(kind, request.param, request)


class TestEverySource:
    def test_says_who_it_is(self, source, kind):
        assert source.name.startswith(kind)
        assert source.estimated == (kind == "estimate")
        assert int(source.data, 16) >= 0

    def test_knows_the_ways_between_all_places(self, source):
        travel = source.travel(HOMES)

        apart = np.array([[one != other for other in HOMES] for one in HOMES])
        for matrix in (travel.seconds, travel.metres):
            assert matrix.dtype == np.int32
            assert (matrix[~apart] == 0).all()
            assert (matrix[apart] > 0).all()
        assert (travel.seconds < 3 * 3600).all()
        # No way is shorter than a straight line: 445 m for each row and 420 m for each column at most.
        assert travel.metres[apart].min() >= 415

    def test_gives_a_table_that_is_a_part_of_the_matrix(self, source):
        travel, table = source.travel(HOMES), source.table(HOMES[:3], HOMES[2:8])

        assert table.seconds.shape == (3, 6)
        assert (table.seconds == travel.seconds[:3, 2:8]).all()
        assert (table.metres == travel.metres[:3, 2:8]).all()

    def test_answers_the_same_twice(self, source):
        first, second = source.travel(HOMES), source.travel(HOMES)

        assert (first.seconds == second.seconds).all()
        assert (first.metres == second.metres).all()

    def test_answers_nothing_with_nothing(self, source):
        assert source.travel([]).places == 0
        assert source.table([], HOMES).seconds.shape == (0, len(HOMES))
        assert source.snap([]) == []
        assert source.path(HOMES[:1]).legs == ()

    def test_takes_a_single_place(self, source):
        assert source.travel(HOMES[:1]).seconds.tolist() == [[0]]

    def test_snaps_places_beside_a_road_to_it(self, source):
        # 0.0004 degrees of latitude are 44 m north of an eastward road
        beside = Coordinates(crossing(5, 5).latitude + 0.0004, crossing(5, 5).longitude + 0.003)

        at, near = source.snap([crossing(5, 5), beside])

        assert at.place is not None
        assert at.metres is not None
        assert at.metres <= 2
        assert near.metres is not None
        assert near.metres == (0 if source.estimated else pytest.approx(44, abs=2))

    def test_draws_the_way_through_places_in_their_order(self, source):
        way = [crossing(0, 0), crossing(0, 5), crossing(5, 5), crossing(5, 5), crossing(2, 1)]
        travel = source.travel(way)

        path = source.path(way)

        assert len(path.legs) == 4
        for number, (leg, (origin, destination)) in enumerate(zip(path.legs, pairwise(way), strict=True)):
            assert leg.estimated == source.estimated
            assert leg.seconds == pytest.approx(int(travel.seconds[number, number + 1]), rel=0.1, abs=2)
            assert leg.metres == pytest.approx(int(travel.metres[number, number + 1]), rel=0.1, abs=2)
            assert len(leg.points) >= 2
            for end, place in ((leg.points[0], origin), (leg.points[-1], destination)):
                assert (end.latitude, end.longitude) == pytest.approx(
                    (place.latitude, place.longitude), abs=2e-5
                )


class TestEveryEngine:
    def test_keeps_both_directions(self, engine):
        west, east = crossing(ONE_WAY_ROW, 2), crossing(ONE_WAY_ROW, 3)

        travel = engine.travel([west, east])

        # Eastwards one block; westwards round a block by another row.
        assert travel.metres[0, 1] == pytest.approx(420, abs=10)
        assert travel.metres[1, 0] == pytest.approx(420 + 2 * 445, abs=20)

    def test_prefers_a_fast_road(self, engine):
        slow = engine.travel([crossing(0, 0), crossing(0, SIDE - 1)])
        fast = engine.travel([crossing(FAST_ROW, 0), crossing(FAST_ROW, SIDE - 1)])

        assert fast.seconds[0, 1] < 0.8 * slow.seconds[0, 1]

    def test_reports_a_place_at_no_road_and_knows_the_others(self, engine):
        places = [*HOMES[:3], NOWHERE]

        travel, snapped = engine.travel(places), engine.snap(places)

        assert [each.place is None for each in snapped] == [False, False, False, True]
        assert (travel.seconds[3, :3] == UNREACHABLE).all()
        assert (travel.seconds[:3, 3] == UNREACHABLE).all()
        assert travel.seconds[3, 3] == 0
        assert (travel.seconds[:3, :3] == engine.travel(HOMES[:3]).seconds).all()

    def test_finds_no_way_to_an_island(self, engine):
        travel = engine.travel([HOMES[0], ISLAND, HOMES[1]])

        assert (travel.seconds[1, [0, 2]] == UNREACHABLE).all()
        assert (travel.seconds[[0, 2], 1] == UNREACHABLE).all()
        assert 0 < travel.seconds[0, 2] < UNREACHABLE

    def test_says_that_no_road_leads_through_places(self, engine):
        with pytest.raises(NoPath, match="place 1 lies at no road within 500 m"):
            engine.path([HOMES[0], NOWHERE])
        with pytest.raises(NoPath, match="no road leads through places 0 to 1"):
            engine.path([HOMES[0], ISLAND])

    def test_refuses_a_server_of_another_region(self, engine):
        portugal = [Coordinates(41.15, -8.61), Coordinates(41.16, -8.60), Coordinates(41.17, -8.62)]

        with pytest.raises(TravelNonsense, match=r"none of 3 places .* another region"):
            engine.travel(portugal)

    def test_draws_roads_and_no_straight_line(self, engine):
        (leg,) = engine.path([crossing(0, 0), crossing(5, 5)]).legs

        assert len(leg.points) >= 3

    @pytest.mark.parametrize("name", ["osrm", "valhalla"])
    def test_cuts_large_questions_into_batches(self, request, name):
        whole = engine_of(name, Profile.CAR, request)
        cut = engine_of(name, Profile.CAR, request, table_size=4)

        assert (cut.travel(HOMES).metres == whole.travel(HOMES).metres).all()
        assert [leg.metres for leg in cut.path(HOMES).legs] == [leg.metres for leg in whole.path(HOMES).legs]

    def test_draws_a_way_through_more_places_than_one_request_takes(self, engine):
        places = [crossing(0, 0), crossing(0, 1)] * 25

        legs = engine.path(places).legs

        assert len(legs) == 49
        assert len({leg.metres for leg in legs}) <= 2
