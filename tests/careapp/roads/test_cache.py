"""Travel times kept in the database: what is asked, what is kept, what is forgotten."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pytest
from sqlalchemy import func, select

from careapp.roads import rows
from careapp.roads.cache import CachedTravel
from careapp.roads.models import TravelData, TravelPlace, TravelRow
from routing.errors import TravelNonsense, TravelUnavailable
from routing.problem import Travel
from routing.travel.estimate import CarEstimate
from routing.travel.source import Coordinates, Path, Profile, Snapped, Table
from routing.units import UNREACHABLE

TODAY = date(2026, 3, 2)
PLACES = [Coordinates(51.0 + 0.01 * number, 8.0 + 0.003 * number**2) for number in range(12)]
NOWHERE = Coordinates(52.0, 9.0)


@dataclass
class Spy:
    """The estimate, with hills that make ways south longer; it notes what it is asked and may fail."""

    data: str = "a1"
    name: str = "spy"
    estimated: bool = False
    fails: Exception | None = None
    asked: list[tuple[int, int]] = field(default_factory=list)
    snapped: int = 0
    beside: Callable[[], None] | None = None

    def table(self, origins: Sequence[Coordinates], destinations: Sequence[Coordinates]) -> Table:
        self.asked.append((len(origins), len(destinations)))
        if self.beside:
            self.beside()
        if self.fails:
            raise self.fails
        table = CarEstimate(safety=1).table(origins, destinations)
        south = np.array([[b.latitude < a.latitude for b in destinations] for a in origins])
        return Table((table.seconds * np.where(south, 2, 1)).astype(np.int32), table.metres)

    def travel(self, places: Sequence[Coordinates]) -> Travel:
        table = self.table(places, places)
        return Travel(table.seconds, table.metres)

    def snap(self, places: Sequence[Coordinates]) -> list[Snapped]:
        self.snapped += len(places)
        return [Snapped(None, None) if place == NOWHERE else Snapped(place, 7) for place in places]

    def path(self, places: Sequence[Coordinates]) -> Path:
        return CarEstimate().path(places)


@pytest.fixture
def spy() -> Spy:
    return Spy()


@pytest.fixture
def cached(spy, sessions):
    return CachedTravel(spy, Profile.CAR, sessions, TODAY)


def count(sessions, model):
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(model))


class TestCachedTravel:
    def test_answers_like_its_source(self, cached, spy):
        first, again = cached.travel(PLACES), cached.travel(PLACES)

        expected = Spy().travel(PLACES)
        for travel in (first, again):
            assert (travel.seconds == expected.seconds).all()
            assert (travel.metres == expected.metres).all()
        assert not (first.seconds == first.seconds.T).all()
        assert (cached.name, cached.data, cached.estimated) == ("spy", "a1", False)

    def test_asks_once(self, cached, spy):
        for _ in range(3):
            cached.travel(PLACES)

        assert spy.asked == [(12, 12)]
        assert spy.snapped == 12

    def test_asks_only_for_new_rows_and_columns(self, cached, spy):
        cached.travel(PLACES[:10])
        spy.asked.clear()

        travel = cached.travel(PLACES)

        # The two new places to all twelve, and the ten old ones to the two.
        assert sorted(spy.asked) == [(2, 12), (10, 2)]
        assert (travel.seconds == Spy().travel(PLACES).seconds).all()

    def test_takes_places_in_any_order_and_more_than_once(self, cached, spy):
        cached.travel(PLACES)
        mixed = [PLACES[4], PLACES[1], PLACES[4], PLACES[9]]

        table = cached.table(mixed, mixed[:2])

        assert (table.seconds == Spy().table(mixed, mixed[:2]).seconds).all()
        assert len(spy.asked) == 1

    def test_takes_places_a_metre_apart_for_one(self, cached, spy):
        cached.travel(PLACES[:3])

        cached.travel([Coordinates(PLACES[0].latitude + 0.000004, PLACES[0].longitude), *PLACES[1:3]])

        assert len(spy.asked) == 1

    def test_reads_nothing_of_other_data_source_profile_or_slice(self, cached, spy, sessions):
        cached.travel(PLACES[:4])

        for other, profile, time_slice in (
            (Spy(data="b2"), Profile.CAR, "base"),
            (Spy(name="other"), Profile.CAR, "base"),
            (Spy(), Profile.BICYCLE, "base"),
            (Spy(), Profile.CAR, "peak"),
        ):
            CachedTravel(other, profile, sessions, TODAY, time_slice).travel(PLACES[:4])
            assert other.asked == [(4, 4)]
        assert count(sessions, TravelData) == 5

    def test_keeps_no_place_that_lies_at_no_road(self, cached, spy, sessions):
        travel = cached.travel([*PLACES[:2], NOWHERE])

        assert (travel.seconds[2, :2] == UNREACHABLE).all()
        assert (travel.seconds[:2, 2] == UNREACHABLE).all()
        assert travel.seconds[2, 2] == 0
        assert cached.snap([PLACES[0], NOWHERE]) == [Snapped(PLACES[0], 7), Snapped(None, None)]
        assert count(sessions, TravelPlace) == 2
        assert spy.asked == [(2, 2)]

    @pytest.mark.parametrize("error", [TravelNonsense("of another region"), TravelUnavailable("died")])
    def test_keeps_nothing_of_an_answer_that_failed(self, cached, spy, sessions, error):
        spy.fails = error

        with pytest.raises(type(error)):
            cached.travel(PLACES)

        assert count(sessions, TravelRow) == 0
        spy.fails = None
        assert (cached.travel(PLACES).seconds == Spy().travel(PLACES).seconds).all()

    def test_holds_no_transaction_while_it_asks(self, cached, spy, sessions):
        def write() -> None:
            with sessions.begin() as session:
                session.add(TravelData(source="another", data="x", profile="car", slice="base"))

        spy.beside = write

        cached.travel(PLACES[:2])

        assert count(sessions, TravelData) >= 1

    def test_goes_on_if_somebody_else_asks_the_same_meanwhile(self, cached, spy, sessions):
        def another() -> None:
            spy.beside = None
            CachedTravel(Spy(), Profile.CAR, sessions, TODAY).travel(PLACES[3:9])

        spy.beside = another

        travel = cached.travel(PLACES)

        assert (travel.seconds == Spy().travel(PLACES).seconds).all()
        cached.travel(PLACES)
        assert spy.asked == [(12, 12)]

    def test_does_not_count_what_was_kept_under_a_larger_radius(self, cached, spy, sessions):
        cached.travel(PLACES[:3])
        strict = Spy()
        strict.snap = lambda places: [Snapped(None, None) for _ in places]  # type: ignore[method-assign]  # 7 m are too far for it

        with pytest.raises(TravelNonsense, match="none of 3 places"):
            CachedTravel(strict, Profile.CAR, sessions, TODAY, radius_m=5).travel(PLACES[:3])

    def test_draws_ways_without_keeping_them(self, cached, sessions):
        assert len(cached.path(PLACES[:3]).legs) == 2
        assert count(sessions, TravelPlace) == 0


def forget(session, place):
    return rows.forget_place(session, latitude=place.latitude, longitude=place.longitude)


class TestForgetting:
    def test_takes_a_place_out_of_all_data_at_once(self, cached, spy, sessions):
        cached.travel(PLACES[:4])
        CachedTravel(Spy(data="b2"), Profile.CAR, sessions, TODAY).travel(PLACES[:4])

        with sessions.begin() as session:
            assert forget(session, PLACES[1]) == 2

        assert count(sessions, TravelPlace) == 6
        assert count(sessions, TravelRow) == 6
        spy.asked.clear()
        assert (cached.travel(PLACES[:4]).seconds == Spy().travel(PLACES[:4]).seconds).all()
        assert sorted(spy.asked) == [(1, 4), (3, 1)]

    def test_is_of_no_harm_while_the_engine_is_asked(self, cached, spy, sessions):
        def meanwhile() -> None:
            with sessions.begin() as session:
                forget(session, PLACES[1])

        spy.beside = meanwhile

        cached.travel(PLACES[:4])

        assert count(sessions, TravelRow) == 3

    def test_takes_what_nobody_has_asked_for_in_a_long_time(self, spy, sessions):
        CachedTravel(spy, Profile.CAR, sessions, TODAY).travel(PLACES[:4])
        later = TODAY + timedelta(days=rows.KEPT_DAYS)
        CachedTravel(spy, Profile.CAR, sessions, later).travel(PLACES[:2])

        with sessions.begin() as session:
            assert rows.forget_unused(session, today=later + timedelta(days=1)) == 2

        assert count(sessions, TravelPlace) == 2

    def test_takes_the_longest_unused_when_there_is_no_room(self, spy, sessions):
        for days, places in enumerate((PLACES[:4], PLACES[4:8], PLACES[:2])):
            CachedTravel(spy, Profile.CAR, sessions, TODAY + timedelta(days=days)).travel(places)

        # 32 cells, 20 may stay: three rows of four go, the two unused since the first day and the next.
        with sessions.begin() as session:
            rows.forget_unused(session, today=TODAY, most_cells=20)

        with sessions() as session:
            kept = session.scalars(select(TravelPlace.point)).all()
            expected = [rows.point_of(session, PLACES[number]) for number in (0, 1, 5, 6, 7)]
        assert sorted(kept) == sorted(expected)

    def test_bounds_what_is_kept_by_itself(self, spy, sessions):
        small = CachedTravel(spy, Profile.CAR, sessions, TODAY, most_cells=40)
        for places in (PLACES[:6], PLACES[6:]):
            small.travel(places)

        with sessions() as session:
            assert session.scalar(select(func.sum(TravelRow.cells))) <= 40

    def test_drops_data_without_places(self, cached, sessions):
        cached.travel(PLACES[:2])

        with sessions.begin() as session:
            rows.forget_unused(session, today=TODAY + timedelta(days=1000))

        assert count(sessions, TravelData) == 0

    def test_keeps_rows_short(self, cached, spy, sessions, monkeypatch):
        monkeypatch.setattr(rows, "LONGEST_ROW", 5)
        cached.travel(PLACES[:4])
        cached.table(PLACES[:1], PLACES[4:8])

        with sessions() as session:
            assert session.scalar(select(func.max(TravelRow.cells))) == 5
        assert (cached.travel(PLACES[:8]).seconds == Spy().travel(PLACES[:8]).seconds).all()

    def test_leaves_no_trace_of_a_patient_in_the_tables(self):
        columns = {c.name for model in (TravelData, TravelPlace, TravelRow) for c in model.__table__.columns}

        assert columns == {
            *("id", "source", "data", "profile", "slice", "data_id", "point"),
            *("snap_m", "used_on", "place_id", "cells", "content"),
        }
