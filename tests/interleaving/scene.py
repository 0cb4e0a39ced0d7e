"""The small world that the actors share."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.calendar import Calendar
from careapp.consultations.booking import Wish, book_slots
from careapp.consultations.holds import tidy_slots
from careapp.tours.commands import propose_tours, publish_day
from careapp.tours.day import Day
from careapp.tours.models import Shift
from careapp.tours.queries import day_to_plan
from careapp.visits.models import Visit
from careapp.waiting.line import expire
from routing.plan import Cost, Plan, Route
from routing.plan import Stop as RoutedStop
from tests.careapp.worlds import (
    EVERYONE,
    a_doctor,
    a_nurse,
    a_patient,
    a_schedule,
    a_shift,
    a_slot,
    a_survey,
    a_visit,
    an_organisation,
    coordinator_of,
    moment,
)

HOUR = 3600
FIRST_DAY = date(2026, 3, 3)
STEP = timedelta(minutes=30)


@dataclass
class Scene:
    """What there is: each day has its own.

    A doctor has three slots one after the other at 06:00 UTC, and in a second schedule one that lies across
    the first two. The first slot is booked. Two visits are in a proposed tour of one nurse; a third is
    promised at 06:00 by the other nurse.
    """

    day: date
    calendar: Calendar
    viewer: Viewer
    organisation_id: UUID
    practitioner_id: UUID
    patient_ids: list[UUID]
    slot_ids: list[UUID]
    visit_ids: list[UUID]
    nurse_ids: list[UUID]
    doctor_id: UUID
    schedule_id: UUID
    colleague_id: UUID
    booking_id: UUID
    minutes: int = 0
    """How far the clock has gone; the actors move it."""
    called_off: set[UUID] = field(default_factory=set)
    """Visits and bookings of which somebody was told that they are called off."""

    @property
    def now(self) -> datetime:
        return self.begins + timedelta(minutes=self.minutes)

    @property
    def begins(self) -> datetime:
        """The evening before."""
        return datetime.combine(self.day - timedelta(days=1), time(17), tzinfo=UTC)


def a_scene(session: Session, number: int, calendar: Calendar) -> Scene:
    """Build a scene on a day of its own; what earlier days left is tidied away first."""
    day = FIRST_DAY + timedelta(days=7 * number)
    begins = datetime.combine(day - timedelta(days=1), time(17), tzinfo=UTC)
    tidy_slots(session, now=begins)
    expire(session, now=begins)
    organisation = an_organisation(session)
    nurses = [a_nurse(session, organisation, family_name=name) for name in ("Abel", "Berg")]
    patients = [a_patient(session, organisation) for _ in range(3)]
    visits = [a_visit(session, patient, day=day) for patient in patients]
    doctor = a_doctor(session)
    schedule, other = a_schedule(session, doctor), a_schedule(session, doctor)
    slots = [
        a_slot(session, schedule, starts_at=moment(6, 10 * part, day=day), minutes=10) for part in range(3)
    ]
    slots.append(a_slot(session, other, starts_at=moment(6, day=day), minutes=20))
    scene = Scene(
        day=day,
        calendar=calendar,
        viewer=coordinator_of(organisation),
        organisation_id=organisation.id,
        practitioner_id=doctor.practitioner_id,
        patient_ids=[patient.id for patient in patients],
        slot_ids=[slot.id for slot in slots],
        visit_ids=[visit.id for visit in visits],
        nurse_ids=[nurse.id for nurse in nurses],
        doctor_id=doctor.id,
        schedule_id=schedule.id,
        colleague_id=a_doctor(session, family_name="Kollege").id,
        booking_id=UUID(int=0),
    )
    scene.booking_id = book_slots(
        session, wish=Wish(scene.slot_ids[:1]), patient_id=patients[0].id, viewer=EVERYONE, now=begins
    ).id
    # The third visit is promised first, by the second nurse alone.
    later: list[Visit | Shift] = [*visits[:2], a_shift(session, nurses[0], day=day)]
    a_shift(session, nurses[1], day=day)
    for row in later:
        row.date = FIRST_DAY - timedelta(days=1)
    publish_planned(session, scene)
    for row in later:
        row.date = day
    propose(session, scene, read_day(session, scene))
    return scene


def publish_planned(session: Session, scene: Scene) -> None:
    """Propose what is open and publish it."""
    propose(session, scene, read_day(session, scene))
    publish_day(session, date=scene.day, viewer=scene.viewer, now=scene.now)


def read_day(session: Session, scene: Scene) -> Day:
    """Read what is open, as a planner does before it begins."""
    session.flush()
    session.expire_all()
    return day_to_plan(session, date=scene.day, calendar=scene.calendar, viewer=scene.viewer)


def propose(session: Session, scene: Scene, day: Day) -> None:
    """Propose all open visits to the first free nurse, half an hour apart from 06:00 UTC on."""
    routes: tuple[Route, ...] = ()
    if day.work_times and day.visits:
        seven = 7 * HOUR + (HOUR if _is_summer(scene, day) else 0)
        starts = [seven + number * int(STEP.total_seconds()) for number in range(len(day.visits))]
        routes = (
            Route(
                vehicle=0,
                stops=tuple(
                    RoutedStop(number, start, start, start + 1200, 300, 2500)
                    for number, start in enumerate(starts)
                ),
                breaks=(),
                leaves=seven - 300,
                returns=starts[-1] + 1500,
                travel_home=300,
                metres_home=2500,
            ),
        )
    plan = Plan(routes=routes, cost=Cost({"travel": 900}), version="1")
    propose_tours(session, day=day, plan=plan, survey=a_survey(day), viewer=scene.viewer, now=scene.now)


def _is_summer(scene: Scene, day: Day) -> bool:
    return day.moment(7 * HOUR) != moment(6, day=scene.day)
