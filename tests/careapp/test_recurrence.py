import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from careapp.recurrence import InvalidRecurrence, occurs_on, validate

FIRST = date(2026, 3, 2)
"""A Monday."""


def days_of(recurrence: str, *, first: date = FIRST, last: date | None = None, days: int = 60) -> list[str]:
    candidates = [first + timedelta(days=number) for number in range(days)]
    found = [day for day in candidates if occurs_on(recurrence, first=first, last=last, day=day)]
    return [day.strftime("%m-%d") for day in found]


def steps_of(deed: Callable[[], object]) -> int:
    """Return how many functions a deed calls."""
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        deed()
    finally:
        sys.setprofile(before)
    return calls


class TestOccursOn:
    @pytest.mark.parametrize(
        ("recurrence", "expected"),
        [
            ("FREQ=DAILY", ["03-02", "03-03", "03-04", "03-05"]),
            ("FREQ=DAILY;INTERVAL=3", ["03-02", "03-05", "03-08", "03-11"]),
            ("FREQ=DAILY;BYDAY=SA,SU", ["03-07", "03-08", "03-14", "03-15"]),
            ("FREQ=DAILY;BYMONTHDAY=-1", ["03-31", "04-30"]),
            ("FREQ=WEEKLY", ["03-02", "03-09", "03-16", "03-23"]),
            ("FREQ=WEEKLY;BYDAY=MO,WE,FR", ["03-02", "03-04", "03-06", "03-09"]),
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU", ["03-03", "03-08", "03-17", "03-22"]),
            # With weeks from Sunday, Sunday the 8th opens the second week, which is left out.
            ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;WKST=SU", ["03-03", "03-15", "03-17", "03-29"]),
            ("FREQ=WEEKLY;BYDAY=MO;BYMONTH=4", ["04-06", "04-13", "04-20", "04-27"]),
            ("FREQ=MONTHLY", ["03-02", "04-02"]),
            ("FREQ=MONTHLY;BYMONTHDAY=31", ["03-31"]),
            ("FREQ=MONTHLY;BYDAY=1TU", ["03-03", "04-07"]),
            ("FREQ=MONTHLY;BYDAY=-1FR", ["03-27", "04-24"]),
            ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", ["03-31", "04-30"]),
            ("FREQ=MONTHLY;BYMONTHDAY=1,15,-1", ["03-15", "03-31", "04-01", "04-15"]),
            ("FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=1", ["04-01"]),
            ("FREQ=YEARLY", ["03-02"]),
            ("FREQ=DAILY;COUNT=2", ["03-02", "03-03"]),
            # Counted from the first date on, though Tuesday the 3rd is its first occurrence.
            ("FREQ=WEEKLY;BYDAY=TU;COUNT=2", ["03-03", "03-10"]),
            ("FREQ=DAILY;UNTIL=20260303", ["03-02", "03-03"]),
            (" freq=weekly;byday=mo ", ["03-02", "03-09", "03-16", "03-23"]),
            # The 30th of February never comes; nobody waits for it.
            ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", []),
        ],
    )
    def test_names_the_dates_that_the_rule_means(self, recurrence: str, expected: list[str]) -> None:
        assert days_of(recurrence)[:4] == expected

    def test_ends_with_the_last_date_included(self) -> None:
        assert days_of("FREQ=DAILY", last=date(2026, 3, 3)) == ["03-02", "03-03"]

    def test_does_not_begin_before_the_first_date(self) -> None:
        assert not occurs_on("FREQ=DAILY", first=FIRST, last=None, day=FIRST - timedelta(days=1))

    def test_skips_february_for_an_order_of_the_thirty_first(self) -> None:
        found = days_of("FREQ=MONTHLY", first=date(2026, 1, 31), days=121)

        assert found == ["01-31", "03-31", "05-31"]

    def test_takes_no_more_steps_years_after_the_first_date(self) -> None:
        def asked(since: date) -> bool:
            return occurs_on("FREQ=DAILY", first=since, last=None, day=FIRST)

        last_week = steps_of(lambda: asked(FIRST - timedelta(days=7)))
        long_ago = steps_of(lambda: asked(date(1990, 1, 1)))

        # A day's 5,000 orders are asked one by one; iterating from 1990 would take 13,000 steps each.
        assert long_ago <= last_week + 10


BY_DAY = {
    "DAILY": ["MO", "TU,TH,SA", "SU"],
    "WEEKLY": ["MO", "TU,TH,SA", "SU,MO"],
    "MONTHLY": ["1MO", "-1FR", "2TU,4TU", "MO,WE", "5SU"],
    "YEARLY": ["1MO", "-1FR", "20MO", "MO,WE"],
}


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(sorted(BY_DAY)))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 4))}"]
    has_days = draw(st.booleans())
    by_day = draw(st.sampled_from(BY_DAY[frequency])) if has_days else ""
    if by_day:
        parts.append(f"BYDAY={by_day}")
    if frequency != "WEEKLY" and draw(st.booleans()):
        parts.append(f"BYMONTHDAY={draw(st.sampled_from(['1', '15', '31', '-1', '1,15,-3']))}")
    if by_day != "20MO" and draw(st.booleans()):
        parts.append(f"BYMONTH={draw(st.sampled_from(['1', '2,6,12', '3,4,5']))}")
    if has_days and frequency in {"MONTHLY", "YEARLY"} and draw(st.booleans()):
        parts.append(f"BYSETPOS={draw(st.sampled_from(['1', '-1', '2,3']))}")
    ends = draw(st.sampled_from(["", "COUNT=1", "COUNT=7", "UNTIL=20260615"]))
    weeks = draw(st.sampled_from(["", "WKST=SU", "WKST=WE"]))
    return ";".join(part for part in [*parts, ends, weeks] if part)


