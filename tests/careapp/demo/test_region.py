import re
from collections import Counter
from datetime import date, datetime, time, timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from careapp.access import Viewer
from careapp.calendar import Calendar
from careapp.consultations.models import Schedule
from careapp.db import make_sessions
from careapp.demo.care import AT_NIGHT, FORBIDDEN, UNSKILLED
from careapp.demo.facts import Point
from careapp.demo.geography import FARTHEST_KM
from careapp.demo.region import (
    DemoRegionExists,
    ImpossibleRegion,
    Region,
    build_region,
    find_region,
)
from careapp.models import METADATA
from careapp.orders.models import CareOrder, CareOrderWindow
from careapp.organisations.commands import RegionWideOnly
from careapp.organisations.models import Municipality, Organisation, OrganisationKind, Place
from careapp.people.models import Patient, Practitioner, Preference, Role, RoleKind, RoleSkill, VehicleKind
from careapp.people.queries import list_nurses, list_patients
from careapp.recurrence import validate
from careapp.tours.commands import make_shifts
from careapp.tours.models import Shift, ShiftPattern
from careapp.visits.commands import make_visits
from careapp.visits.models import Service, Visit
from tests.careapp.worlds import DAY, an_organisation, coordinator_of

SUNDAY = date(2026, 3, 8)


class Building:
    """Builds regions in one session."""

    def __init__(self, session: Session, calendar: Calendar, viewer: Viewer, now: datetime) -> None:
        self.session, self.calendar, self.viewer, self.now = session, calendar, viewer, now
        self.progress: list[float] = []

    def __call__(
        self,
        *,
        seed: int = 3,
        visits: int = 60,
        nurses: int = 5,
        day: date = DAY,
        viewer: Viewer | None = None,
    ) -> Region:
        return build_region(
            self.session,
            seed=seed,
            visits=visits,
            nurses=nurses,
            first_date=day,
            calendar=self.calendar,
            viewer=viewer or self.viewer,
            now=self.now,
            on_progress=lambda done, what: self.progress.append(done),
        )

    def visits(self, day: date) -> int:
        return make_visits(self.session, date=day, calendar=self.calendar, viewer=self.viewer, now=self.now)

    def shifts(self, day: date) -> int:
        return make_shifts(self.session, date=day, calendar=self.calendar, viewer=self.viewer, now=self.now)


@pytest.fixture
def building(session: Session, calendar: Calendar, viewer: Viewer, now: datetime) -> Building:
    return Building(session, calendar, viewer, now)


def everything(session: Session) -> dict[str, list[tuple[object, ...]]]:
    """Every row; of sealed ones, which are never sealed alike, what they hold."""
    session.flush()
    rows = {
        table.name: sorted(
            (
                tuple(row)
                for row in session.execute(select(*(each for each in table.c if each.key != "sealed")))
            ),
            key=repr,
        )
        for table in METADATA.sorted_tables
        if table.name not in {"audit_event", "audit_unsealed", "outbox_message"}
    }
    rows["people"] = [
        (each.family_name, each.given_name, each.phone, each.insurance_number)
        for each in session.scalars(select(Patient).order_by(Patient.id))
    ]
    rows["homes"] = [
        (each.street, each.house_number, each.city, each.latitude, each.longitude)
        for each in session.scalars(select(Place).order_by(Place.id))
    ]
    return rows


