"""FHIR Timings as recurrences with windows."""

from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fhir.mapping.rhythm import Rhythm, from_period, from_timing, spread
from fhir.mapping.timing import to_timing

TODAY = date(2026, 3, 3)  # a Tuesday
BERLIN = ZoneInfo("Europe/Berlin")


def read(timing: dict[str, Any]) -> Rhythm:
    found = from_timing(timing, today=TODAY, zone=BERLIN)
    assert isinstance(found, Rhythm), found
    return found


def problems(timing: dict[str, Any]) -> list[str]:
    found = from_timing(timing, today=TODAY, zone=BERLIN)
    assert not isinstance(found, Rhythm)
    return [element for element, _ in found]


class TestARecurrence:
    @pytest.mark.parametrize(
        ("repeat", "recurrence", "visits"),
        [
            ({"frequency": 1, "period": 1, "periodUnit": "d"}, "FREQ=DAILY", 1),
            ({"frequency": 3, "period": 1, "periodUnit": "d"}, "FREQ=DAILY", 3),
            ({"frequency": 1, "period": 2, "periodUnit": "d"}, "FREQ=DAILY;INTERVAL=2", 1),
            ({"frequency": 1, "period": 1, "periodUnit": "wk"}, "FREQ=WEEKLY;BYDAY=TU", 1),
            ({"frequency": 3, "period": 1, "periodUnit": "wk"}, "FREQ=WEEKLY;BYDAY=MO,WE,FR", 1),
            ({"frequency": 14, "period": 1, "periodUnit": "wk"}, "FREQ=DAILY", 2),
            (
                {"frequency": 4, "period": 2, "periodUnit": "wk", "dayOfWeek": ["fri", "mon"]},
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR",
                2,
            ),
            ({"dayOfWeek": ["mon", "sun"]}, "FREQ=WEEKLY;BYDAY=MO,SU", 1),
            ({"frequency": 1, "period": 8, "periodUnit": "h"}, "FREQ=DAILY", 3),
            ({"frequency": 1, "period": 1, "periodUnit": "mo"}, "FREQ=MONTHLY", 1),
            ({"frequency": 1, "period": 1, "periodUnit": "a"}, "FREQ=YEARLY", 1),
            ({"count": 10, "frequency": 2, "period": 1, "periodUnit": "d"}, "FREQ=DAILY;COUNT=5", 2),
            ({"when": ["MORN", "NOON", "HS"]}, "FREQ=DAILY", 3),
        ],
    )
    def test_is_read(self, repeat, recurrence, visits):
        found = read({"repeat": repeat})

        assert (found.recurrence, len(found.windows)) == (recurrence, visits)

    def test_is_read_from_an_abbreviation(self):
        code = {
            "coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation", "code": "BID"}]
        }

        assert len(read({"code": code}).windows) == 2

    def test_is_read_from_our_own_text(self):
        found = read(
            {"code": {"text": "FREQ=MONTHLY;BYDAY=1MO"}, "repeat": {"duration": 20, "durationUnit": "min"}}
        )

        assert (found.recurrence, found.minutes) == ("FREQ=MONTHLY;BYDAY=1MO", 20)

    @pytest.mark.parametrize(
        ("repeat", "element"),
        [
            ({"period": 0.5, "periodUnit": "d"}, "repeat.period"),
            ({"period": 7, "periodUnit": "h"}, "repeat.period"),
            ({"period": 5, "periodUnit": "min"}, "repeat.periodUnit"),
            ({"frequency": 8, "period": 1, "periodUnit": "wk"}, "repeat.frequency"),
            (
                {"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon", "tue"]},
                "repeat.frequency",
            ),
            ({"dayOfWeek": ["mon"], "period": 1, "periodUnit": "mo"}, "repeat.dayOfWeek"),
            ({"frequency": 30, "period": 1, "periodUnit": "d"}, "repeat.frequency"),
            ({"frequency": 3, "timeOfDay": ["08:00:00"]}, "repeat.timeOfDay"),
            ({"timeOfDay": ["08:00:00", "08:00:00"]}, "repeat.timeOfDay"),
            ({"count": 3, "frequency": 2, "period": 1, "periodUnit": "d"}, "repeat.count"),
            ({"boundsRange": {"low": {"value": 1}}}, "repeat.boundsRange"),
            ({"boundsDuration": {"value": 3, "code": "min"}}, "repeat.boundsDuration"),
            ({"boundsPeriod": {"start": "2026-03-02", "end": "2026-03-01"}}, "repeat.boundsPeriod"),
            ({"duration": 1, "durationUnit": "d"}, "repeat.durationUnit"),
        ],
    )
    def test_that_cannot_be_planned_is_told(self, repeat, element):
        assert problems({"repeat": repeat}) == [element]

    def test_of_single_moments_or_a_wrong_rule_is_told(self):
        assert problems({"event": ["2026-03-03"]}) == ["event"]
        assert problems({"code": {"text": "FREQ=HOURLY"}}) == ["code"]


