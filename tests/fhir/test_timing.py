"""Rhythms of care orders as FHIR writes them."""

from datetime import date, time
from typing import Any

import pytest

from fhir.mapping.timing import to_timing

Json = dict[str, Any]


class TestTiming:
    """Care orders start on Tuesday, 3 March 2026."""

    @pytest.mark.parametrize(
        ("recurrence", "rhythm"),
        [
            ("FREQ=DAILY", {"frequency": 2, "period": 1, "periodUnit": "d"}),
            ("RRULE:freq=daily;interval=2", {"frequency": 2, "period": 2, "periodUnit": "d"}),
            (
                "FREQ=WEEKLY;BYDAY=MO,WE",
                {"frequency": 2, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon", "wed"]},
            ),
            ("FREQ=WEEKLY", {"frequency": 2, "period": 1, "periodUnit": "d", "dayOfWeek": ["tue"]}),
            # Twice a day on two days: four times in two weeks.
            (
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;WKST=MO",
                {"frequency": 4, "period": 2, "periodUnit": "wk", "dayOfWeek": ["mon", "wed"]},
            ),
            (
                "FREQ=DAILY;BYDAY=SA,SU",
                {"frequency": 2, "period": 1, "periodUnit": "d", "dayOfWeek": ["sat", "sun"]},
            ),
            ("FREQ=MONTHLY", {"frequency": 2, "period": 1, "periodUnit": "mo"}),
            ("FREQ=YEARLY", {"frequency": 2, "period": 1, "periodUnit": "a"}),
            ("FREQ=DAILY;COUNT=3", {"count": 6, "frequency": 2, "period": 1, "periodUnit": "d"}),
        ],
    )
    def test_says_a_rhythm(self, recurrence, rhythm):
        found = self.timing(recurrence)

        assert found == {
            "repeat": {
                "boundsPeriod": {"start": "2026-03-03", "end": "2026-12-31"},
                "duration": 20,
                "durationUnit": "min",
                "timeOfDay": ["07:00:00", "19:00:00"],
                **rhythm,
            }
        }

    @pytest.mark.parametrize(
        "recurrence",
        ["FREQ=MONTHLY;BYDAY=1MO", "FREQ=MONTHLY;BYDAY=MO", "FREQ=DAILY;INTERVAL=2;BYDAY=MO", "FREQ=HOURLY",
         "FREQ=MONTHLY;BYMONTHDAY=-1"],
    )  # fmt: skip
    def test_leaves_what_it_cannot_say_as_text(self, recurrence):
        found = self.timing(recurrence)

        assert found["code"] == {"text": recurrence}
        assert "frequency" not in found["repeat"]

    def test_does_not_say_monthly_of_a_day_that_some_months_lack(self):
        found = to_timing("FREQ=MONTHLY", first=date(2026, 1, 31), last=None, times=[time(7)], minutes=5)

        assert found["code"] == {"text": "FREQ=MONTHLY"}

    @pytest.mark.parametrize(
        ("until", "end"),
        [("20260601", "2026-06-01"), ("20260601T120000Z", "2026-06-01"), ("20300101", "2026-12-31")],
    )
    def test_ends_with_the_earlier_of_both_ends(self, until, end):
        assert self.timing(f"FREQ=DAILY;UNTIL={until}")["repeat"]["boundsPeriod"]["end"] == end

    def test_ends_with_the_rule_if_the_order_has_no_end(self):
        found = to_timing(
            "FREQ=DAILY;UNTIL=20260601", first=date(2026, 3, 3), last=None, times=[time(7)], minutes=5
        )

        assert found["repeat"]["boundsPeriod"]["end"] == "2026-06-01"

    @staticmethod
    def timing(recurrence: str) -> Json:
        return to_timing(
            recurrence,
            first=date(2026, 3, 3),
            last=date(2026, 12, 31),
            times=[time(7), time(19)],
            minutes=20,
        )