class TestBuildRegion:
    @pytest.mark.parametrize(
        ("visits", "nurses", "day"),
        [(1, 1, DAY), (12, 1, DAY), (24, 2, SUNDAY), (60, 5, date(2026, 6, 4)), (300, 25, DAY)],
    )
    def test_fills_the_first_day(self, building: Building, visits: int, nurses: int, day: date) -> None:
        region = building(visits=visits, nurses=nurses, day=day)

        assert building.visits(day) == region.visits_on_first_date
        assert abs(region.visits_on_first_date - visits) <= visits * 0.02
        assert region.hard_visits == visits // 100

    @pytest.mark.parametrize("nurses", [1, 2, 5, 12])
    def test_has_as_many_nurses_on_duty_every_day(self, building: Building, nurses: int) -> None:
        region = building(visits=12 * nurses, nurses=nurses)

        for number in range(14):
            assert building.shifts(DAY + timedelta(days=number)) == nurses
        assert region.nurses_employed == 2 * nurses

    def test_counts_what_it_made(self, session: Session, building: Building) -> None:
        region = building(visits=120, nurses=10)

        def count(table: type, *where: object) -> int:
            return session.scalar(select(func.count()).select_from(table).where(*where)) or 0  # type: ignore[arg-type]  # any condition

        services = Organisation.kind == OrganisationKind.CARE_SERVICE
        assert region.municipalities == count(Municipality) == 59
        assert region.care_services == count(Organisation, services) == 2
        assert region.practices == count(Organisation, ~services) == 3
        assert region.nurses_employed == count(Role, Role.kind == RoleKind.NURSE)
        assert region.doctors == count(Schedule)
        assert region.patients == count(Patient)
        assert region.care_orders == count(CareOrder)
        assert building.progress == sorted(building.progress)
        assert (building.progress[0], building.progress[-1]) == (0.0, 1.0)

    def test_invents_everybody(self, session: Session, building: Building) -> None:
        building()

        patients = session.scalars(select(Patient)).all()
        people = [*patients, *session.scalars(select(Practitioner)), *session.scalars(select(Organisation))]
        assert all(person.is_synthetic for person in people)
        assert all(re.fullmatch(r"X0000\d{5}", patient.insurance_number or "") for patient in patients)
        assert len({patient.insurance_number for patient in patients}) == len(patients)
        # Numbers that the Bundesnetzagentur keeps free for films.
        assert all(re.fullmatch(r"0221 4710\d{3}", patient.phone or "") for patient in patients)

    def test_puts_homes_around_the_base(self, session: Session, building: Building) -> None:
        building(visits=120, nurses=10)

        bases = {
            place.organisation_id: Point(place.latitude, place.longitude)
            for place in session.scalars(select(Place).where(Place.kind == "base"))
        }
        for patient in session.scalars(select(Patient).options(joinedload(Patient.home))):
            home = Point(patient.known_home.latitude, patient.known_home.longitude)
            # A home lies up to 250 m beside its stop.
            assert home.kilometres_to(bases[patient.organisation_id]) <= FARTHEST_KM + 0.3
            assert patient.known_home.municipality_ags is not None

    def test_orders_only_what_could_have_been_entered(self, session: Session, building: Building) -> None:
        building()

        orders = session.scalars(
            select(CareOrder).options(selectinload(CareOrder.windows), selectinload(CareOrder.skills))
        ).all()
        for order in orders:
            validate(order.recurrence)
            assert 10 <= order.minutes <= 45
            assert all(window.earliest < window.latest for window in order.windows)
            assert order.skills

    def test_has_visits_for_two_nurses_links_and_cyclists(self, session: Session, building: Building) -> None:
        building(visits=300, nurses=25)
        building.visits(DAY)

        services = session.execute(
            select(func.count()).select_from(Service).join(Visit, Service.visit_id == Visit.id)
        ).scalar_one()
        assert 303 <= services <= 315
        kinds = Counter(session.scalars(select(Role.vehicle).where(Role.kind == RoleKind.NURSE)))
        assert 0 < kinds[VehicleKind.EBIKE] <= 10


class TestSeed:
    def test_makes_the_same_region_on_every_database(
        self,
        sqlite_engine: Engine,
        postgresql_engine: Engine,
        calendar: Calendar,
        viewer: Viewer,
        now: datetime,
    ) -> None:
        found = []
        for engine in (sqlite_engine, postgresql_engine, postgresql_engine):
            with make_sessions(engine)() as session:
                Building(session, calendar, viewer, now)()
                found.append(everything(session))

        assert found[0] == found[1] == found[2]

    def test_decides(self, building: Building) -> None:
        building(seed=1)
        first = everything(building.session)["patient"]
        building.session.rollback()

        building(seed=2)

        assert everything(building.session)["patient"] != first


class TestAgain:
    def test_with_the_same_seed_and_sizes_changes_nothing(self, building: Building) -> None:
        region = building()
        before = everything(building.session)

        again = building(day=DAY + timedelta(days=1))

        assert again == region == find_region(building.session)
        assert everything(building.session) == before

    @pytest.mark.parametrize("change", [{"seed": 4}, {"visits": 61}, {"nurses": 6}])
    def test_with_another_seed_or_size_is_refused(self, building: Building, change: dict[str, int]) -> None:
        building()

        with pytest.raises(DemoRegionExists, match=r"seed 3, 60 visits and 5 nurses: name these, or choose"):
            building(**change)  # type: ignore[arg-type]  # a table of numbers

    def test_never_fills_a_database_with_somebodys_data(self, building: Building) -> None:
        an_organisation(building.session)

        with pytest.raises(DemoRegionExists, match="choose an empty data folder"):
            building()


