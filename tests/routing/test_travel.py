"""Travel times from a formula."""

import numpy as np
import pytest

from routing.errors import InvalidTravel
from routing.travel import CarEstimate, Coordinates, EBikeEstimate, checked

OLPE = Coordinates(51.03, 7.85)


def north_of(place: Coordinates, kilometres: float) -> Coordinates:
    """The place so far north; one degree is 6371.0088 km * pi / 180 = 111.195 km."""
    return Coordinates(place.latitude + kilometres / 111.195, place.longitude)


class TestCarEstimate:
    @pytest.mark.parametrize(
        ("air_km", "minutes", "road_km"), [(1, 3.4, 1.63), (10, 18.55, 14.8), (40, 53.36, 54.4)]
    )
    def test_follows_the_fitted_formula(self, air_km: float, minutes: float, road_km: float) -> None:
        # 0.3 + 3.1 * 10 ** 0.77 = 18.55 min; 10 * (1.35 + 0.31 * exp(-10 / 11.5)) = 14.8 km
        travel = CarEstimate(safety=1).travel([OLPE, north_of(OLPE, air_km)])

        assert travel.seconds[0, 1] == pytest.approx(60 * minutes, abs=2)
        assert travel.metres[0, 1] == pytest.approx(1000 * road_km, abs=20)

    def test_gives_no_travel_between_identical_places(self) -> None:
        travel = CarEstimate().travel([OLPE, OLPE, north_of(OLPE, 1)])

        assert travel.seconds[0, 1] == 0
        assert not np.diagonal(travel.seconds).any()

    def test_takes_longer_by_its_safety_factor(self) -> None:
        places = [OLPE, north_of(OLPE, 10)]

        plain, safe = CarEstimate(safety=1).travel(places), CarEstimate(safety=1.3).travel(places)

        assert safe.seconds[0, 1] == pytest.approx(1.3 * plain.seconds[0, 1], abs=2)

    def test_refuses_a_factor_that_is_not_positive(self) -> None:
        with pytest.raises(InvalidTravel, match="safety"):
            CarEstimate(safety=0)


class TestEBikeEstimate:
    def test_rides_at_its_speed_and_takes_a_minute_to_lock(self) -> None:
        # 14.8 km at 18 km/h are 2960 s, and 60 s
        travel = EBikeEstimate().travel([OLPE, north_of(OLPE, 10)])

        assert travel.seconds[0, 1] == pytest.approx(3020, abs=5)

    def test_refuses_a_bicycle_that_stands(self) -> None:
        with pytest.raises(InvalidTravel, match="speed"):
            EBikeEstimate(kilometres_per_hour=0)


class TestCoordinates:
    @pytest.mark.parametrize(
        ("latitude", "longitude", "words"),
        [
            (float("nan"), 8, "latitude must be"),
            (51, float("inf"), "latitude must be"),
            (151, 51, "swapped"),
            (0, 0, "missing"),
        ],
    )
    def test_refuse_what_is_no_place(self, latitude: float, longitude: float, words: str) -> None:
        with pytest.raises(InvalidTravel, match=words):
            Coordinates(latitude, longitude)


class TestChecked:
    def test_takes_places_in_the_region(self) -> None:
        assert checked([(51.0, 8.0)], around=OLPE, within_km=100) == [Coordinates(51.0, 8.0)]

    def test_says_that_latitude_and_longitude_are_swapped(self) -> None:
        with pytest.raises(InvalidTravel, match=r"place 0 .* swapped"):
            checked([(8.0, 51.0)], around=OLPE, within_km=100)

    def test_refuses_a_place_far_away(self) -> None:
        with pytest.raises(InvalidTravel, match=r"km away from the region$"):
            checked([(51.0, 120.0)], around=OLPE, within_km=100)
