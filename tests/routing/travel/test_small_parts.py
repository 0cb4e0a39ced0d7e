"""What sources are made of: lines as text, limits, factors, tables."""

import numpy as np
import pytest

from routing.errors import InvalidTravel
from routing.travel.adjusted import AdjustedTravel
from routing.travel.estimate import BicycleEstimate, CarEstimate, EBikeEstimate, FootEstimate, estimate
from routing.travel.http import Limits
from routing.travel.osrm import OsrmTravel
from routing.travel.polyline import decoded
from routing.travel.source import Coordinates, Profile, Table
from routing.travel.valhalla import ValhallaTravel
from routing.units import LATEST, UNREACHABLE

HERE, THERE = Coordinates(51.0, 8.0), Coordinates(51.1, 8.1)


class TestPolyline:
    def test_is_read_as_its_inventors_wrote_it(self):
        # The example in the description of the format.
        points = decoded("_p~iF~ps|U_ulLnnqC_mqNvxq`@", digits=5)

        assert points == (
            Coordinates(38.5, -120.2),
            Coordinates(40.7, -120.95),
            Coordinates(43.252, -126.453),
        )

    @pytest.mark.parametrize("text", ["", "_p~iF", "_p~iF~ps|", "_p~iF ps|U", "_p~iF\x00ps|U"])
    def test_is_refused_when_damaged(self, text):
        with pytest.raises(ValueError, match="encoded line"):
            decoded(text, digits=5)


class TestLimits:
    @pytest.mark.parametrize(
        "fields",
        [{"timeout_s": 0}, {"attempts": 0}, {"concurrent": 0}, {"most_bytes": 0}, {"backoff_s": -1}],
    )
    def test_must_make_sense(self, fields):
        with pytest.raises(InvalidTravel):
            Limits(**fields)


class TestEngines:
    @pytest.mark.parametrize("kind", [OsrmTravel, ValhallaTravel])
    @pytest.mark.parametrize("fields", [{"radius_m": 0}, {"table_size": 0}])
    def test_need_a_radius_and_a_table(self, kind, fields):
        with pytest.raises(InvalidTravel, match="must be at least"):
            kind("http://127.0.0.1:5000", Profile.CAR, "a1", **fields)


class TestTable:
    def test_has_two_parts_of_the_same_shape(self):
        with pytest.raises(InvalidTravel, match="both must be"):
            Table(np.zeros((2, 3), np.int32), np.zeros((3, 2), np.int32))

    def test_holds_whole_numbers(self):
        with pytest.raises(InvalidTravel, match="not int32"):
            Table(np.zeros((2, 2), np.int64), np.zeros((2, 2), np.int32))


class TestEstimates:
    def test_differ_in_their_data_by_any_parameter(self):
        hashes = {
            source.data
            for source in (
                CarEstimate(safety=1.2),
                CarEstimate(safety=1.3),
                EBikeEstimate(),
                EBikeEstimate(kilometres_per_hour=20),
                BicycleEstimate(),
                FootEstimate(),
            )
        }

        assert len(hashes) == 6
        assert CarEstimate(safety=1.2).data in hashes

    def test_are_slower_the_less_drives_them(self):
        seconds = [
            source.travel([HERE, THERE]).seconds[0, 1]
            for source in (CarEstimate(), EBikeEstimate(), BicycleEstimate(), FootEstimate())
        ]

        assert seconds == sorted(seconds)

    @pytest.mark.parametrize("profile", list(Profile))
    def test_are_chosen_by_profile(self, profile):
        assert estimate(profile, safety=1.1).name == f"estimate-{profile}"


class TestAdjustedTravel:
    @pytest.mark.parametrize("fields", [{"speed_factor": 0.0}, {"speed_factor": -1.0}, {"access_s": -1}])
    def test_must_make_sense(self, fields):
        with pytest.raises(InvalidTravel, match="speed factor must be positive"):
            AdjustedTravel(CarEstimate(), **fields)

    def test_leaves_no_way_where_there_is_none(self):
        class Island(CarEstimate):
            def table(self, origins, destinations):
                shape = len(origins), len(destinations)
                table = Table(np.full(shape, UNREACHABLE, np.int32), np.full(shape, UNREACHABLE, np.int32))
                np.fill_diagonal(table.seconds, 0)
                return table

        travel = AdjustedTravel(Island(), 0.5, 60).travel([HERE, THERE])

        assert travel.seconds.tolist() == [[0, UNREACHABLE], [UNREACHABLE, 0]]

    def test_never_exceeds_the_longest_time(self):
        class Slow(CarEstimate):
            def table(self, origins, destinations):
                shape = len(origins), len(destinations)
                return Table(np.full(shape, LATEST, np.int32), np.zeros(shape, np.int32))

        assert AdjustedTravel(Slow(), 0.5).table([HERE], [THERE]).seconds.tolist() == [[LATEST]]

    def test_keeps_the_name_and_the_places(self):
        adjusted = AdjustedTravel(CarEstimate(), 2.0, 30)

        assert (adjusted.name, adjusted.data) == (CarEstimate().name, CarEstimate().data)
        assert adjusted.estimated
        assert adjusted.snap([HERE])[0].place == HERE