class TestRefusals:
    @pytest.mark.parametrize(("visits", "nurses"), [(0, 5), (60, 0)])
    def test_of_an_empty_region(self, building: Building, visits: int, nurses: int) -> None:
        with pytest.raises(ImpossibleRegion):
            building(visits=visits, nurses=nurses)

    def test_of_a_viewer_of_one_organisation(self, building: Building) -> None:
        stranger = coordinator_of(an_organisation(building.session))

        with pytest.raises(RegionWideOnly):
            building(viewer=stranger)


class TestTenants:
    def test_see_nothing_of_each_other(self, session: Session, building: Building) -> None:
        region = building(visits=120, nurses=10)
        building.visits(DAY)
        services = session.scalars(
            select(Organisation).where(Organisation.kind == OrganisationKind.CARE_SERVICE)
        ).all()

        seen: list[set[object]] = []
        for service in services:
            viewer = coordinator_of(service)
            rows: list[Patient | Role] = [
                *list_patients(session, viewer=viewer, limit=1000).items,
                *list_nurses(session, viewer=viewer, limit=1000).items,
            ]
            assert {row.organisation_id for row in rows} == {service.id}
            seen.append({row.id for row in rows})

        assert not seen[0] & seen[1]
        assert len(seen[0]) + len(seen[1]) == region.patients + region.nurses_employed


class TestHardVisits:
    def test_are_hard_for_the_reasons_given(self, session: Session, building: Building) -> None:
        building(visits=300, nurses=25)
        building.shifts(DAY)
        hard = {
            title: session.scalars(select(CareOrder).where(CareOrder.title == title)).one()
            for title in (UNSKILLED.title, AT_NIGHT.title, FORBIDDEN.title)
        }

        best = session.scalar(select(func.max(RoleSkill.grade)).where(RoleSkill.skill_code == "infusion"))
        assert best is not None
        assert best < 4
        latest_end = session.scalar(select(func.max(ShiftPattern.ends)))
        at_night = session.get(CareOrderWindow, (hard[AT_NIGHT.title].id, 0, time(23)))
        assert at_night is not None
        assert latest_end == time(21, 30)
        able = set(
            session.scalars(
                select(RoleSkill.role_id)
                .join(Role, Role.id == RoleSkill.role_id)
                .where(
                    Role.organisation_id == hard[FORBIDDEN.title].organisation_id,
                    RoleSkill.skill_code == "wound-care",
                    RoleSkill.grade >= 4,
                )
            )
        )
        forbidden = set(
            session.scalars(
                select(Preference.role_id).where(Preference.patient_id == hard[FORBIDDEN.title].patient_id)
            )
        )
        assert able
        assert able <= forbidden

    def test_are_the_only_ones_that_lack_a_nurse_with_the_skill(
        self, session: Session, building: Building
    ) -> None:
        building(visits=300, nurses=25)
        building.visits(DAY)
        building.shifts(DAY)
        shifts = session.scalars(
            select(Shift).options(joinedload(Shift.role).selectinload(Role.skills))
        ).all()
        visits = session.scalars(
            select(Visit).options(
                selectinload(Visit.services).selectinload(Service.skills), selectinload(Visit.windows)
            )
        ).all()

        impossible = []
        for visit in visits:
            for service in visit.services:
                able = [
                    shift
                    for shift in shifts
                    if shift.organisation_id == visit.organisation_id
                    and shift.starts_at <= visit.windows[0].latest
                    and shift.ends_at >= visit.windows[0].earliest + timedelta(seconds=visit.duration_s)
                    and {skill.skill_code: skill.grade for skill in service.skills}.items()
                    <= _held(shift, service).items()
                ]
                if not able:
                    impossible.append(visit.title)
        assert sorted(impossible) == sorted([UNSKILLED.title, AT_NIGHT.title])


def _held(shift: Shift, service: Service) -> dict[str, int]:
    held = {skill.skill_code: skill.grade for skill in shift.role.skills}
    # Whoever holds a higher grade than asked holds the asked one too.
    return {
        skill.skill_code: skill.grade
        for skill in service.skills
        if held.get(skill.skill_code, 0) >= skill.grade
    }
