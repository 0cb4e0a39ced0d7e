"""What a consultation asks of a day: one of the patient's visits, or a new one, and when it would start."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from careapp.appointments.models import PROMISED, AppointmentStatus
from careapp.assisted.days import Ground
from careapp.assisted.needs import Need
from careapp.assisted.trial import Trial
from careapp.consultations.models import Booking
from careapp.people.models import Patient, PreferenceKind
from careapp.people.models import Preference as Wish
from careapp.tours import continuity
from careapp.tours.day import MUST_BE, PENALTY_BY_PRIORITY
from careapp.tours.duties import FOUR_WEEKS
from careapp.tours.models import Stop, Tour, TourStatus
from careapp.tours.pins import starts_left
from careapp.tours.standing import Standing
from careapp.visits.models import Visit
from routing.problem import Service, TimeWindow
from routing.travel.source import Coordinates

STEP = timedelta(minutes=5)
"""So far apart lie the starts of a visit that are tried within the tolerance."""

LEAD = timedelta(minutes=30)
"""A nurse is sent no later than this before the visit."""

NEW = "new visit"
"""What the planner calls a visit that would be made."""

DAY_S = 24 * 3600


@dataclass(frozen=True)
class Carrier:
    """A visit that may carry the consultation.

    Attributes:
        visit: One of the patient's; None: a new one.
        lasts: How long it takes.
        offset: From its start until the video's, as wished.
        tolerance: How far its start may be from that.
    """

    visit: Visit | None
    lasts: timedelta
    offset: timedelta
    tolerance: timedelta

    def starts(self, begins: datetime, ends: datetime, *, now: datetime) -> list[datetime]:
        """Return the starts at which it would hold a video, the wished one first."""
        seconds = round(self.offset.total_seconds()), round(self.tolerance.total_seconds())
        lasts = round(self.lasts.total_seconds())
        first, last = starts_left((begins, ends), lasts, *seconds)
        wished = min(max(begins - self.offset, first), last)
        steps = [wished]
        for number in range(1, 1 + (2 * self.tolerance) // STEP):
            steps += [wished + number * STEP, wished - number * STEP]
        return [
            start
            for start in steps
            if first <= start <= last and start >= now + LEAD and ends <= start + self.lasts
        ]


def carriers(session: Session, need: Need, *, first: date, last: date) -> dict[date, list[Carrier]]:
    """Return by day the patient's open and promised visits that carry no consultation yet."""
    carried = select(Booking.visit_id).where(Booking.visit_id.is_not(None), Booking.status.in_(PROMISED))
    rows = session.scalars(
        select(Visit)
        .where(
            Visit.patient_id == need.patient_id,
            Visit.date >= first,
            Visit.date <= last,
            Visit.status.in_([AppointmentStatus.PROPOSED, AppointmentStatus.BOOKED]),
            Visit.id.not_in(carried),
        )
        .order_by(Visit.date, Visit.id)
        .options(selectinload(Visit.windows), selectinload(Visit.services))
    )
    found: dict[date, list[Carrier]] = {}
    for visit in rows:
        carrier = carrier_of(visit, need)
        if carrier is not None and need.visit_id in (None, visit.id):
            found.setdefault(visit.date, []).append(carrier)
    return found


def carrier_of(visit: Visit, need: Need) -> Carrier | None:
    """Return a visit as a carrier; None if it is too short for the video."""
    spare = visit.duration_s - 60 * need.video_minutes
    if spare < 0:
        return None
    return Carrier(
        visit,
        timedelta(seconds=visit.duration_s),
        timedelta(seconds=min(60 * need.offset_minutes, spare)),
        timedelta(minutes=need.tolerance_minutes),
    )


def new_carrier(need: Need) -> Carrier:
    """Return a visit that would be made for the consultation."""
    return Carrier(
        None,
        timedelta(minutes=need.visit_minutes),
        timedelta(minutes=need.offset_minutes),
        timedelta(minutes=need.tolerance_minutes),
    )


