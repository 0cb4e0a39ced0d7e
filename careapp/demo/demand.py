"""The demo region's patients and their care orders, drawn until a service's first day is full."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta

from careapp.calendar import Calendar
from careapp.demo.care import CATHETER, COUNSELLING, PROFILES, Kind, Profile
from careapp.demo.geography import Area
from careapp.demo.maker import Maker
from careapp.demo.staff import Post
from careapp.orders.models import CareOrder, CareOrderSkill, CareOrderWindow, CarePlan
from careapp.organisations.models import Organisation
from careapp.people.models import Absence, Patient
from careapp.visits.expansion import is_due

_NEEDS_COUNSELLING = 0.15
_NEEDS_CATHETER = 0.04
_ABSENT = 0.03
_ABSENT_AT_ONCE = 0.4
_MOST_MISSES = 12
"""So often in a row a profile may give no visit on the first day before it is given up."""

_LATEST_MINUTE = 24 * 60 - 1


@dataclass(frozen=True)
class Case:
    """A patient's rows.

    Attributes:
        patient: With home.
        orders: Under one care plan.
        absences: When the patient is in hospital.
        visits: How many visits the orders make on the first day.
    """

    patient: Patient
    orders: list[CareOrder]
    absences: list[Absence] = field(default_factory=list)
    visits: int = 0


class Demand:
    """Draws the patients of one service."""

    def __init__(
        self,
        maker: Maker,
        organisation: Organisation,
        area: Area,
        roster: list[Post],
        *,
        first_date: date,
        calendar: Calendar,
    ) -> None:
        """Prepare for a service.

        Args:
            maker: Draws.
            organisation: The service.
            area: Where its patients live.
            roster: Decides which profiles can be served at all.
            first_date: The day that is to be filled.
            calendar: Its holidays and hours.
        """
        self._maker = maker
        self._organisation = organisation
        self._area = area
        self._first_date = first_date
        self._calendar = calendar
        early = sum(post.is_early for post in roster)
        self._profiles = [
            profile
            for profile in PROFILES
            if (early > 1 or not profile.needs_pair) and (early < len(roster) or not profile.needs_late)
        ]

    def hard_case(self, kind: Kind) -> Case:
        """Draw a patient whose daily care nobody can give."""
        patient = self._maker.patient(self._organisation, self._area.a_home(self._maker.random))
        return Case(patient, [self._order(self._care_plan(patient), kind)], visits=len(kind.times))

    def cases(self, visits: int) -> Iterator[Case]:
        """Draw patients until the first day has so many visits: next is the profile that lacks most."""
        shares = sum(profile.share for profile in self._profiles)
        found: Counter[Profile] = Counter()
        misses: Counter[Profile] = Counter()
        left = visits
        while left > 0:
            fitting = [
                profile
                for profile in self._profiles
                if misses[profile] < _MOST_MISSES and _size(profile) <= left
            ]
            if not fitting:
                return
            profile = max(fitting, key=lambda each: each.share / shares * visits - found[each])
            case = self._case(profile, left)
            found[profile] += case.visits
            left -= case.visits
            misses[profile] = 0 if case.visits else misses[profile] + 1
            yield case

    def _case(self, profile: Profile, most: int) -> Case:
        random = self._maker.random
        patient = self._maker.patient(self._organisation, self._area.a_home(random))
        plan = self._care_plan(patient)
        orders = [self._order(plan, kind) for kind in profile.kinds]
        visits = sum(self._visits(order) for order in orders)
        for share, kind in ((_NEEDS_COUNSELLING, COUNSELLING), (_NEEDS_CATHETER, CATHETER)):
            if random.random() < share and visits + len(kind.times) <= most:
                extra = self._order(plan, kind)
                orders.append(extra)
                visits += self._visits(extra)
        if random.random() >= _ABSENT:
            return Case(patient, orders, visits=visits)
        is_absent_at_once = random.random() < _ABSENT_AT_ONCE
        absence = self._absence(patient, is_absent_at_once=is_absent_at_once)
        return Case(patient, orders, [absence], visits=0 if is_absent_at_once else visits)

    def _visits(self, order: CareOrder) -> int:
        occurrences = {window.occurrence for window in order.windows}
        return len(occurrences) if is_due(order, self._first_date, self._calendar) else 0

    def _care_plan(self, patient: Patient) -> CarePlan:
        return CarePlan(
            id=self._maker.id("care-plan"),
            organisation_id=patient.organisation_id,
            organisation=patient.organisation,
            patient_id=patient.id,
            patient=patient,
            title="Pflegevertrag",
            first_date=self._first_date - timedelta(days=self._maker.random.randrange(30, 700)),
            is_active=True,
        )

    def _order(self, plan: CarePlan, kind: Kind) -> CareOrder:
        random = self._maker.random
        least, most = kind.minutes
        return CareOrder(
            id=self._maker.id("care-order"),
            organisation_id=plan.organisation_id,
            organisation=plan.organisation,
            care_plan_id=plan.id,
            care_plan=plan,
            patient_id=plan.patient_id,
            patient=plan.patient,
            title=kind.title,
            recurrence=random.choice(kind.recurrences),
            first_date=plan.first_date,
            on_holidays=kind.on_holidays,
            minutes=random.randrange(least, most + 1, 5),
            nurses=len(kind.skills),
            priority=kind.priority,
            min_gap_minutes=kind.min_gap_minutes,
            is_active=True,
            windows=[self._window(number, kind) for number in range(len(kind.times))],
            skills=[
                CareOrderSkill(nurse_number=number, skill_code=code, grade=grade)
                for number, skills in enumerate(kind.skills)
                for code, grade in sorted(skills.items())
            ],
        )

    def _window(self, number: int, kind: Kind) -> CareOrderWindow:
        wanted = kind.times[number]
        first, last = wanted.earliest
        earliest = self._maker.random.randrange(first, last + 1, 30)
        return CareOrderWindow(
            occurrence=number, earliest=_clock(earliest), latest=_clock(earliest + wanted.width)
        )

    def _absence(self, patient: Patient, *, is_absent_at_once: bool) -> Absence:
        random = self._maker.random
        begins = -random.randrange(1, 6) if is_absent_at_once else random.randrange(3, 25)
        lasts = random.randrange(7, 15)
        first, last = (self._first_date + timedelta(days=days) for days in (begins, begins + lasts))
        return Absence(
            id=self._maker.id("absence"),
            organisation_id=patient.organisation_id,
            patient_id=patient.id,
            starts_at=self._calendar.at(first, time(10)),
            ends_at=self._calendar.at(last, time(16)),
        )


def _size(profile: Profile) -> int:
    return sum(len(kind.times) for kind in profile.kinds)


def _clock(minute: int) -> time:
    hours, minutes = divmod(min(minute, _LATEST_MINUTE), 60)
    return time(hours, minutes)
