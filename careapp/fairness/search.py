"""Look through all doctors of a specialty and propose their times in a fair order. Reads only."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from careapp.access import Viewer, visible
from careapp.assisted.needs import AssistedOffer
from careapp.assisted.needs import Need as AssistedNeed
from careapp.assisted.search import find_assisted
from careapp.calendar import Calendar
from careapp.circles import CALLED_OFF
from careapp.config import Settings
from careapp.consultations.hours import offers
from careapp.consultations.models import Booking, ConsultationCode, Schedule, Slot
from careapp.consultations.times import Offer
from careapp.coverage.judging import Link
from careapp.coverage.queries import expected_link
from careapp.db import refuse_naive
from careapp.errors import Invalid, Unavailable
from careapp.fairness.ranking import Candidate, Need, Reason, rank
from careapp.organisations.models import Place
from careapp.people.models import Patient, Role
from careapp.people.queries import get_patient
from careapp.people.rules import require_specialty
from routing.errors import InvalidTravel
from routing.travel import Coordinates

LONGEST_PERIOD = timedelta(days=28)
A_DAY = 3
"""So many times of one doctor on one day are proposed at most, of each sort."""
APART = timedelta(minutes=30)
"""And so far from each other: who cannot come at nine can hardly come at five past."""
MOST_ASSISTED = 200


class Sort(StrEnum):
    """What a time is."""

    VIDEO = "video"
    """With the patient alone."""
    ASSISTED = "assisted"
    """A nurse comes for it."""
    ON_VISIT = "on-visit"
    """During a visit that takes place anyway."""


class PeriodImpossible(Invalid):
    """The period of a search is empty or too long."""


class NothingWanted(Invalid):
    """Neither a doctor nor a specialty is named."""


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for.

    Attributes:
        patient_id: For whom.
        starts: First moment of the period that is looked through.
        ends: The moment after its last.
        specialty: Code of IHE-D's `AerztlicheFachrichtungen`; None: of the doctor.
        doctor_id: A doctor's role; None: any of the specialty.
        need: How much it is needed, as a person has judged it.
        sorts: What would do.
        skills: Skill's code to least grade, of a nurse who comes for it.
        most: How many proposals to return at most.
    """

    patient_id: UUID
    starts: datetime
    ends: datetime
    specialty: str | None = None
    doctor_id: UUID | None = None
    need: Need = Need.ROUTINE
    sorts: frozenset[Sort] = frozenset(Sort)
    skills: Mapping[str, int] | None = None
    most: int = 20


