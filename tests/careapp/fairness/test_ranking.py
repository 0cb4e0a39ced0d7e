"""The order of times, and of those who wait."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from inspect import signature

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careapp.fairness.ranking import Candidate, Need, Reason, Waiting, first_in_line, rank
from routing.travel import Coordinates

NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)
HOME = Coordinates(51.40, 8.06)
DAY = timedelta(days=1)


def north(kilometres):
    # one degree of latitude is 111.2 km
    return Coordinates(HOME.latitude + kilometres / 111.2, HOME.longitude)


def a_time(days=1.0, *, km=5.0, key="a", **more):
    return Candidate(key=key, starts_at=NOW + days * DAY, practice=north(km), **more)


def order(*candidates, home=HOME, need=Need.ROUTINE, lot="lot"):
    return [each.number for each in rank(candidates, home=home, need=need, now=NOW, lot=lot)]


CANDIDATES = st.builds(
    Candidate,
    key=st.uuids().map(str),
    starts_at=st.integers(0, 40 * 24 * 4).map(lambda quarters: NOW + timedelta(minutes=15 * quarters)),
    practice=st.none() | st.sampled_from([5.0, 15.0, 40.0, 80.0]).map(north),
    extra_s=st.sampled_from([0, 200, 800, 3000]),
    is_there_anyway=st.booleans(),
    nurse_comes=st.booleans(),
    is_known=st.booleans(),
)
HOMES = st.none() | st.just(HOME)


class TestRank:
    def test_puts_a_near_practice_before_a_far_one_that_is_free_earlier(self):
        assert order(a_time(1, km=30), a_time(9, km=9)) == [1, 0]

    def test_lets_a_village_farther_away_within_a_band_cost_nobody_a_place(self):
        assert order(a_time(2, km=2), a_time(1, km=9)) == [1, 0]

    @pytest.mark.parametrize(("need", "limit"), [(Need.SOON, 14), (Need.PRESSING, 3), (Need.URGENT, 1)])
    def test_puts_what_comes_in_time_before_nearness(self, need, limit):
        assert order(a_time(limit + 0.1, km=1), a_time(limit, km=80), need=need) == [1, 0]

    def test_lets_what_can_wait_wait(self):
        assert order(a_time(60, km=1), a_time(1, km=80)) == [0, 1]

    def test_then_spares_the_nurses_ways_then_keeps_a_known_doctor(self):
        costly, cheap, known = a_time(1, extra_s=600), a_time(2), a_time(3, is_known=True)

        assert order(costly, cheap, known) == [2, 1, 0]

    def test_puts_an_earlier_day_before_ways_where_it_presses(self):
        assert order(a_time(2), a_time(1, extra_s=600), need=Need.PRESSING) == [1, 0]
        assert order(a_time(2), a_time(1, extra_s=600)) == [0, 1]

    def test_does_not_count_nearness_where_nobody_knows_the_home(self):
        assert order(a_time(2, km=1), a_time(1, km=80), home=None) == [1, 0]

    def test_puts_a_practice_of_which_nobody_knows_where_last(self):
        unknown = Candidate(key="u", starts_at=NOW, practice=None)

        assert order(unknown, a_time(9, km=80)) == [1, 0]

    def test_says_why(self):
        (only,) = rank(
            [a_time(1, km=20, extra_s=240, nurse_comes=True, is_known=True)],
            home=HOME,
            need=Need.SOON,
            now=NOW,
            lot="",
        )

        assert only.reasons == (
            Reason.IN_TIME,
            Reason.REASONABLE,
            Reason.SMALL_WAY,
            Reason.NURSE_COMES,
            Reason.KNOWN_DOCTOR,
        )

    @given(st.lists(CANDIDATES, max_size=12), HOMES, st.sampled_from(Need), st.randoms())
    def test_is_the_same_in_whatever_order_they_come(self, candidates, home, need, random):
        shuffled = list(candidates)
        random.shuffle(shuffled)

        first = rank(candidates, home=home, need=need, now=NOW, lot="l")
        second = rank(shuffled, home=home, need=need, now=NOW, lot="l")

        assert [(candidates[each.number].key, each.reasons) for each in first] == [
            (shuffled[each.number].key, each.reasons) for each in second
        ]

    @given(st.lists(CANDIDATES, max_size=12), CANDIDATES, HOMES, st.sampled_from(Need))
    def test_keeps_the_order_of_the_others_when_one_more_comes(self, candidates, other, home, need):
        alone = rank(candidates, home=home, need=need, now=NOW, lot="l")
        together = rank([*candidates, other], home=home, need=need, now=NOW, lot="l")

        assert alone == [each for each in together if each.number < len(candidates)]

    @given(st.lists(CANDIDATES, max_size=12), HOMES, st.sampled_from(Need))
    def test_names_each_once(self, candidates, home, need):
        ranked = rank(candidates, home=home, need=need, now=NOW, lot="l")

        assert sorted(each.number for each in ranked) == list(range(len(candidates)))

    def test_gives_equals_the_same_chance(self):
        equals = [a_time(key=key) for key in ("a", "b", "c")]

        firsts = [order(*equals, lot=str(lot))[0] for lot in range(600)]

        # 200 of 600 each; the standard deviation is sqrt(600 * 1/3 * 2/3) = 11.5
        assert all(140 < firsts.count(number) < 260 for number in range(3))

    def test_knows_no_payer_and_no_length(self):
        names = {field.name for field in (*fields(Candidate), *fields(Waiting))}
        names |= {*signature(rank).parameters, *signature(first_in_line).parameters}

        assert names == {
            *("candidates", "home", "need", "now", "lot", "waiting", "practice"),
            *("key", "starts_at", "extra_s", "is_there_anyway", "nurse_comes", "is_known", "since"),
        }


class TestFirstInLine:
    def line(self, *waiting, practice=HOME, lot="l"):
        return [each.number for each in first_in_line(waiting, practice=practice, lot=lot)]

    def waits(self, *, need=Need.ROUTINE, days=1, km=5.0, key="w"):
        return Waiting(key=key, need=need, since=NOW - days * DAY, home=north(km))

    def test_is_who_needs_it_most(self):
        assert self.line(self.waits(days=90), self.waits(need=Need.URGENT, km=80)) == [1, 0]

    def test_is_then_who_lives_near_the_practice(self):
        assert self.line(self.waits(days=90, km=30), self.waits(km=20)) == [1, 0]

    def test_is_then_who_waits_the_longest(self):
        assert self.line(self.waits(km=1), self.waits(days=2, km=9)) == [1, 0]

    def test_is_drawn_if_they_are_equal(self):
        equals = [self.waits(key=key) for key in ("a", "b")]

        firsts = {self.line(*equals, lot=str(lot))[0] for lot in range(20)}

        assert firsts == {0, 1}

    def test_does_not_ask_how_near_where_nobody_knows(self):
        assert self.line(self.waits(days=1, km=1), self.waits(days=2, km=80), practice=None) == [1, 0]