class TestTimes:
    def test_of_day_become_windows_that_end_with_the_day(self):
        found = read({"repeat": {"timeOfDay": ["23:30:00", "08:00:00"]}})

        assert found.windows == [(time(8), time(9)), (time(23, 30), time(23, 59))]

    def test_that_nobody_names_are_spread_over_a_nurses_day(self):
        # 06:30 to 20:30 are 840 minutes: two of 420, three of 280.
        assert spread(2) == [(time(6, 30), time(13, 30)), (time(13, 30), time(20, 30))]
        assert spread(3)[1] == (time(11, 10), time(15, 50))


class TestDays:
    def test_are_those_of_the_zone(self):
        assert from_period({"start": "2026-03-02T23:30:00Z", "end": "2026"}, zone=BERLIN) == (
            date(2026, 3, 3),
            date(2026, 12, 31),
        )

    def test_of_a_duration_count_the_first(self):
        found = read({"repeat": {"boundsDuration": {"value": 2, "code": "wk"}}})

        assert (found.first, found.last) == (TODAY, date(2026, 3, 16))

    @pytest.mark.parametrize("end", ["9999", "9999-12", "9999-12-31"])
    def test_may_be_the_last_of_all(self, end):
        assert from_period({"end": end}, zone=BERLIN)[1] == date.max

    def test_of_an_endless_duration_have_an_end(self):
        found = read({"repeat": {"boundsDuration": {"value": 1e30, "code": "a"}}})

        assert found.last is not None
        assert found.last.year > 2100


@given(
    recurrence=st.sampled_from(
        [
            "FREQ=DAILY",
            "FREQ=DAILY;INTERVAL=3",
            "FREQ=WEEKLY;BYDAY=MO,TH",
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA,SU",
            "FREQ=MONTHLY",
            "FREQ=MONTHLY;BYDAY=1MO",
            "FREQ=DAILY;COUNT=7",
        ]
    ),
    first=st.dates(date(2026, 1, 1), date(2026, 12, 28)),
    days=st.none() | st.integers(0, 400),
    hours=st.sets(st.integers(6, 20), min_size=1, max_size=4),
    minutes=st.integers(1, 480),
)
@settings(max_examples=60)
def test_what_we_write_we_read_as_it_was(recurrence, first, days, hours, minutes):
    last = None if days is None else date.fromordinal(first.toordinal() + days)
    times = [time(hour) for hour in sorted(hours)]

    found = read(to_timing(recurrence, first=first, last=last, times=times, minutes=minutes))

    assert (found.first, found.last, found.minutes) == (first, last, minutes)
    assert found.recurrence == recurrence
    # Said as text, without times: no Timing knows the first Monday, or skips a month without the day.
    if "1MO" not in recurrence and not (recurrence == "FREQ=MONTHLY" and first.day > 28):
        assert [window[0] for window in found.windows] == times
