"""Change care orders. Each function is one use case; none commits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import pairwise
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.errors import Conflict, Invalid
from careapp.orders.models import CareOrder, CareOrderSkill, CareOrderWindow, CarePlan, OnHolidays
from careapp.orders.queries import get_care_plan, get_order
from careapp.organisations.commands import require_name
from careapp.people.homes import require_home
from careapp.people.models import Patient
from careapp.people.queries import get_patient
from careapp.people.skills import require_skills
from careapp.records import audit
from careapp.recurrence import validate

_MINUTES = range(1, 481)
_NURSES = range(1, 5)
_PRIORITIES = range(1, 5)


class ImpossibleWindow(Invalid):
    """A visit could never start in one of the windows asked for."""


class ImpossibleGap(Invalid):
    """The gap between an order's visits excludes its windows, or itself."""


class OrderOfAnother(Invalid):
    """A care plan and an order are two patients'."""


class ImpossibleCare(Invalid):
    """Care time, number of nurses, priority or dates are out of range."""


class PatientLeft(Conflict):
    """The patient is no longer in care."""


class OrderEnded(Conflict):
    """The order ends earlier already."""


@dataclass(frozen=True, order=True)
class StartWindow:
    """When a visit of an order may start, in local time; closed at both ends.

    Attributes:
        occurrence: Which visit of the day, from 0. Windows of the same occurrence are alternatives.
        earliest: First allowed start.
        latest: Last allowed start, of the same day.
    """

    occurrence: int
    earliest: time
    latest: time


@dataclass(frozen=True)
class NewOrder:
    """What a care order asks for.

    Attributes:
        title: What is done, e.g. "Wundversorgung".
        recurrence: RFC 5545 RRULE without DTSTART, in local dates.
        first_date: First day on which it may occur.
        minutes: Care time of one visit.
        windows: When its visits may start.
        skills: Of each nurse, first to last: code to least grade. Nurses beyond the list need none.
        last_date: Last day, included; None for no end.
        nurses: How many are there at the same time.
        priority: 1 may be left out when a day is short, 4 must never be.
        on_holidays: What becomes of it on a public holiday.
        min_gap_minutes: Least time between the starts of consecutive visits of a day.
        max_gap_minutes: Greatest time between them.
    """

    title: str
    recurrence: str
    first_date: date
    minutes: int
    windows: Sequence[StartWindow]
    skills: Sequence[dict[str, int]] = field(default_factory=tuple)
    last_date: date | None = None
    nurses: int = 1
    priority: int = 2
    on_holidays: OnHolidays = OnHolidays.AS_USUAL
    min_gap_minutes: int | None = None
    max_gap_minutes: int | None = None


def add_order(
    session: Session,
    *,
    patient_id: UUID,
    order: NewOrder,
    care_plan_id: UUID | None = None,
    viewer: Viewer,
    now: datetime,
) -> CareOrder:
    """Order care for a patient, under the active care plan; the first order opens one.

    Args:
        session: An open transaction.
        patient_id: Who receives the care.
        order: What is done, and when.
        care_plan_id: Under which care plan; None: the patient's newest.
        viewer: Who orders.
        now: This moment.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        PatientLeft: The patient is no longer in care.
        HomeUnknown: Nobody has said where the patient lives.
        EmptyName: The title is empty.
        InvalidRecurrence: The recurrence is not understood.
        ImpossibleCare: Care time, number of nurses, priority or dates are out of range.
        ImpossibleWindow: A visit could never start in a window.
        ImpossibleGap: The gaps exclude the windows, or each other.
        UnknownSkill: A code names no skill.
        ImpossibleGrade: A grade is not from 1 to 4.
        CarePlanNotFound: No care plan has this id, or not for this viewer.
        OrderOfAnother: The care plan is another patient's.
    """
    patient = get_patient(session, patient_id=patient_id, viewer=viewer, to_change=True)
    if not patient.is_active:
        raise PatientLeft(f"patient {patient_id} is no longer in care: take the patient in again first")
    require_home(session, patient)
    title = require_possible(session, order)
    if care_plan_id is None:
        care_plan = _care_plan(session, patient, order)
    else:
        care_plan = get_care_plan(session, care_plan_id=care_plan_id, viewer=viewer, to_change=True)
        if care_plan.patient_id != patient_id:
            raise OrderOfAnother(f"care plan {care_plan_id} is another patient's: name one of this patient")
    row = CareOrder(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        organisation=patient.organisation,
        care_plan_id=care_plan.id,
        care_plan=care_plan,
        patient_id=patient.id,
        patient=patient,
        title=title,
        recurrence=order.recurrence.strip().upper(),
        first_date=order.first_date,
        last_date=order.last_date,
        on_holidays=order.on_holidays,
        minutes=order.minutes,
        nurses=order.nurses,
        priority=order.priority,
        min_gap_minutes=order.min_gap_minutes,
        max_gap_minutes=order.max_gap_minutes,
        is_active=True,
        windows=[
            CareOrderWindow(occurrence=window.occurrence, earliest=window.earliest, latest=window.latest)
            for window in sorted(order.windows)
        ],
        skills=[
            CareOrderSkill(nurse_number=number, skill_code=code, grade=grade)
            for number, skills in enumerate(order.skills)
            for code, grade in sorted(skills.items())
        ],
    )
    session.add(row)
    session.flush()
    audit.record(session, viewer=viewer, now=now, action="add_order", subject=row)
    return row