@dataclass(frozen=True)
class Proposal:
    """A time that is proposed.

    Attributes:
        sort: What it is.
        schedule: Whose, with doctor and practice.
        starts_at: When the video begins.
        ends_at: When it ends.
        kind_id: Which kind of consultation, to book it by time.
        slot_id: A stored slot, to book it by id; None: by time.
        assisted: All about nurse and visit; None without a nurse.
        reasons: Why it stands where it stands.
    """

    sort: Sort
    schedule: Schedule
    starts_at: datetime
    ends_at: datetime
    kind_id: UUID | None
    slot_id: UUID | None = None
    assisted: AssistedOffer | None = None
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        patient: For whom.
        proposals: In a fair order.
        follow_up: The first that takes place during a nurse's visit; None if there is none.
        considered: How many times there were.
        link: What the home's link is likely to carry.
        nurses_unknown: Nobody could say where nurses could come: roads could not be asked.
    """

    patient: Patient
    proposals: list[Proposal]
    follow_up: Proposal | None
    considered: int
    link: Link
    nurses_unknown: bool


def search_consultations(
    session: Session,
    *,
    wanted: Wanted,
    lot: str,
    viewer: Viewer,
    now: datetime,
    calendar: Calendar,
    settings: Settings,
) -> Found:
    """Propose times with any doctor who offers them, whichever practice asks.

    Neither who pays nor how long it lasts is looked at. A nurse is proposed only to her own service's
    patients, and only if the home is known.

    Args:
        session: An open transaction.
        wanted: What is looked for.
        lot: From which equals are drawn: the decision's id.
        viewer: Who looks.
        now: This moment.
        calendar: Local days.
        settings: Name the roads and the network that counts.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        PeriodImpossible: The period is empty or longer than `LONGEST_PERIOD`.
        NothingWanted: Neither a doctor nor a specialty is named.
        ImpossibleSpecialty: The specialty's form is wrong.
        UnknownSkill: A code names no skill.
    """
    _refuse_impossible(wanted)
    patient = get_patient(session, patient_id=wanted.patient_id, viewer=viewer)
    home = patient.home
    schedules = _schedules(session, wanted, viewer)
    found = _alone(session, wanted, schedules, viewer=viewer, now=now, calendar=calendar)
    nurses_unknown = False
    if home is not None and viewer.organisation_id in {None, patient.organisation_id}:
        try:
            found += _with_nurse(
                session, wanted, schedules, viewer=viewer, now=now, calendar=calendar, settings=settings
            )
        except Unavailable:  # of roads: doctors alone can still be proposed
            nurses_unknown = True
    known = _known_doctors(session, wanted.patient_id, viewer)
    ranked = rank(
        [_candidate(each, known) for each in found],
        home=_point(home),
        need=wanted.need,
        now=now,
        lot=lot,
    )
    ordered = [replace(found[each.number], reasons=each.reasons) for each in ranked]
    on_visit = [each for each in ordered if each.sort is Sort.ON_VISIT]
    return Found(
        patient,
        spread(ordered, calendar, most=wanted.most),
        min(on_visit, key=lambda each: each.starts_at, default=None),
        len(found),
        expected_link(session, place=home, now=now, operator=settings.coverage_operator),
        nurses_unknown,
    )


def spread(ordered: Iterable[Proposal], calendar: Calendar, *, most: int) -> list[Proposal]:
    """Return the first of a list, leaving out what is nearly the same as one before it.

    Args:
        ordered: In a fair order, which stays.
        calendar: Local days.
        most: How many to return at most.
    """
    chosen: list[Proposal] = []
    taken: dict[object, list[datetime]] = {}
    for each in ordered:
        if len(chosen) == most:
            break
        alike = taken.setdefault((each.schedule.id, each.sort, calendar.local_date(each.starts_at)), [])
        if len(alike) < A_DAY and all(abs(each.starts_at - other) >= APART for other in alike):
            alike.append(each.starts_at)
            chosen.append(each)
    return chosen


def _refuse_impossible(wanted: Wanted) -> None:
    refuse_naive(wanted.starts)
    refuse_naive(wanted.ends)
    if not timedelta() < wanted.ends - wanted.starts <= LONGEST_PERIOD:
        raise PeriodImpossible(
            f"give a period that ends after its start, of {LONGEST_PERIOD.days} days at most"
        )
    if wanted.specialty is None and wanted.doctor_id is None:
        raise NothingWanted("name a doctor or a specialty")
    if wanted.specialty is not None:
        require_specialty(wanted.specialty)


def _schedules(session: Session, wanted: Wanted, viewer: Viewer) -> dict[UUID, Schedule]:
    statement = (
        select(Schedule)
        .where(Schedule.is_active)
        .options(
            joinedload(Schedule.role).options(joinedload(Role.practitioner), joinedload(Role.base)),
            joinedload(Schedule.organisation),
        )
    )
    if wanted.specialty is not None:
        statement = statement.where(Schedule.specialty == wanted.specialty)
    if wanted.doctor_id is not None:
        statement = statement.where(Schedule.role_id == wanted.doctor_id)
    return {row.id: row for row in session.scalars(visible(statement, viewer, Schedule))}


def _alone(
    session: Session,
    wanted: Wanted,
    schedules: Mapping[UUID, Schedule],
    *,
    viewer: Viewer,
    now: datetime,
    calendar: Calendar,
) -> list[Proposal]:
    if Sort.VIDEO not in wanted.sorts or not schedules:
        return []
    times: Sequence[Offer] = offers(
        session,
        starts=wanted.starts,
        ends=wanted.ends,
        calendar=calendar,
        viewer=viewer,
        now=now,
        schedule_ids=list(schedules),
        code=ConsultationCode.VIDEO,
        patient_id=wanted.patient_id,
    )
    return [
        Proposal(Sort.VIDEO, schedules[each.schedule_id], each.starts_at, each.ends_at, each.kind_id)
        for each in times
    ]


def _with_nurse(
    session: Session,
    wanted: Wanted,
    schedules: Mapping[UUID, Schedule],
    *,
    viewer: Viewer,
    now: datetime,
    calendar: Calendar,
    settings: Settings,
) -> list[Proposal]:
    if not wanted.sorts & {Sort.ASSISTED, Sort.ON_VISIT} or not schedules:
        return []
    need = AssistedNeed(
        patient_id=wanted.patient_id,
        starts=wanted.starts,
        ends=wanted.ends,
        schedule_ids=tuple(schedules),
        skills=dict(wanted.skills or {}),
        level=int(wanted.need),
        most=MOST_ASSISTED,
    )
    found = find_assisted(session, need=need, viewer=viewer, now=now, calendar=calendar, settings=settings)
    proposals = [
        Proposal(
            Sort.ASSISTED if each.visit_id is None else Sort.ON_VISIT,
            schedules[each.schedule_id],
            each.starts_at,
            each.ends_at,
            each.kind_id,
            each.slot_id,
            each,
        )
        for each in found
    ]
    return [each for each in proposals if each.sort in wanted.sorts]


def _known_doctors(session: Session, patient_id: UUID, viewer: Viewer) -> set[UUID]:
    bookings = (
        select(Schedule.practitioner_id)
        .select_from(Booking)
        .join(Slot, Slot.id == Booking.slot_id)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(Booking.patient_id == patient_id, Booking.status.not_in(CALLED_OFF))
    )
    return set(session.scalars(visible(bookings, viewer, Booking)))


def _candidate(proposal: Proposal, known: set[UUID]) -> Candidate:
    """Return what counts of a time; its end does not."""
    schedule, assisted = proposal.schedule, proposal.assisted
    extra_s = 0
    if assisted is not None:
        extra_s = assisted.reasons.get("tour", 0) if assisted.extra_s is None else assisted.extra_s
    return Candidate(
        key=f"{schedule.id} {proposal.starts_at.isoformat()}",
        variant=str(proposal.kind_id or proposal.slot_id),
        starts_at=proposal.starts_at,
        practice=_point(schedule.role.base),
        extra_s=extra_s,
        is_there_anyway=proposal.sort is Sort.ON_VISIT,
        nurse_comes=proposal.sort is Sort.ASSISTED,
        moves_others=assisted is not None and bool(assisted.moved),
        is_known=schedule.practitioner_id in known,
    )


def _point(place: Place | None) -> Coordinates | None:
    if place is None:
        return None
    try:
        return Coordinates(place.latitude, place.longitude)
    except InvalidTravel:  # nobody knows where; 0, 0 stands for that
        return None
