"""Local days: where they begin and end, when a wall clock's time is, which are public holidays."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

from holidays import country_holidays

from careapp.config import Settings
from careapp.db import refuse_naive
from careapp.errors import Invalid

_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


class UnknownHolidays(Invalid):
    """No public holidays are known for this country and subdivision."""


@dataclass(frozen=True)
class Calendar:
    """The region's local days.

    Attributes:
        zone: Time zone of the wall clock.
        holidays: Whose public holidays count: country and subdivision by ISO 3166-2, e.g. `DE-NW`.

    Raises:
        UnknownHolidays: Nobody knows holidays under that code.
    """

    zone: ZoneInfo
    holidays: str

    def __post_init__(self) -> None:
        _holidays_of(self.holidays, 2026)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the calendar that the settings name."""
        return cls(zone=settings.zone_info, holidays=settings.holidays)

    def day(self, day: date) -> tuple[datetime, datetime]:
        """Return a local day as a half-open interval in UTC; it lasts 23, 24 or 25 hours."""
        return self.at(day, time.min), self.at(day + _DAY, time.min)

    def at(self, day: date, clock: time) -> datetime:
        """Return the moment, in UTC, at which a wall clock shows this time.

        A time that the clock skips in spring stands for the first moment after the skip (on 2026-03-29 in
        Europe/Berlin 02:30 is 03:00). A time that it shows twice in autumn stands for the first of the two.
        """
        shown = datetime.combine(day, clock, tzinfo=self.zone).replace(fold=0)
        moment = shown.astimezone(UTC)
        if moment.astimezone(self.zone).replace(tzinfo=None) == shown.replace(tzinfo=None):
            return moment
        return self._end_of_skip(after=shown.replace(fold=1).astimezone(UTC), until=moment)

    def local_date(self, moment: datetime) -> date:
        """Return the local day that a moment falls on.

        Raises:
            NaiveDatetime: The moment has no zone.
        """
        refuse_naive(moment)
        return moment.astimezone(self.zone).date()

    def is_holiday(self, day: date) -> bool:
        """Tell whether a day is a public holiday; Sundays as such are not."""
        return day in _holidays_of(self.holidays, day.year)

    def _end_of_skip(self, *, after: datetime, until: datetime) -> datetime:
        # The offset changes once in (after, until], at a whole second.
        after = after.replace(microsecond=0)
        offset = after.astimezone(self.zone).utcoffset()
        while until - after > _SECOND:
            middle = after + (until - after) // 2
            middle = middle.replace(microsecond=0)
            if middle.astimezone(self.zone).utcoffset() == offset:
                after = max(middle, after + _SECOND)
            else:
                until = middle
        return until


@lru_cache(maxsize=512)
def _holidays_of(code: str, year: int) -> frozenset[date]:
    country, _, subdivision = code.partition("-")
    try:
        return frozenset(country_holidays(country, subdiv=subdivision or None, years=year))
    except NotImplementedError as unknown:
        raise UnknownHolidays(
            f"no public holidays are known for {code!r}: set CAREAPP_HOLIDAYS to a country and "
            "subdivision such as DE-NW"
        ) from unknown
