"""Find the times at which a doctor is free and a nurse can be with the patient. Reads only."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.assisted.asking import Carrier, Person, carriers, new_carrier, trial_of
from careapp.assisted.capacity import Capacity, capacities
from careapp.assisted.days import Ground, standing_days
from careapp.assisted.doctors import DoctorTime, doctor_times
from careapp.assisted.needs import AssistedOffer, Basis, Moved, Need
from careapp.assisted.trial import Fit, Trial
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.people.models import Patient
from careapp.people.queries import get_patient
from careapp.people.skills import require_skills
from careapp.tours.standing import Standing

POINTS_A_DAY = {1: 60, 2: 300, 3: 1200, 4: 3600}
"""What a day of waiting counts, by how much the consultation is needed: seconds of driving."""


def find_assisted(
    session: Session, *, need: Need, viewer: Viewer, now: datetime, calendar: Calendar, settings: Settings
) -> list[AssistedOffer]:
    """Return the times at which a doctor is free and a suitable nurse can be there, the best first.

    A visit that the patient has anyway is used where one fits; else a new one is tried. On days whose tours
    stand, each offer is exact for these tours; on days that nobody has planned it says only that enough
    nurses are on duty then.

    Args:
        session: An open transaction.
        need: What is asked for.
        viewer: Who asks.
        now: This moment.
        calendar: Local days.
        settings: Name the roads.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        HomeUnknown: Nobody has said where the patient lives.
        UnknownSkill: A code names no skill.
        ImpossibleGrade: A grade is not from 1 to 4.
        RoadsFailed: The source of travel times gives none.
    """
    patient = get_patient(session, patient_id=need.patient_id, viewer=viewer, to_change=True)
    session.refresh(patient, ["home"])
    require_skills(session, [need.skills])
    ground = Ground(patient.organisation_id, calendar, settings, now)
    times = doctor_times(session, need=need, ground=ground, viewer=viewer)
    if not times:
        return []
    return sorted(_offers(session, patient, times, need, ground), key=_order)[: need.most]


def _order(offer: AssistedOffer) -> tuple[int, datetime, str]:
    return offer.points, offer.starts_at, str(offer.schedule_id)


def _offers(
    session: Session, patient: Patient, times: Sequence[DoctorTime], need: Need, ground: Ground
) -> Iterator[AssistedOffer]:
    by_day: dict[date, list[DoctorTime]] = {}
    for time in times:
        visit_starts = time.starts_at - timedelta(minutes=need.offset_minutes)
        by_day.setdefault(ground.calendar.local_date(visit_starts), []).append(time)
    days = sorted(by_day)
    standing = standing_days(session, days, ground)
    own = carriers(session, need, first=days[0], last=days[-1])
    person = Person.of(session, patient, day=days[0])
    open_days = [day for day in days if day not in standing]
    rough = capacities(session, open_days, need.skills, ground) if open_days else {}
    for day in days:
        search = _DaySearch(need, ground, person, own.get(day, []))
        if day in standing:
            yield from search.exact(standing[day], by_day[day])
        else:
            yield from search.expected(rough[day], by_day[day])


@dataclass(frozen=True)
class _DaySearch:
    need: Need
    ground: Ground
    person: Person
    own: Sequence[Carrier]

    def carriers(self) -> list[Carrier]:
        """The patient's visits first; a new one for the times at which none of them fits."""
        return [*self.own, *([] if self.need.visit_id else [new_carrier(self.need)])]

    def exact(self, standing: Standing, times: Sequence[DoctorTime]) -> Iterator[AssistedOffer]:
        left = list(times)
        for carrier in self.carriers():
            trial = trial_of(standing, carrier, self.person, self.need, self.ground)
            if trial is None or not left:
                continue
            found = dict(_best(trial, carrier, left, self.ground.now))
            left = [time for time in left if time not in found]
            for time, fit in found.items():
                yield exact_offer(time, carrier, fit, trial, self.need, self.person, self.ground)

    def expected(self, capacity: Capacity, times: Sequence[DoctorTime]) -> Iterator[AssistedOffer]:
        left = list(times)
        for carrier in self.carriers():
            for time in list(left):
                start = _expected_start(carrier, capacity, time, self.ground.now)
                if start is not None:
                    left.remove(time)
                    yield expected_offer(time, carrier, start, capacity, self.need, self.ground)


