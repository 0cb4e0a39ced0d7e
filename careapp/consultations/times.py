"""At which times a doctor can be booked: rules and what is taken in, times out. No I/O.

Listing and booking ask the same function, `free_times`: a time that is listed books, unless somebody was
faster. Intervals are half-open; hours are local, lengths elapse (an hour lasts 60 minutes also on the night
when the clock changes).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from careapp.calendar import Calendar
from careapp.consultations.models import ConsultationCode
from careapp.recurrence import occurs_on

_DAY = timedelta(days=1)
_LEAST = timedelta(microseconds=1)
Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class Kind:
    """What is offered, and by which rules; see `models.ConsultationKind` for what each means.

    Attributes:
        id: Of the stored kind; of one that follows from the hours themselves, a name for it.
        code: Which kind of consultation.
        title: How people call it.
        minutes: How long it lasts.
        buffer_before_min: Kept free before it; may lie outside the hours.
        buffer_after_min: Kept free after it; may lie outside the hours.
        notice_min: Least time between booking and start.
        horizon_days: How many local days ahead it can be booked; 0 is today.
        step_min: Starts lie so far apart, counted from the opening of the hours.
        most_at_once: How many may be booked at one time.
    """

    id: UUID
    code: ConsultationCode
    title: str
    minutes: int
    buffer_before_min: int = 0
    buffer_after_min: int = 0
    notice_min: int = 0
    horizon_days: int = 84
    step_min: int = 5
    most_at_once: int = 1

    @property
    def length(self) -> timedelta:
        """How long it lasts."""
        return timedelta(minutes=self.minutes)

    @property
    def before(self) -> timedelta:
        """What is kept free before it."""
        return timedelta(minutes=self.buffer_before_min)

    @property
    def after(self) -> timedelta:
        """What is kept free after it."""
        return timedelta(minutes=self.buffer_after_min)


@dataclass(frozen=True)
class Stretch:
    """Hours that recur; those that end no later than they start end on the next day.

    Attributes:
        recurrence: RFC 5545 RRULE over local dates.
        first: First date.
        last: Last date, included; None: for ever.
        starts: By the wall clock.
        ends: By the wall clock.
        place_id: Where the doctor is meanwhile.
    """

    recurrence: str
    first: date
    last: date | None
    starts: time
    ends: time
    place_id: UUID | None = None


@dataclass(frozen=True)
class OtherDays:
    """Local days on which hours are others than usual.

    Attributes:
        first: First date.
        last: Last date, included.
        starts: On each of them, by the wall clock; None: from midnight to midnight.
        ends: No later than `starts`: on the next day.
        is_open: Open beyond the usual hours, also on a holiday or a closed day; else closed.
        place_id: Of an opening: where the doctor is meanwhile.
    """

    first: date
    last: date
    starts: time | None
    ends: time | None
    is_open: bool
    place_id: UUID | None = None


@dataclass(frozen=True)
class Rules:
    """All that decides when one kind of consultation is offered, but for what is taken.

    Attributes:
        schedule_id: Whose hours.
        calendar: Zone of the hours, and holidays, on which nothing is offered.
        kind: What is offered.
        hours: When, usually.
        exceptions: When otherwise.
    """

    schedule_id: UUID
    calendar: Calendar
    kind: Kind
    hours: Sequence[Stretch]
    exceptions: Sequence[OtherDays] = ()


@dataclass(frozen=True)
class Busy:
    """A time in which the doctor is taken, buffers included.

    Attributes:
        starts_at: From when.
        ends_at: Until when.
        lane: 0: altogether; else in which of several lanes, see `Occupancy.lane`.
    """

    starts_at: datetime
    ends_at: datetime
    lane: int = 0


@dataclass(frozen=True)
class Opening:
    """An uninterrupted time of hours.

    Attributes:
        starts_at: From when.
        ends_at: Until when.
        place_id: Where the doctor is meanwhile.
        counted_from: When its hours opened that day: starts are counted from here.
    """

    starts_at: datetime
    ends_at: datetime
    place_id: UUID | None
    counted_from: datetime


@dataclass(frozen=True)
class Offer:
    """A time that can be booked.

    Attributes:
        schedule_id: Of which schedule.
        kind_id: Which kind of consultation.
        code: The kind's code.
        starts_at: From when.
        ends_at: Until when; without buffers.
        place_id: Where the doctor is; None: does not matter.
        lane: Which lane is free, see `Busy`.
    """

    schedule_id: UUID
    kind_id: UUID
    code: ConsultationCode
    starts_at: datetime
    ends_at: datetime
    place_id: UUID | None = None
    lane: int = 0


def free_times(rules: Rules, busy: Iterable[Busy], period: Interval, now: datetime) -> list[Offer]:
    """Return all times that can be booked now and start in a period, in order.

    Args:
        rules: What is offered, and when.
        busy: All of the doctor's taken times that touch the period, a day more on each side.
        period: From when until when it may start.
        now: This moment.
    """
    kind = rules.kind
    earliest = max(period[0], now + timedelta(minutes=kind.notice_min), now + _LEAST)
    latest = min(period[1], _end_of_horizon(rules, now))
    if earliest >= latest:
        return []
    taken = sorted(busy, key=lambda each: each.starts_at)
    found: dict[datetime, Offer] = {}
    openings = open_times(rules, (earliest, latest + kind.length))
    for lane in _lanes(kind):
        against = [(each.starts_at, each.ends_at) for each in taken if not lane or each.lane in {0, lane}]
        for opening in openings:
            for starts_at in _starts(opening, against, kind, (earliest, latest)):
                if starts_at not in found:
                    found[starts_at] = _offer(rules, starts_at, opening, lane)
    return [found[starts_at] for starts_at in sorted(found)]


def regular_cut(rules: Rules, period: Interval) -> list[Offer]:
    """Cut hours into times that can all be booked beside each other, as a calendar shows them.

    What is taken, notice and horizon play no part.

    Args:
        rules: What is offered, and when.
        period: From when until when each starts.
    """
    kind = rules.kind
    stride = kind.before + kind.length + kind.after
    cut: list[Offer] = []
    for opening in open_times(rules, (period[0], period[1] + kind.length)):
        starts_at = _next_step(opening.counted_from, stride, max(opening.starts_at, period[0]))
        while starts_at + kind.length <= opening.ends_at and starts_at < period[1]:
            if not cut or starts_at >= cut[-1].starts_at + stride:
                cut.append(_offer(rules, starts_at, opening, _lanes(kind)[0]))
            starts_at += stride
    return cut


def open_times(rules: Rules, period: Interval) -> list[Opening]:
    """Return when hours are open in a period, in order; what reaches beyond the period is not cut off.

    Openings of several stretches may overlap.
    """
    calendar = rules.calendar
    first, last = calendar.local_date(period[0]) - _DAY, calendar.local_date(period[1])
    days = [first + number * _DAY for number in range((last - first).days + 1)]
    closed = list(_exceptional(rules, days, is_open=False))
    found: list[Opening] = []
    for day in days:
        if calendar.is_holiday(day):
            continue
        for hours in rules.hours:
            if occurs_on(hours.recurrence, first=hours.first, last=hours.last, day=day):
                opening = _opening(calendar, day, hours.starts, hours.ends, hours.place_id)
                found += _without(opening, closed)
    found += _exceptional(rules, days, is_open=True)
    return sorted(
        (each for each in found if each.starts_at < period[1] and each.ends_at > period[0]),
        key=lambda each: (each.starts_at, each.ends_at),
    )


def _end_of_horizon(rules: Rules, now: datetime) -> datetime:
    last = rules.calendar.local_date(now) + timedelta(days=rules.kind.horizon_days)
    return rules.calendar.day(last)[1]


def _lanes(kind: Kind) -> range:
    return range(1) if kind.most_at_once == 1 else range(1, kind.most_at_once + 1)


def _offer(rules: Rules, starts_at: datetime, opening: Opening, lane: int) -> Offer:
    kind = rules.kind
    return Offer(
        schedule_id=rules.schedule_id,
        kind_id=kind.id,
        code=kind.code,
        starts_at=starts_at,
        ends_at=starts_at + kind.length,
        place_id=opening.place_id,
        lane=lane,
    )


def _starts(opening: Opening, taken: Sequence[Interval], kind: Kind, between: Interval) -> Iterator[datetime]:
    """Yield each start in an opening at which nothing is taken; `taken` is in order of starts."""
    step = timedelta(minutes=kind.step_min)
    starts_at = _next_step(opening.counted_from, step, max(opening.starts_at, between[0]))
    number = 0
    while starts_at + kind.length <= opening.ends_at and starts_at < between[1]:
        needed = (starts_at - kind.before, starts_at + kind.length + kind.after)
        # What starts later may still be free of what ended earlier: a long one can hide a short one.
        while number < len(taken) and taken[number][1] <= needed[0]:
            number += 1
        clash = next((each for each in _before(taken, number, needed[1]) if each[1] > needed[0]), None)
        if clash is None:
            yield starts_at
            starts_at += step
        else:
            starts_at = _next_step(opening.counted_from, step, clash[1] + kind.before)


def _before(taken: Sequence[Interval], number: int, ends_at: datetime) -> Iterator[Interval]:
    while number < len(taken) and taken[number][0] < ends_at:
        yield taken[number]
        number += 1


def _next_step(counted_from: datetime, step: timedelta, earliest: datetime) -> datetime:
    """Return the first start from a moment on, counted in steps."""
    if earliest <= counted_from:
        return counted_from
    return counted_from + -((counted_from - earliest) // step) * step


def _exceptional(rules: Rules, days: Sequence[date], *, is_open: bool) -> Iterator[Opening]:
    for each in rules.exceptions:
        if each.is_open != is_open:
            continue
        for day in days:
            if each.first <= day <= each.last:
                if each.starts is None or each.ends is None:
                    starts_at, ends_at = rules.calendar.day(day)
                    opening = Opening(starts_at, ends_at, each.place_id, starts_at)
                else:
                    opening = _opening(rules.calendar, day, each.starts, each.ends, each.place_id)
                if opening.starts_at < opening.ends_at:
                    yield opening


def _opening(calendar: Calendar, day: date, starts: time, ends: time, place_id: UUID | None) -> Opening:
    starts_at = calendar.at(day, starts)
    ends_at = calendar.at(day if ends > starts else day + _DAY, ends)
    return Opening(starts_at, ends_at, place_id, starts_at)


def _without(opening: Opening, closed: Iterable[Opening]) -> Iterator[Opening]:
    """Yield what is left of an opening between closed times."""
    starts_at = opening.starts_at
    for each in sorted(closed, key=lambda each: each.starts_at):
        if each.ends_at <= starts_at or each.starts_at >= opening.ends_at:
            continue
        if each.starts_at > starts_at:
            yield Opening(starts_at, each.starts_at, opening.place_id, opening.counted_from)
        starts_at = each.ends_at
    if starts_at < opening.ends_at:
        yield Opening(starts_at, opening.ends_at, opening.place_id, opening.counted_from)
