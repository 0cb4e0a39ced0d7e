"""Fill an empty database with the demo region."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from itertools import cycle, islice, pairwise
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.calendar import Calendar
from careapp.demo.care import FORBIDDEN, HARD_KINDS, SKILLS, Kind
from careapp.demo.demand import Case, Demand
from careapp.demo.facts import Facts, MunicipalityFact, read_facts
from careapp.demo.geography import Area, a_base, choose_towns
from careapp.demo.maker import Maker
from careapp.demo.practices import found_practices, practice_towns
from careapp.demo.staff import Nurse, hire, posts
from careapp.errors import Conflict, Invalid
from careapp.organisations.commands import RegionWideOnly
from careapp.organisations.models import Municipality, Organisation, OrganisationKind, PlaceKind
from careapp.people.models import Absence, Preference, PreferenceKind, Skill
from careapp.records import audit
from careapp.records.models import AuditEvent

NURSES_PER_SERVICE = 5
VISITS_PER_HARD_VISIT = 100

_LEAST_PRACTICES = 3
_PREFERS = 0.15
_FORBIDS = 0.03
_ON_HOLIDAY = 0.06
_ACTION = "build_region"
_NAMES = (
    "Lindenhof",
    "Talblick",
    "Haus am Bach",
    "Abendsonne",
    "Nordhang",
    "Buchenhain",
    "Am Stadttor",
    "Regenbogen",
    "Drei Linden",
    "Silberbach",
)

Progress = Callable[[float, str], None]


class DemoRegionExists(Conflict):
    """The database already holds another demo region, or somebody's data."""


class ImpossibleRegion(Invalid):
    """A region of this size cannot be made."""


@dataclass(frozen=True)
class Region:
    """What the demo region holds.

    Attributes:
        seed: Of all chance.
        visits: How many were asked for.
        nurses: On duty each day, but for holidays.
        first_date: The local day that was filled.
        municipalities: All 59.
        care_services: Tenants with nurses.
        practices: Tenants with doctors.
        nurses_employed: Two share each post.
        doctors: With video hours.
        patients: Not all are visited each day.
        care_orders: Of all patients.
        visits_on_first_date: What `make_visits` makes of the orders on the first day.
        hard_visits: Those of them that nobody can do.
    """

    seed: int
    visits: int
    nurses: int
    first_date: date
    municipalities: int = 0
    care_services: int = 0
    practices: int = 0
    nurses_employed: int = 0
    doctors: int = 0
    patients: int = 0
    care_orders: int = 0
    visits_on_first_date: int = 0
    hard_visits: int = 0


def build_region(
    session: Session,
    *,
    seed: int,
    visits: int,
    nurses: int,
    first_date: date,
    calendar: Calendar,
    viewer: Viewer,
    now: datetime,
    on_progress: Progress | None = None,
) -> Region:
    """Make municipalities, services, nurses, patients, care orders and doctors from a seed.

    The same seed, sizes and first date give the same rows with the same ids. If this region is there already,
    whatever its first date, nothing is written.

    Args:
        session: An open transaction.
        seed: Of all chance.
        visits: How many the first day shall have, hit within two per cent.
        nurses: How many shall be on duty each day; twice as many are employed.
        first_date: The local day that is filled; on other weekdays there are somewhat more or fewer visits.
        calendar: Its holidays and hours.
        viewer: Who builds it, for the whole region.
        now: This moment.
        on_progress: Is told which part is done, from 0 to 1, and what comes next.

    Raises:
        RegionWideOnly: The viewer acts for one organisation.
        ImpossibleRegion: There is no visit or no nurse.
        DemoRegionExists: The database holds something else.
    """
    if viewer.organisation_id is not None:
        raise RegionWideOnly("the demo region has many organisations: build it with region-wide rights")
    if visits < 1 or nurses < 1:
        raise ImpossibleRegion("a region needs at least one visit and one nurse: give larger numbers")
    asked = Region(seed, visits, nurses, first_date)
    existing = find_region(session)
    if existing is not None and _is_same(existing, asked):
        return existing
    if existing is not None:
        raise DemoRegionExists(
            f"the database holds the demo region with seed {existing.seed}, {existing.visits} visits and "
            f"{existing.nurses} nurses: name these, or choose an empty data folder or database"
        )
    if session.scalars(select(Organisation.id).limit(1)).first() is not None:
        raise DemoRegionExists(
            "the database holds organisations that are no demo: choose an empty data folder or database"
        )
    region = _Builder(session, asked, calendar, on_progress or _ignore).build()
    detail: dict[str, Any] = asdict(region) | {"first_date": region.first_date.isoformat()}
    audit.record(session, viewer=viewer, now=now, action=_ACTION, subject_kind="region", **detail)
    return region