def _expected_start(carrier: Carrier, capacity: Capacity, time: DoctorTime, now: datetime) -> datetime | None:
    for start in carrier.starts(time.starts_at, time.ends_at, now=now):
        if carrier.visit is not None:
            # It is part of the day's demand already, and needs only to start in one of its windows.
            if any(window.earliest <= start <= window.latest for window in carrier.visit.windows):
                return start
        elif capacity.holds(start, carrier.lasts):
            return start
    return None


def _best(
    trial: Trial, carrier: Carrier, times: Iterable[DoctorTime], now: datetime
) -> Iterator[tuple[DoctorTime, Fit]]:
    """Yield the times that fit, each with its cheapest start; the wished one among equals."""
    standing = trial.standing
    starts = {
        time: [standing.seconds(start) for start in carrier.starts(time.starts_at, time.ends_at, now=now)]
        for time in times
    }
    fits = trial.fits(start for those in starts.values() for start in those)
    for time, tried in starts.items():
        found = [fits[start] for start in tried if start in fits]
        if found:
            yield time, min(found, key=cost)


def cost(fit: Fit) -> int:
    """Return what a place in the tours counts: its points, and each second by which others are moved."""
    return fit.points + sum(abs(seconds) for _, seconds in fit.moved)


def exact_offer(
    time: DoctorTime,
    carrier: Carrier,
    fit: Fit,
    trial: Trial,
    need: Need,
    person: Person,
    ground: Ground,
) -> AssistedOffer:
    """Say what a place in the tours of a day means for people."""
    standing = trial.standing
    nurses = [standing.nurses[vehicle] for vehicle in fit.vehicles]
    published = all(nurse.is_published for nurse in nurses)
    reasons = _reasons(time, carrier, need, ground) | {
        "tour": fit.points,
        "moved": sum(abs(seconds) for _, seconds in fit.moved),
    }
    visits: dict[UUID, int] = {}
    for number, seconds in fit.moved:
        visits[standing.visit_ids[number]] = seconds
    starts_at = standing.moment(fit.start)
    return AssistedOffer(
        schedule_id=time.schedule_id,
        slot_id=time.slot_id,
        kind_id=time.kind_id,
        starts_at=time.starts_at,
        ends_at=time.ends_at,
        visit_id=carrier.visit.id if carrier.visit else None,
        visit_starts_at=starts_at,
        visit_ends_at=starts_at + carrier.lasts,
        shift_ids=tuple(nurse.shift_id for nurse in nurses),
        nurse_ids=tuple(nurse.role_id for nurse in nurses),
        basis=Basis.PUBLISHED if published else Basis.PROPOSED,
        extra_s=fit.extra_s,
        extra_m=fit.extra_m,
        moved=tuple(Moved(visit_id, seconds) for visit_id, seconds in visits.items()),
        known_visits=sum(person.visits.get(nurse.practitioner_id, 0) for nurse in nurses),
        points=sum(reasons.values()),
        reasons=reasons,
    )


def expected_offer(
    time: DoctorTime, carrier: Carrier, start: datetime, capacity: Capacity, need: Need, ground: Ground
) -> AssistedOffer:
    """Say that on a day that nobody has planned enough nurses are on duty."""
    way = 0 if carrier.visit else 2 * round(capacity.way.total_seconds())
    reasons = _reasons(time, carrier, need, ground) | {"tour": way}
    return AssistedOffer(
        schedule_id=time.schedule_id,
        slot_id=time.slot_id,
        kind_id=time.kind_id,
        starts_at=time.starts_at,
        ends_at=time.ends_at,
        visit_id=carrier.visit.id if carrier.visit else None,
        visit_starts_at=start,
        visit_ends_at=start + carrier.lasts,
        shift_ids=(),
        nurse_ids=(),
        basis=Basis.EXPECTED,
        extra_s=None,
        extra_m=None,
        moved=(),
        known_visits=None,
        points=sum(reasons.values()),
        reasons=reasons,
    )


def _reasons(time: DoctorTime, carrier: Carrier, need: Need, ground: Ground) -> dict[str, int]:
    today = ground.calendar.local_date(ground.now)
    since = min(need.waiting_since or today, today)
    days = (ground.calendar.local_date(time.starts_at) - since).days
    return {
        "waiting": days * POINTS_A_DAY[need.level],
        "new_visit": 0 if carrier.visit else round(carrier.lasts.total_seconds()),
    }