def require_possible(session: Session, order: NewOrder) -> str:
    """Refuse an order that could never be carried out.

    Returns:
        Its title without spaces around it.

    Raises:
        Invalid: As in `add_order`.
    """
    title = require_name("the order", order.title)
    validate(order.recurrence)
    _refuse_impossible_care(order)
    _refuse_impossible_windows(order)
    _refuse_impossible_gaps(order)
    require_skills(session, order.skills)
    return title


def end_order(
    session: Session, *, order_id: UUID, last_date: date, viewer: Viewer, now: datetime
) -> CareOrder:
    """Let a care order end with a day; visits that were made for later days stay until they are cancelled.

    A day before the first stands for "never": the order becomes inactive.

    Raises:
        OrderNotFound: No care order has this id, or not for this viewer.
        OrderEnded: It ends earlier already.
    """
    order = get_order(session, order_id=order_id, viewer=viewer, to_change=True)
    if not order.is_active or (order.last_date is not None and order.last_date < last_date):
        raise OrderEnded(f"care order {order_id} ends earlier already: enter a new one to go on")
    if last_date < order.first_date:
        order.is_active = False
    else:
        order.last_date = last_date
    session.flush()
    audit.record(
        session,
        viewer=viewer,
        now=now,
        action="end_order",
        subject=order,
        last_date=last_date.isoformat(),
    )
    return order


def _refuse_impossible_care(order: NewOrder) -> None:
    for name, value, allowed in (
        ("minutes of care", order.minutes, _MINUTES),
        ("number of nurses", order.nurses, _NURSES),
        ("priority", order.priority, _PRIORITIES),
    ):
        if value not in allowed:
            raise ImpossibleCare(f"{name} {value}: write a whole number from {allowed[0]} to {allowed[-1]}")
    if len(order.skills) > order.nurses:
        raise ImpossibleCare(
            f"skills are given for {len(order.skills)} nurses, but {order.nurses} come: add nurses"
        )
    if order.last_date is not None and order.last_date < order.first_date:
        raise ImpossibleCare("the last date lies before the first: give a later one, or none")


def _refuse_impossible_windows(order: NewOrder) -> None:
    numbers = sorted({window.occurrence for window in order.windows})
    if numbers != list(range(len(numbers))) or not numbers:
        raise ImpossibleWindow("give each visit of the day a window, and number the visits 0, 1, 2, ...")
    for window in order.windows:
        if window.earliest.tzinfo is not None or window.latest.tzinfo is not None:
            raise ImpossibleWindow("windows of an order are local times: leave the offset out")
        if window.latest < window.earliest:
            raise ImpossibleWindow(
                f"the window {window.earliest:%H:%M}-{window.latest:%H:%M} ends before it begins: "
                "it may last until 23:59:59; for care after midnight enter a second order"
            )
    for one, other in pairwise(sorted(order.windows)):
        if one.occurrence == other.occurrence and other.earliest <= one.latest:
            raise ImpossibleWindow(
                f"windows {one.earliest:%H:%M}-{one.latest:%H:%M} and {other.earliest:%H:%M}-"
                f"{other.latest:%H:%M} of visit {one.occurrence} overlap: make them one"
            )


def _refuse_impossible_gaps(order: NewOrder) -> None:
    least, most = order.min_gap_minutes, order.max_gap_minutes
    if least is None and most is None:
        return
    if (least or 0) < 0 or (most is not None and most < (least or 0)):
        raise ImpossibleGap("write the gap's minutes as least and greatest, from 0 up")
    visits: dict[int, list[StartWindow]] = {}
    for window in sorted(order.windows):
        visits.setdefault(window.occurrence, []).append(window)
    if len(visits) == 1:
        raise ImpossibleGap("a gap lies between two visits of a day: give a second visit a window, or no gap")
    for one, other in pairwise(visits.values()):
        smallest = min(_minute(window.earliest) for window in other) - max(
            _minute(window.latest) for window in one
        )
        largest = max(_minute(window.latest) for window in other) - min(
            _minute(window.earliest) for window in one
        )
        if largest < (least or 0) or (most is not None and smallest > most):
            raise ImpossibleGap(
                f"visits {one[0].occurrence} and {other[0].occurrence} start {max(smallest, 0):.0f} to "
                f"{largest:.0f} minutes apart at most: widen the windows or change the gap"
            )


def _minute(clock: time) -> float:
    return 60 * clock.hour + clock.minute + clock.second / 60


def _care_plan(session: Session, patient: Patient, order: NewOrder) -> CarePlan:
    # Newest first: an order belongs to what was agreed last.
    plans = session.scalars(
        select(CarePlan)
        .where(CarePlan.patient_id == patient.id, CarePlan.is_active)
        .order_by(CarePlan.first_date.desc(), CarePlan.id)
    )
    for plan in plans:
        if plan.last_date is None or plan.last_date >= order.first_date:
            return plan
    plan = CarePlan(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        organisation=patient.organisation,
        patient_id=patient.id,
        patient=patient,
        title="Pflegevertrag",
        first_date=order.first_date,
        is_active=True,
    )
    session.add(plan)
    return plan
