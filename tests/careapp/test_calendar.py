from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careapp.calendar import Calendar, UnknownHolidays
from careapp.config import Settings
from careapp.db import NaiveDatetime

BERLIN = Calendar(ZoneInfo("Europe/Berlin"), "DE-NW")
SPRING = date(2026, 3, 29)
AUTUMN = date(2026, 10, 25)


class TestDay:
    @pytest.mark.parametrize(("day", "hours"), [(SPRING, 23), (AUTUMN, 25), (date(2026, 3, 3), 24)])
    def test_lasts_as_long_as_the_clock_says(self, day: date, hours: int) -> None:
        starts_at, ends_at = BERLIN.day(day)

        assert ends_at - starts_at == timedelta(hours=hours)

    @given(st.dates(min_value=date(2000, 1, 1), max_value=date(2037, 12, 31)))
    def test_ends_where_the_next_begins(self, day: date) -> None:
        starts_at, ends_at = BERLIN.day(day)

        assert ends_at == BERLIN.day(day + timedelta(days=1))[0]
        assert BERLIN.local_date(starts_at) == day
        assert BERLIN.local_date(ends_at - timedelta(microseconds=1)) == day


class TestAt:
    @pytest.mark.parametrize(
        ("day", "clock", "expected"),
        [
            (date(2026, 3, 3), time(7), datetime(2026, 3, 3, 6, tzinfo=UTC)),
            (date(2026, 7, 1), time(7), datetime(2026, 7, 1, 5, tzinfo=UTC)),
            # The clock goes from 01:59:59 to 03:00 at 01:00 UTC: what it skips is that moment.
            (SPRING, time(1, 59, 59), datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)),
            (SPRING, time(2), datetime(2026, 3, 29, 1, tzinfo=UTC)),
            (SPRING, time(2, 30), datetime(2026, 3, 29, 1, tzinfo=UTC)),
            (SPRING, time(2, 59, 59, 999999), datetime(2026, 3, 29, 1, tzinfo=UTC)),
            (SPRING, time(3), datetime(2026, 3, 29, 1, tzinfo=UTC)),
            # It shows 02:30 at 00:30 and again at 01:30 UTC: the first counts.
            (AUTUMN, time(2, 30), datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
            (AUTUMN, time(3), datetime(2026, 10, 25, 2, tzinfo=UTC)),
        ],
    )
    def test_is_when_the_clock_shows_it(self, day: date, clock: time, expected: datetime) -> None:
        assert BERLIN.at(day, clock) == expected

    def test_of_a_skipped_midnight_is_the_first_moment_of_the_day(self) -> None:
        # On 2018-11-04 São Paulo went from 23:59:59 to 01:00, at 03:00 UTC.
        brazil = Calendar(ZoneInfo("America/Sao_Paulo"), "BR")

        assert brazil.day(date(2018, 11, 4)) == (
            datetime(2018, 11, 4, 3, tzinfo=UTC),
            datetime(2018, 11, 5, 2, tzinfo=UTC),
        )

    def test_of_a_day_that_the_zone_left_out_is_the_begin_of_the_next(self) -> None:
        # Samoa changed sides of the date line: 2011-12-30 does not exist there, 12-31 began at 10:00 UTC.
        samoa = Calendar(ZoneInfo("Pacific/Apia"), "WS")

        assert samoa.at(date(2011, 12, 30), time(12)) == datetime(2011, 12, 30, 10, tzinfo=UTC)

    @given(
        st.sampled_from([SPRING, AUTUMN, date(2026, 6, 1)]),
        st.lists(st.times(), min_size=2, max_size=2).map(sorted),
    )
    def test_never_runs_backwards(self, day: date, clocks: list[time]) -> None:
        assert BERLIN.at(day, clocks[0]) <= BERLIN.at(day, clocks[1])


class TestLocalDate:
    def test_changes_at_local_midnight(self) -> None:
        assert BERLIN.local_date(datetime(2026, 3, 2, 22, 59, tzinfo=UTC)) == date(2026, 3, 2)
        assert BERLIN.local_date(datetime(2026, 3, 2, 23, 0, tzinfo=UTC)) == date(2026, 3, 3)

    def test_of_a_naive_datetime_is_refused(self) -> None:
        with pytest.raises(NaiveDatetime, match="add an offset"):
            BERLIN.local_date(datetime(2026, 3, 2, 12))  # noqa: DTZ001 -- what the test is about


class TestIsHoliday:
    @pytest.mark.parametrize(
        ("holidays", "day", "expected"),
        [
            ("DE-NW", date(2026, 6, 4), True),  # Fronleichnam, 60 days after Easter Sunday, 5 April
            ("DE-BE", date(2026, 6, 4), False),
            ("DE-NW", date(2026, 11, 1), True),  # Allerheiligen
            ("DE-NW", date(2026, 1, 6), False),  # Epiphany: Bavaria, not here
            ("DE-NW", date(2026, 3, 1), False),  # a Sunday is none by itself
        ],
    )
    def test_depends_on_the_state(self, holidays: str, day: date, expected: bool) -> None:
        assert Calendar(ZoneInfo("Europe/Berlin"), holidays).is_holiday(day) is expected

    @pytest.mark.parametrize("holidays", ["", "XX", "DE-XX"])
    def test_of_an_unknown_state_is_refused_at_once(self, holidays: str) -> None:
        with pytest.raises(UnknownHolidays, match="such as DE-NW"):
            Calendar(ZoneInfo("Europe/Berlin"), holidays)


class TestOf:
    def test_takes_zone_and_holidays_from_the_settings(self) -> None:
        assert Calendar.of(Settings(zone="Europe/Vienna", holidays="AT")) == Calendar(
            ZoneInfo("Europe/Vienna"), "AT"
        )
