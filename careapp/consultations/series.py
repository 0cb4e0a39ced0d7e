"""Book the same time of several weeks at once. Each function is one use case; none commits."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from careapp.access import Viewer, visible
from careapp.appointments.models import Occupancy
from careapp.calendar import Calendar
from careapp.consultations.booking import Wish, book_slots
from careapp.consultations.further_models import BookingSeries, SeriesPart
from careapp.consultations.models import Booking, Schedule
from careapp.consultations.queries import get_schedule
from careapp.consultations.taking import SlotTaken, find_chain, lock
from careapp.db import refuse_naive
from careapp.errors import Conflict, Invalid, NotFound
from careapp.people.models import Practitioner
from careapp.people.queries import get_patient
from careapp.records import audit
from careapp.tenancy import across_tenants

MOST_BOOKINGS = 26
"""Of a series: half a year of weeks."""
MOST_WEEKS = 8
"""From one booking of a series to the next."""


class ImpossibleSeries(Invalid):
    """A series has too few or too many bookings, or too many weeks between them."""


class SeriesTaken(Conflict):
    """Not all times of a series can be had."""


class SeriesNotFound(NotFound):
    """No series has this id, or not for this viewer."""


@dataclass(frozen=True)
class Pattern:
    """Which times a series has: the same wall-clock time every so many weeks, whatever the clocks do.

    Attributes:
        starts_at: When the first begins.
        ends_at: When it ends.
        count: How many.
        every_weeks: Weeks from one to the next.
    """

    starts_at: datetime
    ends_at: datetime
    count: int
    every_weeks: int = 1

    def __post_init__(self) -> None:
        refuse_naive(self.starts_at)
        refuse_naive(self.ends_at)
        if self.ends_at <= self.starts_at:
            raise ImpossibleSeries("the consultation ends before it starts: give an end after its start")
        if not 2 <= self.count <= MOST_BOOKINGS or not 1 <= self.every_weeks <= MOST_WEEKS:
            raise ImpossibleSeries(
                f"book from 2 to {MOST_BOOKINGS} times, from 1 to {MOST_WEEKS} weeks from each to the next"
            )

    def times(self, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
        """Return the times in UTC; each lasts as long as the first.

        Args:
            zone: Whose wall clock shows the same hour each time.
        """
        calendar = Calendar(zone, "DE")
        first = self.starts_at.astimezone(zone)
        lasts = self.ends_at - self.starts_at
        starts = [self.starts_at]
        for number in range(1, self.count):
            day = first.date() + timedelta(weeks=number * self.every_weeks)
            starts.append(calendar.at(day, first.time()))
        return [(moment, moment + lasts) for moment in starts]


@dataclass
class MadeSeries:
    """What became of a wish for a series.

    Attributes:
        series: The row; its parts are the bookings.
        bookings: In order of time.
        missing: Local dates on which the time could not be had.
    """

    series: BookingSeries
    bookings: list[Booking] = field(default_factory=list)
    missing: list[date] = field(default_factory=list)


def book_series(
    session: Session,
    *,
    schedule_id: UUID,
    pattern: Pattern,
    patient_id: UUID,
    zone: ZoneInfo,
    wish: Wish | None = None,
    is_partial: bool = False,
    viewer: Viewer,
    now: datetime,
) -> MadeSeries:
    """Book the same time of several weeks: all of them, or, if that is enough, those that can be had.

    Args:
        session: An open transaction.
        schedule_id: Whose video hours.
        pattern: Which times.
        patient_id: For whom.
        zone: Whose wall clock shows the same hour each time.
        wish: What else is wished of each booking; its slots and time are not looked at.
        is_partial: Book what can be had, and name the rest.
        viewer: Who books.
        now: This moment.

    Raises:
        ScheduleNotFound: No schedule has this id.
        PatientNotFound: No patient has this id, or not for this viewer.
        SeriesTaken: Some times cannot be had (not `is_partial`), or none can.
        CareError: See `careapp.consultations.booking.book_slots`.
    """
    schedule = get_schedule(session, schedule_id=schedule_id, viewer=viewer)
    patient = get_patient(session, patient_id=patient_id, viewer=viewer)
    times = pattern.times(zone)
    chains = _chains(session, schedule, times, now)
    missing = [
        starts_at.astimezone(zone).date()
        for (starts_at, _), chain in zip(times, chains, strict=True)
        if not chain
    ]
    if missing and (not is_partial or not any(chains)):
        days = ", ".join(day.isoformat() for day in missing)
        raise SeriesTaken(f"the time cannot be had on {days}: choose another, or take what is left")
    made = MadeSeries(
        BookingSeries(
            id=uuid4(),
            organisation_id=patient.organisation_id,
            patient_id=patient_id,
            schedule_id=schedule_id,
            wanted=pattern.count,
            every_weeks=pattern.every_weeks,
            made_at=now,
            parts=[],
        ),
        missing=missing,
    )
    session.add(made.series)
    session.flush()
    each = replace(wish or Wish(()), hold_id=None)
    for number, (time, chain) in enumerate(zip(times, chains, strict=True), start=1):
        if not chain:
            continue
        this = replace(each, slot_ids=chain, time=time)
        booking = book_slots(session, wish=this, patient_id=patient_id, viewer=viewer, now=now)
        made.bookings.append(booking)
        part = SeriesPart(number=number, booking_id=booking.id)
        part.booking = booking
        made.series.parts.append(part)
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="book_series",
        subject=made.series,
        wanted=pattern.count,
        booked=len(made.bookings),
    )
    return made


def get_series(session: Session, *, series_id: UUID, viewer: Viewer) -> BookingSeries:
    """Return one series with its bookings.

    Raises:
        SeriesNotFound: No series has this id, or not for this viewer.
    """
    statement = (
        select(BookingSeries)
        .where(BookingSeries.id == series_id)
        .options(selectinload(BookingSeries.parts).joinedload(SeriesPart.booking).joinedload(Booking.slot))
    )
    found = session.scalars(visible(statement, viewer, BookingSeries)).one_or_none()
    if found is None:
        raise SeriesNotFound(f"there is no series {series_id}")
    return found


def _chains(
    session: Session, schedule: Schedule, times: Sequence[tuple[datetime, datetime]], now: datetime
) -> list[list[UUID]]:
    """Find the slots of each time, or none; nobody else takes them until the transaction ends."""
    found = [_chain(session, schedule.id, time, now) for time in times]
    # All slots first, then the doctor, as everywhere: then what is free now stays so.
    lock(session, [slot_id for chain in found for slot_id in chain])
    with across_tenants(session):
        session.execute(
            select(Practitioner.id)
            .where(Practitioner.id == schedule.practitioner_id)
            .with_for_update(key_share=True)
        ).all()
        promised = session.execute(
            select(Occupancy.starts_at, Occupancy.ends_at).where(
                Occupancy.practitioner_id == schedule.practitioner_id,
                Occupancy.starts_at < times[-1][1],
                Occupancy.ends_at > times[0][0],
            )
        ).all()
    return [
        []
        if any(taken.starts_at < ends_at and taken.ends_at > starts_at for taken in promised)
        else _chain(session, schedule.id, (starts_at, ends_at), now)
        for starts_at, ends_at in times
    ]


def _chain(session: Session, schedule_id: UUID, time: tuple[datetime, datetime], now: datetime) -> list[UUID]:
    try:
        return find_chain(session, schedule_id=schedule_id, time=time, now=now)
    except SlotTaken:
        return []