@dataclass(frozen=True)
class Person:
    """What is known of the patient for the choice of a nurse.

    Attributes:
        home: Where.
        visits: How often each practitioner came in four weeks.
        wishes: Role to what is agreed.
    """

    home: Coordinates
    home_id: UUID
    visits: Mapping[UUID, int]
    wishes: Mapping[UUID, PreferenceKind]

    @classmethod
    def of(cls, session: Session, patient: Patient, *, day: date) -> "Person":
        """Read what is known of a patient with a home, as of a day."""
        home = patient.known_home
        came = session.execute(
            select(Tour.practitioner_id, func.count())
            .join(Stop, Stop.tour_id == Tour.id)
            .join(Visit, Stop.visit_id == Visit.id)
            .where(
                Visit.patient_id == patient.id,
                Visit.status.in_([AppointmentStatus.BOOKED, AppointmentStatus.FULFILLED]),
                Tour.status == TourStatus.PUBLISHED,
                Tour.date >= day - FOUR_WEEKS,
                Tour.date < day,
            )
            .group_by(Tour.practitioner_id)
        )
        wishes = session.execute(select(Wish.role_id, Wish.kind).where(Wish.patient_id == patient.id))
        return cls(
            Coordinates(home.latitude, home.longitude),
            home.id,
            dict(came.all()),
            dict(wishes.all()),
        )


def trial_of(
    standing: Standing,
    carrier: Carrier,
    person: Person,
    need: Need,
    ground: Ground,
    *,
    only: Collection[UUID] = (),
) -> Trial | None:
    """Return a carrier on a day, ready to be tried; None if the planner does not know the visit.

    A promised visit goes to a promised tour only; one that is only proposed stays with the proposed ones, if
    it is in one.

    Args:
        standing: The day.
        carrier: The visit.
        person: Whose.
        need: What is asked for.
        ground: What the search stands on.
        only: Only nurses of these shifts come; empty: any.
    """
    others = {n for n, nurse in enumerate(standing.nurses) if only and nurse.shift_id not in only}
    if carrier.visit is None:
        return _new_trial(standing, person, need, ground, others)
    numbers = standing.of_visit.get(carrier.visit.id)
    if numbers is None:
        return None
    planned = {vehicle for vehicle, stop in standing.plan.stops() if stop.service in numbers}
    published = {number for number, nurse in enumerate(standing.nurses) if nurse.is_published}
    closed: set[int] = set()
    if carrier.visit.status == AppointmentStatus.BOOKED:
        if not planned:  # its tour breaks a rule as it stands
            return None
        closed = set(range(len(standing.nurses))) - published
    elif planned:
        closed = published
    return Trial(standing, standing.problem, numbers, closed | others)


def _new_trial(standing: Standing, person: Person, need: Need, ground: Ground, closed: set[int]) -> Trial:
    roles = [nurse.role_id for nurse in standing.nurses]
    preferred, forbidden = (
        frozenset(number for number, role in enumerate(roles) if person.wishes.get(role) is kind)
        for kind in (PreferenceKind.PREFERRED, PreferenceKind.FORBIDDEN)
    )
    known = {
        number: points
        for number, nurse in enumerate(standing.nurses)
        if (points := continuity.points(person.visits, nurse.practitioner_id))
    }
    service = Service(
        NEW,
        0,
        60 * need.visit_minutes,
        windows=(TimeWindow(-DAY_S, 2 * DAY_S),),
        skills=need.skills,
        forbidden=forbidden,
        preferred=preferred,
        known=known,
        penalty=PENALTY_BY_PRIORITY[MUST_BE],
    )
    sources = ground.sources(standing.date)
    number = len(standing.problem.services)
    problem = standing.with_visit([service], person.home, sources, sources.by_hour(ground.calendar))
    return Trial(standing, problem, [number], closed)