class TestAgainstPlainModels:
    @settings(max_examples=100, deadline=None)
    @given(rules(), st.dates(date(2025, 6, 1), date(2026, 6, 1)))
    def test_agrees_with_an_iteration_from_the_first_date(self, rule: str, first: date) -> None:
        begin = datetime.combine(first, datetime.min.time())
        end = begin + timedelta(days=500)

        expected = {moment.date() for moment in rrulestr(rule, dtstart=begin).between(begin, end, inc=True)}

        assert {
            first + timedelta(days=number)
            for number in range(501)
            if occurs_on(rule, first=first, last=None, day=first + timedelta(days=number))
        } == expected

    @given(
        st.integers(1, 8),
        st.sets(st.integers(0, 6), min_size=1),
        st.dates(date(2020, 1, 1), date(2030, 1, 1)),
        st.integers(0, 3000),
    )
    def test_agrees_with_counting_mondays(
        self, interval: int, weekdays: set[int], first: date, later: int
    ) -> None:
        names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
        rule = f"FREQ=WEEKLY;INTERVAL={interval};BYDAY={','.join(names[number] for number in weekdays)}"
        day = first + timedelta(days=later)
        mondays = (day.toordinal() - 1) // 7 - (first.toordinal() - 1) // 7

        assert occurs_on(rule, first=first, last=None, day=day) == (
            day.weekday() in weekdays and mondays % interval == 0
        )

    @pytest.mark.parametrize("year", [2026, 2027, 2028])
    @pytest.mark.parametrize("place", ["FREQ=MONTHLY", "FREQ=YEARLY;BYMONTH=12", "FREQ=YEARLY"])
    def test_finds_numbered_weekdays_at_the_end_of_the_year(self, place: str, year: int) -> None:
        # dateutil stumbles over numbers beyond the month (20MO in December).
        most = 53 if place == "FREQ=YEARLY" else 5
        for weekday in ("MO", "TH", "SU"):
            for ordinal in (most, -most):
                rule = f"{place};BYDAY={ordinal}{weekday}"
                found = days_of(rule, first=date(year, 12, 1), days=31)
                assert len(found) <= 1


class TestValidate:
    @pytest.mark.parametrize(
        ("recurrence", "sentence"),
        [
            ("", "write for example"),
            ("FREQ", "write for example"),
            ("daily", "write for example"),
            ("RRULE:FREQ=DAILY", "no part of a recurrence"),
            ("FREQ=DAILY;DTSTART=20260301", "no part of a recurrence"),
            ("FREQ=DAILY;", "no part of a recurrence"),
            ("BYDAY=MO", "FREQ is missing"),
            ("FREQ=FORTNIGHTLY", "write one of DAILY, WEEKLY, MONTHLY, YEARLY"),
            ("FREQ=HOURLY", "the shortest is FREQ=DAILY"),
            ("FREQ=DAILY;BYHOUR=8", "put times into the windows"),
            ("FREQ=DAILY;FREQ=DAILY", "given twice"),
            ("FREQ=DAILY;INTERVAL=0", "whole numbers from 1 to 999"),
            ("FREQ=DAILY;INTERVAL=two", "whole numbers from 1 to 999"),
            ("FREQ=DAILY;COUNT=-1", "whole numbers from 1"),
            ("FREQ=DAILY;COUNT=3;UNTIL=20261231", "exclude each other"),
            ("FREQ=DAILY;UNTIL=2026-12-31", "write it as UNTIL=20261231"),
            ("FREQ=DAILY;UNTIL=20261331", "write it as UNTIL=20261231"),
            ("FREQ=DAILY;UNTIL=20261231T080000Z", "write it as UNTIL=20261231"),
            ("FREQ=WEEKLY;BYDAY=MO,XX", "BYDAY=XX is no weekday"),
            ("FREQ=MONTHLY;BYDAY=0MO", "is no weekday"),
            ("FREQ=MONTHLY;BYDAY=54MO", "is no weekday"),
            ("FREQ=MONTHLY;BYDAY=6MO", "no weekday beyond 5MO"),
            ("FREQ=YEARLY;BYMONTH=12;BYDAY=-20MO", "no weekday beyond 5MO"),
            ("FREQ=WEEKLY;BYDAY=1MO", "needs FREQ=MONTHLY"),
            ("FREQ=WEEKLY;BYMONTHDAY=1", "use FREQ=MONTHLY"),
            ("FREQ=MONTHLY;BYMONTHDAY=0", "but not 0"),
            ("FREQ=MONTHLY;BYMONTHDAY=32", "from -31 to 31"),
            ("FREQ=YEARLY;BYMONTH=13", "from 1 to 12"),
            ("FREQ=WEEKLY;BYDAY=MO;BYSETPOS=1", "BYSETPOS needs FREQ=MONTHLY"),
            ("FREQ=MONTHLY;BYSETPOS=1", "to choose from"),
            ("FREQ=WEEKLY;WKST=XX", "WKST=XX is no weekday"),
        ],
    )
    def test_says_what_to_write(self, recurrence: str, sentence: str) -> None:
        with pytest.raises(InvalidRecurrence, match=sentence):
            validate(recurrence)

    @given(st.text(alphabet="FREQDAILYWKMONTHBY=;,:0123456789-+ ", max_size=60))
    def test_understands_or_refuses_whatever_is_written(self, recurrence: str) -> None:
        try:
            validate(recurrence)
        except InvalidRecurrence:
            with pytest.raises(InvalidRecurrence):
                occurs_on(recurrence, first=FIRST, last=None, day=FIRST)
        else:
            occurs_on(recurrence, first=FIRST, last=None, day=FIRST)
