"""Change visits. Each function is one use case; none commits."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID, uuid4

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session, contains_eager, selectinload

from careapp.access import Viewer, visible
from careapp.appointments.cancellation import require_reason
from careapp.appointments.models import PROMISED, Appointment, AppointmentStatus
from careapp.appointments.occupancy import release
from careapp.calendar import Calendar
from careapp.consultations.models import Booking
from careapp.db import record_change, refuse_naive
from careapp.errors import Conflict
from careapp.help.undoing import end_help_of
from careapp.openings.commands import close_records_of
from careapp.orders.commands import ImpossibleCare, ImpossibleWindow
from careapp.orders.models import CareOrder, CarePlan
from careapp.organisations.commands import require_name
from careapp.people.homes import require_home
from careapp.people.models import Absence, Patient
from careapp.people.queries import get_patient
from careapp.people.skills import require_skills
from careapp.records import audit, outbox
from careapp.tours.models import Stop, UnassignedVisit
from careapp.visits.expansion import Expansion, Interval, KnownVisit, is_due, merged
from careapp.visits.models import Service, ServiceSkill, Visit, VisitLink, VisitWindow
from careapp.visits.queries import get_visit

_MAY_GO = frozenset({AppointmentStatus.PROPOSED, AppointmentStatus.CANCELLED})
_LONGEST_MINUTES = 480
_MOST_NURSES = 4


class VisitEnded(Conflict):
    """The visit was cancelled, or is over."""


class VisitCarriesBooking(Conflict):
    """A doctor's video slot is booked inside the visit."""


class VisitStands(Conflict):
    """The visit cannot be removed."""


def make_visits(session: Session, *, date: date, calendar: Calendar, viewer: Viewer, now: datetime) -> int:
    """Turn care orders into the visits of one local day.

    Holidays and the patients' absences are respected: a window is cut so that the visit does not overlap an
    absence, and a visit without any window left is not made. What was made before, whatever became of it, is
    left alone, so the command may run again at any time.

    Returns:
        How many visits were made.
    """
    orders = [order for order in _active_orders(session, date, viewer) if is_due(order, date, calendar)]
    absences = _absences(session, date, calendar, viewer)
    known = _known_visits(session, date, viewer)
    expansions = [
        Expansion(
            order,
            day=date,
            calendar=calendar,
            absences=absences.get(order.patient_id, ()),
            known=known.get(order.id),
        )
        for order in orders
    ]
    made = [visit for expansion in expansions for visit in expansion.visits]
    if not made:
        return 0
    session.add_all(made)
    session.flush()  # links name visits by id only
    session.add_all(link for expansion in expansions for link in expansion.links)
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="make_visits",
        subject_kind="visit",
        date=date.isoformat(),
        count=len(made),
    )
    return len(made)


