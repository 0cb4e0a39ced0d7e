"""At which times a doctor can be booked: pure rules, checked against a walk over every minute."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations, pairwise
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from careapp.calendar import Calendar
from careapp.consultations.models import ConsultationCode
from careapp.consultations.times import Busy, Kind, OtherDays, Rules, Stretch, free_times, regular_cut

ZONES = ("Europe/Berlin", "Europe/Lisbon", "UTC")
KEY = UUID(int=7)
MINUTE = timedelta(minutes=1)
DAY = date(2026, 3, 3)  # a Tuesday
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def changes(zone: str) -> list[date]:
    """Local days from 2024 to 2030 on which the clock of a zone changes; of UTC some days to compare."""
    info = ZoneInfo(zone)
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(7 * 366 - 4)]

    def offset(day: date) -> timedelta | None:
        return datetime.combine(day, time(), tzinfo=info).utcoffset()

    found = [day for day in days if offset(day) != offset(day + timedelta(days=1))]
    return found or [date(2024, 3, 31), date(2030, 10, 27)]


def a_kind(**more: object) -> Kind:
    return Kind(**{"id": KEY, "code": ConsultationCode.VIDEO, "title": "", "minutes": 15, **more})  # type: ignore[arg-type]


def some_rules(
    kind: Kind,
    *stretches: tuple[time, time],
    zone: str = "Europe/Berlin",
    exceptions: tuple[OtherDays, ...] = (),
) -> Rules:
    hours = [Stretch("FREQ=DAILY", date(2023, 1, 1), None, starts, ends) for starts, ends in stretches]
    return Rules(KEY, Calendar(zone=ZoneInfo(zone), holidays="DE-NW"), kind, hours, exceptions)


def at(clock: str, day: date = DAY, zone: str = "Europe/Berlin") -> datetime:
    return datetime.combine(day, time.fromisoformat(clock), tzinfo=ZoneInfo(zone)).astimezone(UTC)


def starts_of(rules: Rules, *busy: Busy, day: date = DAY, now: datetime = LONG_AGO) -> list[str]:
    """Starts on a day as the wall clock shows them; `now` long ago has a long horizon."""
    wide = Rules(rules.schedule_id, rules.calendar, rules.kind, rules.hours, rules.exceptions)
    zone = rules.calendar.zone
    return [
        offer.starts_at.astimezone(zone).strftime("%H:%M")
        for offer in free_times(wide, busy, rules.calendar.day(day), now)
    ]


class TestHours:
    def test_are_cut_by_steps_from_their_opening(self):
        rules = some_rules(a_kind(minutes=20, step_min=15, horizon_days=9999), (time(8, 5), time(9)))

        # 08:35 would still end at 08:55; 08:50 ends at 09:10.
        assert starts_of(rules) == ["08:05", "08:20", "08:35"]

    def test_offer_any_minute_if_a_step_is_one(self):
        rules = some_rules(a_kind(minutes=10, step_min=1, horizon_days=9999), (time(14, 17), time(14, 30)))

        assert starts_of(rules) == ["14:17", "14:18", "14:19", "14:20"]

    def test_over_midnight_end_on_the_next_day(self):
        rules = some_rules(a_kind(minutes=60, step_min=60, horizon_days=9999), (time(22), time(2)))

        assert starts_of(rules) == ["00:00", "01:00", "22:00", "23:00"]

    def test_offer_nothing_on_a_holiday_unless_opened(self):
        fronleichnam = date(2026, 6, 4)
        extra = OtherDays(fronleichnam, fronleichnam, time(10), time(10, 30), is_open=True)
        kind = a_kind(step_min=15, horizon_days=9999)

        assert starts_of(some_rules(kind, (time(8), time(9))), day=fronleichnam) == []
        opened = some_rules(kind, (time(8), time(9)), exceptions=(extra,))
        assert starts_of(opened, day=fronleichnam) == ["10:00", "10:15"]

    def test_are_closed_by_an_exception_and_opened_by_another_in_it(self):
        closed = OtherDays(DAY, DAY + timedelta(days=9), None, None, is_open=False)
        opened = OtherDays(DAY, DAY, time(18), time(18, 30), is_open=True)
        rules = some_rules(
            a_kind(step_min=15, horizon_days=9999), (time(8), time(9)), exceptions=(closed, opened)
        )

        assert starts_of(rules) == ["18:00", "18:15"]
        assert starts_of(rules, day=DAY + timedelta(days=9)) == []
        assert starts_of(rules, day=DAY + timedelta(days=10))[0] == "08:00"

    def test_keep_their_steps_around_a_closed_hour(self):
        closed = OtherDays(DAY, DAY, time(8, 20), time(8, 40), is_open=False)
        rules = some_rules(a_kind(step_min=15, horizon_days=9999), (time(8), time(9)), exceptions=(closed,))

        # 08:15 would end at 08:30; the next step after 08:40 is 08:45.
        assert starts_of(rules) == ["08:00", "08:45"]


class TestNoticeAndHorizon:
    def test_leave_out_what_begins_too_soon(self):
        rules = some_rules(a_kind(step_min=15, notice_min=30), (time(8), time(9)))

        # Exactly 30 minutes ahead is enough.
        assert starts_of(rules, now=at("08:00")) == ["08:30", "08:45"]
        assert starts_of(rules, now=at("08:00") + MINUTE) == ["08:45"]

    def test_offer_no_time_that_begins_this_very_moment(self):
        rules = some_rules(a_kind(step_min=15), (time(8), time(9)))

        assert starts_of(rules, now=at("08:15")) == ["08:30", "08:45"]

    def test_count_local_days(self):
        rules = some_rules(a_kind(step_min=30, minutes=30, horizon_days=1), (time(23), time(0)))

        # At 23:10 in Berlin on the 3rd it is 22:10 in UTC: the horizon ends with the 4th in Berlin.
        now = at("23:10")
        assert starts_of(rules, now=now) == ["23:30"]
        assert starts_of(rules, now=now, day=DAY + timedelta(days=1)) == ["23:00", "23:30"]
        assert starts_of(rules, now=now, day=DAY + timedelta(days=2)) == []


class TestBuffers:
    def test_lie_between_two_consultations(self):
        kind = a_kind(minutes=10, step_min=5, buffer_before_min=5, buffer_after_min=10, horizon_days=9999)
        rules = some_rules(kind, (time(8), time(9)))
        # Taken from 08:20 to 08:30: with its buffers from 08:15 to 08:40.
        taken = Busy(at("08:15"), at("08:40"))

        # Before: 10 min and 10 min after it must end by 08:15, though 08:00 - 5 min lies before the hours.
        # After: 5 min before it from 08:40 on.
        assert starts_of(rules, taken) == ["08:45", "08:50"]

    def test_may_lie_outside_the_hours(self):
        kind = a_kind(minutes=30, step_min=30, buffer_before_min=60, buffer_after_min=60, horizon_days=9999)

        assert starts_of(some_rules(kind, (time(8), time(9)))) == ["08:00", "08:30"]


class TestOverbooking:
    def test_is_refused_unless_a_rule_allows_it(self):
        rules = some_rules(a_kind(step_min=15, horizon_days=9999), (time(8), time(8, 15)))

        assert starts_of(rules, Busy(at("08:00"), at("08:15"))) == []

    def test_fills_one_lane_after_the_other(self):
        rules = some_rules(a_kind(step_min=15, most_at_once=2, horizon_days=9999), (time(8), time(8, 15)))
        first, second = (Busy(at("08:00"), at("08:15"), lane) for lane in (1, 2))

        def lanes(*busy: Busy) -> list[int]:
            period = (at("08:00"), at("09:00"))
            return [offer.lane for offer in free_times(rules, busy, period, LONG_AGO)]

        assert [lanes(), lanes(first), lanes(second), lanes(first, second)] == [[1], [2], [1], []]
        assert lanes(Busy(at("08:10"), at("08:20"))) == []  # what stands alone keeps the whole doctor


class TestRegularCut:
    def test_can_be_booked_beside_each_other(self):
        kind = a_kind(minutes=10, buffer_before_min=5, buffer_after_min=5, step_min=7)
        rules = some_rules(kind, (time(8), time(9)))

        cut = regular_cut(rules, rules.calendar.day(DAY))

        # 20 minutes each with its buffers; 08:40 is the last to end by 09:00.
        assert [offer.starts_at for offer in cut] == [at("08:00"), at("08:20"), at("08:40")]

    def test_has_no_two_times_at_once_where_hours_overlap(self):
        rules = some_rules(a_kind(), (time(8), time(9)), (time(8, 20), time(9)))

        cut = regular_cut(rules, rules.calendar.day(DAY))

        assert len(cut) == 4
        assert all(one.ends_at <= two.starts_at for one, two in pairwise(cut))


CLOCKS = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Rules, list[Busy], date]:
    zone = draw(st.sampled_from(ZONES))
    day = draw(st.sampled_from(changes(zone)))
    kind = a_kind(
        minutes=draw(st.sampled_from([5, 12, 30, 60])),
        buffer_before_min=draw(st.sampled_from([0, 0, 7])),
        buffer_after_min=draw(st.sampled_from([0, 0, 10])),
        step_min=draw(st.sampled_from([5, 15, 25])),
        most_at_once=draw(st.sampled_from([1, 1, 2])),
        horizon_days=9999,
    )
    stretches = draw(st.lists(st.tuples(CLOCKS, CLOCKS), min_size=1, max_size=2))
    midnight = datetime.combine(day, time(), tzinfo=UTC)
    busy = [
        Busy(midnight + start * MINUTE, midnight + (start + length) * MINUTE, lane)
        for start, length, lane in draw(
            st.lists(st.tuples(st.integers(-120, 1500), st.integers(1, 200), st.integers(0, 2)), max_size=3)
        )
    ]
    return some_rules(kind, *stretches, zone=zone), busy, day


def shows(zone: ZoneInfo, day: date, clock: time) -> datetime:
    """The first minute at which a wall clock has come to a time: found by walking, not by computing."""
    wanted = datetime.combine(day, clock)
    minute = datetime.combine(day, time(), tzinfo=UTC) - timedelta(hours=3)
    while minute.astimezone(zone).replace(tzinfo=None) < wanted:
        minute += MINUTE
    return minute


def by_walking(rules: Rules, busy: list[Busy], day: date) -> set[datetime]:
    """All offered starts on a local day, tried minute by minute."""
    zone, kind = rules.calendar.zone, rules.kind
    first, last = shows(zone, day, time()), shows(zone, day + timedelta(days=1), time())
    found: set[datetime] = set()
    for opened in (day - timedelta(days=1), day):
        if rules.calendar.is_holiday(opened):
            continue
        for hours in rules.hours:
            opens = shows(zone, opened, hours.starts)
            ends_on = opened if hours.ends > hours.starts else opened + timedelta(days=1)
            closes = shows(zone, ends_on, hours.ends)
            minute = opens
            while minute + kind.length <= closes:
                from_, until = minute - kind.before, minute + kind.length + kind.after
                lanes = [
                    lane
                    for lane in ([0] if kind.most_at_once == 1 else [1, 2])
                    if not any(
                        each.starts_at < until
                        and from_ < each.ends_at
                        and (not lane or not each.lane or each.lane == lane)
                        for each in busy
                    )
                ]
                if first <= minute < last and lanes:
                    found.add(minute)
                minute += timedelta(minutes=kind.step_min)
    return found


class TestEveryClockChange:
    @given(worlds())
    @settings(max_examples=150, deadline=None)
    def test_offers_exactly_what_a_walk_over_the_minutes_finds(self, world):
        rules, busy, day = world

        offered = free_times(rules, busy, rules.calendar.day(day), LONG_AGO)

        assert {offer.starts_at for offer in offered} == by_walking(rules, busy, day)
        assert {offer.ends_at - offer.starts_at for offer in offered} <= {rules.kind.length}

    @pytest.mark.parametrize("zone", ZONES)
    def test_offers_each_hour_of_a_night_shift_once(self, zone):
        # Hours from 22 to 6 last 8 hours, 7 in spring and 9 in autumn, each start 60 minutes after the last.
        rules = some_rules(a_kind(minutes=60, step_min=60, horizon_days=9999), (time(22), time(6)), zone=zone)

        for day in changes(zone):
            eve = day - timedelta(days=1)
            night = (shows(rules.calendar.zone, eve, time(12)), shows(rules.calendar.zone, day, time(12)))
            starts = [offer.starts_at for offer in free_times(rules, (), night, LONG_AGO)]
            elapsed = rules.calendar.at(day, time(6)) - rules.calendar.at(eve, time(22))
            assert len(starts) == elapsed // timedelta(hours=1)
            assert starts == [starts[0] + number * timedelta(hours=1) for number in range(len(starts))]


class TestEveryOfferedTime:
    def test_books_in_thousands_of_random_worlds(self):
        # Whatever was offered is taken with its buffers: no two then clash as the database would see it.
        random = Random(20261123)  # noqa: S311 -- a seeded choice of worlds
        for _ in range(2000):
            kind = a_kind(
                minutes=random.choice([5, 10, 25]),
                buffer_before_min=random.choice([0, 5]),
                buffer_after_min=random.choice([0, 10]),
                step_min=random.choice([1, 5, 15]),
                most_at_once=random.choice([1, 1, 3]),
                horizon_days=9999,
            )
            begins = random.randrange(0, 24)
            rules = some_rules(kind, (time(begins), time((begins + 1) % 24, 30)), zone=random.choice(ZONES))
            period = rules.calendar.day(DAY)
            taken: list[Busy] = []
            for _ in range(random.randrange(1, 5)):
                offered = free_times(rules, taken, period, LONG_AGO)
                if not offered:
                    break
                chosen = random.choice(offered)
                asked_again = (chosen.starts_at, chosen.starts_at + timedelta(microseconds=1))
                assert free_times(rules, taken, asked_again, LONG_AGO) == [chosen]
                taken.append(Busy(chosen.starts_at - kind.before, chosen.ends_at + kind.after, chosen.lane))
            assert not [
                pair
                for pair in combinations(taken, 2)
                if pair[0].starts_at < pair[1].ends_at
                and pair[1].starts_at < pair[0].ends_at
                and (pair[0].lane == pair[1].lane or not pair[0].lane or not pair[1].lane)
            ]