def find_region(session: Session) -> Region | None:
    """Return what the database's demo region holds, from the record of its making; None if there is none."""
    detail = session.scalars(
        select(AuditEvent.detail).where(AuditEvent.action == _ACTION).order_by(AuditEvent.at).limit(1)
    ).first()
    if detail is None:
        return None
    return Region(**detail | {"first_date": date.fromisoformat(detail["first_date"])})


def _is_same(existing: Region, asked: Region) -> bool:
    return (existing.seed, existing.visits, existing.nurses) == (asked.seed, asked.visits, asked.nurses)


def _ignore(done: float, what: str) -> None:
    del done, what


class _Builder:
    """One making of a region."""

    def __init__(self, session: Session, asked: Region, calendar: Calendar, on_progress: Progress) -> None:
        self._session = session
        self._asked = asked
        self._calendar = calendar
        self._on_progress = on_progress
        self._maker = Maker(asked.seed)
        self._facts: Facts = read_facts()
        self._cases: list[Case] = []

    def build(self) -> Region:
        self._on_progress(0.0, "municipalities")
        self._add_facts()
        asked = self._asked
        count = max(1, round(asked.nurses / NURSES_PER_SERVICE))
        towns = choose_towns(self._facts, count)
        nurses = _even_parts(asked.nurses, [1] * count)
        visits = _even_parts(asked.visits, nurses)
        hard = list(islice(cycle(HARD_KINDS), asked.visits // VISITS_PER_HARD_VISIT))
        for number, town in enumerate(towns):
            self._on_progress(0.05 + 0.85 * number / count, f"care service {number + 1} of {count}")
            self._add_service(number, town, nurses[number], visits[number], hard[number::count])
        self._on_progress(0.9, "practices")
        doctors = self._add_practices(max(_LEAST_PRACTICES, count))
        self._on_progress(1.0, "done")
        made = self._maker.made
        return replace(
            asked,
            municipalities=len(self._facts.municipalities),
            care_services=made[OrganisationKind.CARE_SERVICE.value],
            practices=made[OrganisationKind.PRACTICE.value],
            nurses_employed=made["nurse"],
            doctors=doctors,
            patients=made["patient"],
            care_orders=made["care-order"],
            visits_on_first_date=sum(case.visits for case in self._cases),
            hard_visits=len(hard),
        )

    def _add_facts(self) -> None:
        self._session.add_all(
            Municipality(
                ags=fact.ags,
                name=fact.name,
                district=fact.district,
                population=fact.population,
                latitude=fact.centre.latitude,
                longitude=fact.centre.longitude,
            )
            for fact in self._facts.municipalities
        )
        self._session.add_all(
            Skill(code=code, name_de=name_de, name_en=name_en) for code, (name_de, name_en) in SKILLS.items()
        )
        self._session.flush()

    def _add_service(
        self, number: int, town: MunicipalityFact, nurses: int, visits: int, hard: list[Kind]
    ) -> None:
        maker = self._maker
        name = f"Demo-Pflegedienst {_NAMES[number % len(_NAMES)]} {town.name}"
        service = maker.organisation(OrganisationKind.CARE_SERVICE, name)
        spot = a_base(self._facts, town, maker.random)
        base = maker.place(service, PlaceKind.BASE, spot, name=name)
        area = Area(self._facts, spot.point)
        roster = posts(nurses, population=town.population)
        staff = list(hire(maker, service, base, area, roster, first_date=self._asked.first_date))
        demand = Demand(
            maker, service, area, roster, first_date=self._asked.first_date, calendar=self._calendar
        )
        hard_cases = [demand.hard_case(kind) for kind in hard]
        cases = [*hard_cases, *demand.cases(visits - sum(case.visits for case in hard_cases))]
        self._cases += cases
        self._session.add_all([service, base])
        self._session.add_all(nurse.role for nurse in staff)
        self._session.add_all(case.patient for case in cases)
        self._session.flush()  # what follows names patients and nurses by id only
        self._session.add_all(pattern for nurse in staff for pattern in nurse.patterns)
        self._session.add_all(order for case in cases for order in case.orders)
        self._session.add_all(absence for case in cases for absence in case.absences)
        self._session.add_all(self._holidays(staff))
        self._session.add_all(self._preferences(cases[len(hard) :], staff))
        for kind, case in zip(hard, hard_cases, strict=True):
            if kind is FORBIDDEN:
                self._session.add_all(_forbid_all(case, staff, "wound-care", 4))
        self._session.flush()

    def _holidays(self, staff: list[Nurse]) -> Iterator[Absence]:
        """Send some nurses away, after the first week."""
        random = self._maker.random
        for nurse in staff:
            if random.random() < _ON_HOLIDAY:
                first = date.fromordinal(self._asked.first_date.toordinal() + random.randrange(7, 28))
                last = date.fromordinal(first.toordinal() + random.choice([6, 13]))
                yield Absence(
                    id=self._maker.id("absence"),
                    organisation_id=nurse.role.organisation_id,
                    practitioner_id=nurse.role.practitioner_id,
                    starts_at=self._calendar.day(first)[0],
                    ends_at=self._calendar.day(last)[1],
                )

    def _preferences(self, cases: list[Case], staff: list[Nurse]) -> Iterator[Preference]:
        """Let some patients prefer both nurses of a post, and some refuse one nurse.

        The first post, whose skills others may lack, is refused by nobody.
        """
        random = self._maker.random
        early = [
            (one, other) for one, other in zip(staff[::2], staff[1::2], strict=True) if one.post.is_early
        ]
        for case in cases:
            drawn = random.random()
            if drawn < _PREFERS:
                for nurse in random.choice(early):
                    yield _preference(case, nurse, PreferenceKind.PREFERRED)
            elif drawn < _PREFERS + _FORBIDS and len(early) > 1:
                yield _preference(case, random.choice(random.choice(early[1:])), PreferenceKind.FORBIDDEN)

    def _add_practices(self, count: int) -> int:
        doctors = list(
            found_practices(
                self._maker,
                self._facts,
                practice_towns(self._facts, count),
                first_date=self._asked.first_date,
            )
        )
        self._session.add_all(doctor.schedule for doctor in doctors)
        self._session.flush()
        return len(doctors)


def _preference(case: Case, nurse: Nurse, kind: PreferenceKind) -> Preference:
    return Preference(
        patient_id=case.patient.id,
        role_id=nurse.role.id,
        organisation_id=case.patient.organisation_id,
        kind=kind,
    )


def _forbid_all(case: Case, staff: list[Nurse], skill: str, grade: int) -> Iterator[Preference]:
    for nurse in staff:
        if nurse.post.skills.get(skill, 0) >= grade:
            yield _preference(case, nurse, PreferenceKind.FORBIDDEN)


def _even_parts(total: int, weights: list[int]) -> list[int]:
    """Split a whole number in proportion to weights; the parts add up to it."""
    sums = [0]
    for weight in weights:
        sums.append(sums[-1] + weight)
    edges = [round(total * part / sums[-1]) for part in sums]
    return [last - first for first, last in pairwise(edges)]