def add_visit(
    session: Session,
    *,
    patient_id: UUID,
    title: str,
    windows: Sequence[Interval],
    minutes: int,
    services: Sequence[Mapping[str, int]] = ({},),
    priority: int = 2,
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
) -> Visit:
    """Enter one visit by hand, without a care order.

    Args:
        session: An open transaction.
        patient_id: Who is visited.
        title: What is done.
        windows: First and last allowed start, alternatives; all begin on one local day, which is the visit's.
        minutes: Care time.
        services: Of each nurse: skill's code to least grade.
        priority: From 1 (may be left out) to 4 (must never be).
        calendar: Says which local day it is.
        viewer: Who enters it.
        now: This moment.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        HomeUnknown: Nobody has said where the patient lives.
        EmptyName: The title is empty.
        NaiveDatetime: A window has no zone.
        ImpossibleWindow: There is none, one ends before it begins or is over, or they lie on different days.
        ImpossibleCare: Care time, number of nurses or priority are out of range.
        UnknownSkill: A code names no skill.
        ImpossibleGrade: A grade is not from 1 to 4.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    require_home(session, patient)
    name = require_name("the visit", title)
    day = _day_of(windows, calendar, now)
    for label, value, most in (
        ("minutes of care", minutes, _LONGEST_MINUTES),
        ("number of nurses", len(services), _MOST_NURSES),
        ("priority", priority, 4),
    ):
        if not 1 <= value <= most:
            raise ImpossibleCare(f"{label} {value}: write a whole number from 1 to {most}")
    require_skills(session, services)
    visit = Visit(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        patient_id=patient.id,
        patient=patient,
        status=AppointmentStatus.PROPOSED,
        title=name,
        date=day,
        occurrence=0,
        duration_s=60 * minutes,
        priority=priority,
        windows=[VisitWindow(earliest=earliest, latest=latest) for earliest, latest in merged(windows)],
        services=[
            Service(
                id=uuid4(),
                number=number,
                skills=[ServiceSkill(skill_code=code, grade=grade) for code, grade in sorted(skills.items())],
            )
            for number, skills in enumerate(services)
        ],
    )
    session.add(visit)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_visit", subject=visit)
    return visit


def cancel_visit(session: Session, *, visit_id: UUID, because: str, viewer: Viewer, now: datetime) -> Visit:
    """Call a visit off; if it was promised, its nurses are free then.

    Two people may press the button at once: the update itself is the check. A tour keeps the stop, and
    publishing a proposed tour with a cancelled visit is refused.

    Args:
        session: An open transaction.
        visit_id: Which visit.
        because: A code, see `careapp.appointments.cancellation`.
        viewer: Who cancels.
        now: This moment.

    Raises:
        VisitNotFound: No visit has this id, or not for this viewer.
        UnknownReason: `because` is no known code.
        VisitCarriesBooking: A doctor waits for this visit: cancel or move the booking first.
        VisitEnded: It was cancelled before, or is over.
    """
    require_reason(because)
    visit = get_visit(session, visit_id=visit_id, viewer=viewer, to_change=True)
    cancelled = session.execute(
        update(Appointment)
        .where(
            Appointment.id == visit_id,
            Appointment.status.in_([AppointmentStatus.PROPOSED, AppointmentStatus.BOOKED]),
        )
        .values(status=AppointmentStatus.CANCELLED, cancelled_because=because)
        .returning(Appointment.id),
        execution_options={"synchronize_session": False},
    ).scalar_one_or_none()
    if cancelled is None:
        raise VisitEnded(f"visit {visit_id} was cancelled before, or is over")
    booking = session.scalars(
        select(Booking.id).where(Booking.visit_id == visit_id, Booking.status.in_(PROMISED))
    ).first()
    if booking is not None:
        raise VisitCarriesBooking(
            f"booking {booking} takes place during visit {visit_id}: cancel or move the booking first"
        )
    record_change(session, Visit, visit_id)
    session.refresh(visit, ["status", "cancelled_because"])
    release(session, appointment_id=visit_id)
    end_help_of(session, visit_id=visit_id, viewer=viewer, now=now)
    audit.record(session, viewer=viewer, now=now, action="cancel_visit", subject=visit, because=because)
    outbox.send(session, topic="visit-cancelled", payload={"visit": str(visit_id)}, now=now)
    return visit


def remove_visit(session: Session, *, visit_id: UUID, viewer: Viewer, now: datetime) -> None:
    """Forget a visit that nobody was promised; its documents' history stays.

    Raises:
        VisitNotFound: No visit has this id, or not for this viewer.
        VisitStands: It is promised or was, is in a plan, or would be made again from its care order.
    """
    visit = get_visit(session, visit_id=visit_id, viewer=viewer, to_change=True)
    if visit.care_order_id is not None or visit.status not in _MAY_GO:
        raise VisitStands(f"visit {visit_id} stands in an order or a tour: cancel it instead")
    refers = (
        select(Stop.id).where(Stop.visit_id == visit_id),
        select(UnassignedVisit.visit_id).where(UnassignedVisit.visit_id == visit_id),
        select(Booking.id).where(Booking.visit_id == visit_id),
        select(VisitLink.first_id).where(
            or_(VisitLink.first_id == visit_id, VisitLink.second_id == visit_id)
        ),
    )
    if any(session.scalars(each.limit(1)).first() is not None for each in refers):
        raise VisitStands(f"visit {visit_id} is planned or linked: cancel it instead")
    audit.record(session, viewer=viewer, now=now, action="remove_visit", subject=visit)
    services = [service.id for service in visit.services]
    session.execute(delete(ServiceSkill).where(ServiceSkill.service_id.in_(services)))
    session.execute(delete(Service).where(Service.visit_id == visit_id))
    session.execute(delete(VisitWindow).where(VisitWindow.visit_id == visit_id))
    session.expire(visit, ["services", "windows"])
    close_records_of(session, appointment_id=visit.id, viewer=viewer, now=now, forgets=True)
    session.delete(visit)
    session.flush()


def _active_orders(session: Session, day: date, viewer: Viewer) -> Sequence[CareOrder]:
    # The lock makes a second expansion of the same day wait, and then see what the first has made.
    statement = (
        select(CareOrder)
        .join(CareOrder.patient)
        .join(CareOrder.care_plan)
        .where(
            CareOrder.is_active,
            CarePlan.is_active,
            Patient.is_active,
            CareOrder.first_date <= day,
            CareOrder.last_date.is_(None) | (CareOrder.last_date >= day),
        )
        .order_by(CareOrder.id)
        .options(
            contains_eager(CareOrder.patient),
            contains_eager(CareOrder.care_plan),
            selectinload(CareOrder.windows),
            selectinload(CareOrder.skills),
        )
        .with_for_update(of=CareOrder)
    )
    return session.scalars(visible(statement, viewer, CareOrder)).all()


def _absences(session: Session, day: date, calendar: Calendar, viewer: Viewer) -> dict[UUID, list[Interval]]:
    starts_at, ends_at = calendar.day(day)
    rows = session.execute(
        visible(
            select(Patient.id, Absence.starts_at, Absence.ends_at)
            .join(Absence, Absence.patient_id == Patient.id)
            .where(
                Absence.ends_at > starts_at,
                # A visit may start before midnight and last into the next day.
                Absence.starts_at < ends_at + (ends_at - starts_at),
            )
            .order_by(Absence.starts_at),
            viewer,
            Absence,
        )
    )
    found: dict[UUID, list[Interval]] = {}
    for patient_id, absent_from, absent_until in rows:
        found.setdefault(patient_id, []).append((absent_from, absent_until))
    return found


def _known_visits(session: Session, day: date, viewer: Viewer) -> dict[UUID, dict[int, KnownVisit]]:
    rows = session.execute(
        visible(
            select(CareOrder.id, Visit.occurrence, Visit.id, Visit.status)
            .join(Visit, Visit.care_order_id == CareOrder.id)
            .where(Visit.date == day),
            viewer,
            Visit,
        )
    )
    found: dict[UUID, dict[int, KnownVisit]] = {}
    for order_id, occurrence, visit_id, status in rows:
        visit = KnownVisit(visit_id, is_cancelled=status == AppointmentStatus.CANCELLED)
        found.setdefault(order_id, {})[occurrence] = visit
    return found


def _day_of(windows: Sequence[Interval], calendar: Calendar, now: datetime) -> date:
    for earliest, latest in windows:
        refuse_naive(earliest)
        refuse_naive(latest)
        if latest < earliest:
            raise ImpossibleWindow("a window ends before it begins: give a later end")
        if latest < now:
            raise ImpossibleWindow(f"the window until {latest.isoformat()} is over: give a later one")
    days = {calendar.local_date(earliest) for earliest, _ in windows}
    if len(days) != 1:
        raise ImpossibleWindow("give at least one window, and let all begin on the same local day")
    return days.pop()
