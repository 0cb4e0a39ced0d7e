"""Builders of rows for tests: what a test does not name is ordinary and invented.

Each builder adds its row with all it needs, flushes, and returns the row with its relationships loaded
(`patient.home`, `order.windows`, `visit.services[0].skills`, `nurse.practitioner`). Nothing is committed.
Without an `organisation` a builder makes one, so two patients built without one belong to different tenants;
`a_world` builds a small care service and a practice that know each other. Times are those of `DAY` in
Europe/Berlin, one hour ahead of UTC: 07:00 there is `moment(6)`.

    an_organisation   a care service (or a practice) without people
    a_place           a home, base or practice in Arnsberg
    a_skill           a skill's row, made once
    a_patient         a patient with a home
    a_nurse, a_doctor a practitioner's role with a base; `.practitioner` is the person
    a_shift_pattern   a nurse's rule "every day 06:00-14:00"
    a_shift           a nurse's shift 06:00-14:00 on `DAY`
    an_order          a care order with care plan, windows and skills: daily 07:00-09:00, 20 minutes
    a_visit           a proposed visit of 20 minutes on `DAY`, start between 07:00 and 09:00
    a_schedule        a doctor's video hours, Monday to Friday 08:00-10:00, slots of 15 minutes
    a_slot            a free slot of 15 minutes at 08:00 on `DAY`
    a_world           all of these, once or twice
    a_survey          what the estimate says of a day's places
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.appointments.models import AppointmentStatus
from careapp.config import Settings
from careapp.consultations.models import ConsultationHours, Schedule, Slot, SlotStatus
from careapp.db import Base
from careapp.orders.models import CareOrder, CareOrderSkill, CareOrderWindow, CarePlan, OnHolidays
from careapp.organisations.models import Organisation, OrganisationKind, Place, PlaceKind
from careapp.people.models import (
    Gender,
    Patient,
    Practitioner,
    Role,
    RoleKind,
    RoleSkill,
    Skill,
    VehicleKind,
)
from careapp.roads.choice import travel_sources
from careapp.tours.day import Day
from careapp.tours.models import Shift, ShiftPattern
from careapp.tours.survey import Survey
from careapp.visits.models import Service, ServiceSkill, Visit, VisitWindow

Row = TypeVar("Row", bound=Base)

DAY = date(2026, 3, 3)
"""A Tuesday, no holiday, the day after the fixture `now`."""

EVERYONE = Viewer("region", ViewerRole.SYSTEM)


def moment(hour: int, minute: int = 0, *, day: date = DAY) -> datetime:
    """Return a time of a day in UTC; in Europe/Berlin it is one hour later in winter."""
    return datetime.combine(day, time(hour, minute), tzinfo=UTC)


def coordinator_of(organisation: Organisation) -> Viewer:
    """Return a viewer who sees one tenant only."""
    return Viewer(f"coordinator-{organisation.id}", ViewerRole.COORDINATOR, organisation.id)


def an_organisation(
    session: Session,
    *,
    kind: OrganisationKind = OrganisationKind.CARE_SERVICE,
    name: str = "Pflegedienst Probe",
) -> Organisation:
    organisation = Organisation(id=uuid4(), kind=kind, name=name, is_active=True, is_synthetic=True)
    return _added(session, organisation)


def a_place(
    session: Session,
    organisation: Organisation,
    *,
    kind: PlaceKind = PlaceKind.HOME,
    latitude: float = 51.3967,
    longitude: float = 8.0644,
) -> Place:
    place = Place(
        id=uuid4(),
        organisation_id=organisation.id,
        organisation=organisation,
        municipality=None,
        kind=kind,
        street="Musterweg",
        house_number="1",
        postal_code="59821",
        city="Arnsberg",
        district="Rumbeck",
        latitude=latitude,
        longitude=longitude,
    )
    return _added(session, place)


def a_skill(session: Session, code: str = "care") -> Skill:
    skill = session.get(Skill, code)
    return skill or _added(session, Skill(code=code, name_de=f"Fertigkeit {code}", name_en=f"Skill {code}"))


def a_patient(
    session: Session,
    organisation: Organisation | None = None,
    *,
    home: Place | None = None,
    family_name: str = "Probst",
    given_name: str = "Paula",
    is_active: bool = True,
) -> Patient:
    organisation = organisation or an_organisation(session)
    home = home or a_place(session, organisation)
    patient = Patient(
        id=uuid4(),
        organisation_id=organisation.id,
        organisation=organisation,
        family_name=family_name,
        given_name=given_name,
        gender=Gender.FEMALE,
        birth_date=date(1940, 5, 17),
        insurance_number="X000000001",
        home_id=home.id,
        home=home,
        is_active=is_active,
        is_synthetic=True,
    )
    return _added(session, patient)


def a_nurse(
    session: Session,
    organisation: Organisation | None = None,
    *,
    skills: Mapping[str, int] | None = None,
    vehicle: VehicleKind = VehicleKind.CAR,
    base: Place | None = None,
    family_name: str = "Pfleger",
) -> Role:
    """Build a nurse who holds `care` at grade 3, or exactly the `skills` given (code to grade)."""
    organisation = organisation or an_organisation(session)
    role = _a_role(session, organisation, RoleKind.NURSE, base, PlaceKind.BASE, family_name)
    role.vehicle = vehicle
    for code, grade in ({"care": 3} if skills is None else skills).items():
        role.skills.append(RoleSkill(skill_code=code, grade=grade, skill=a_skill(session, code)))
    session.flush()
    return role


def a_doctor(
    session: Session,
    organisation: Organisation | None = None,
    *,
    specialty: str = "ALLG",
    base: Place | None = None,
    family_name: str = "Arzt",
) -> Role:
    organisation = organisation or an_organisation(
        session, kind=OrganisationKind.PRACTICE, name="Praxis Probe"
    )
    role = _a_role(session, organisation, RoleKind.DOCTOR, base, PlaceKind.PRACTICE, family_name)
    role.specialty = specialty
    session.flush()
    return role


def _a_role(
    session: Session,
    organisation: Organisation,
    kind: RoleKind,
    base: Place | None,
    place_kind: PlaceKind,
    family_name: str,
) -> Role:
    base = base or a_place(session, organisation, kind=place_kind)
    practitioner = Practitioner(
        id=uuid4(),
        organisation_id=organisation.id,
        family_name=family_name,
        given_name="Petra",
        gender=Gender.FEMALE,
        is_active=True,
        is_synthetic=True,
    )
    role = Role(
        id=uuid4(),
        organisation_id=organisation.id,
        organisation=organisation,
        practitioner_id=practitioner.id,
        practitioner=practitioner,
        kind=kind,
        base_id=base.id,
        base=base,
        is_active=True,
        skills=[],
    )
    return _added(session, role)


def a_shift_pattern(
    session: Session,
    nurse: Role,
    *,
    recurrence: str = "FREQ=DAILY",
    first_date: date = date(2026, 1, 1),
    last_date: date | None = None,
    starts: time = time(6),
    ends: time = time(14),
) -> ShiftPattern:
    pattern = ShiftPattern(
        id=uuid4(),
        organisation_id=nurse.organisation_id,
        role_id=nurse.id,
        role=nurse,
        recurrence=recurrence,
        first_date=first_date,
        last_date=last_date,
        starts=starts,
        ends=ends,
    )
    return _added(session, pattern)


def a_shift(
    session: Session,
    nurse: Role,
    *,
    day: date = DAY,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Shift:
    starts_at = starts_at or moment(5, day=day)
    ends_at = ends_at or starts_at + timedelta(hours=8)
    shift = Shift(
        id=uuid4(),
        organisation_id=nurse.organisation_id,
        organisation=nurse.organisation,
        role_id=nurse.id,
        role=nurse,
        date=day,
        starts_at=starts_at,
        ends_at=ends_at,
        start_place_id=nurse.base_id,
        start_place=nurse.base,
        end_place_id=nurse.base_id,
        end_place=nurse.base,
        vehicle=nurse.vehicle or VehicleKind.CAR,
        max_work_s=int((ends_at - starts_at).total_seconds()),
    )
    return _added(session, shift)


def an_order(
    session: Session,
    patient: Patient | None = None,
    *,
    recurrence: str = "FREQ=DAILY",
    first_date: date = date(2026, 1, 1),
    last_date: date | None = None,
    on_holidays: OnHolidays = OnHolidays.AS_USUAL,
    windows: Sequence[tuple[int, time, time]] = ((0, time(7), time(9)),),
    minutes: int = 20,
    nurses: int = 1,
    skills: Sequence[tuple[int, str, int]] = ((0, "care", 2),),
    priority: int = 2,
    min_gap_minutes: int | None = None,
    max_gap_minutes: int | None = None,
    is_active: bool = True,
    title: str = "Grundpflege",
) -> CareOrder:
    """Build an order; `windows` are (occurrence, earliest, latest), `skills` (nurse number, code, grade)."""
    patient = patient or a_patient(session)
    care_plan = CarePlan(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        organisation=patient.organisation,
        patient_id=patient.id,
        patient=patient,
        title="Versorgungsplan",
        first_date=first_date,
        last_date=last_date,
        is_active=True,
    )
    for _, code, _ in skills:
        a_skill(session, code)
    order = CareOrder(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        organisation=patient.organisation,
        care_plan_id=care_plan.id,
        care_plan=care_plan,
        patient_id=patient.id,
        patient=patient,
        title=title,
        recurrence=recurrence,
        first_date=first_date,
        last_date=last_date,
        on_holidays=on_holidays,
        minutes=minutes,
        nurses=nurses,
        priority=priority,
        min_gap_minutes=min_gap_minutes,
        max_gap_minutes=max_gap_minutes,
        is_active=is_active,
        windows=[
            CareOrderWindow(occurrence=occurrence, earliest=earliest, latest=latest)
            for occurrence, earliest, latest in windows
        ],
        skills=[
            CareOrderSkill(nurse_number=number, skill_code=code, grade=grade)
            for number, code, grade in skills
        ],
    )
    return _added(session, order)


def a_visit(
    session: Session,
    patient: Patient | None = None,
    *,
    day: date = DAY,
    windows: Sequence[tuple[datetime, datetime]] | None = None,
    minutes: int = 20,
    services: Sequence[Mapping[str, int]] = ({"care": 2},),
    status: AppointmentStatus = AppointmentStatus.PROPOSED,
    starts_at: datetime | None = None,
    priority: int = 2,
    order: CareOrder | None = None,
) -> Visit:
    """Build a visit; each item of `services` is one nurse's part with its skills (code to grade).

    With a `starts_at` it also gets the `ends_at` that follows from `minutes`.
    """
    patient = patient or a_patient(session)
    for skills in services:
        for code in skills:
            a_skill(session, code)
    visit = Visit(
        id=uuid4(),
        organisation_id=patient.organisation_id,
        organisation=patient.organisation,
        patient_id=patient.id,
        patient=patient,
        status=status,
        title="Grundpflege",
        starts_at=starts_at,
        ends_at=starts_at and starts_at + timedelta(minutes=minutes),
        care_order_id=order.id if order else None,
        care_order=order,
        date=day,
        occurrence=0,
        duration_s=60 * minutes,
        priority=priority,
        windows=[
            VisitWindow(earliest=earliest, latest=latest)
            for earliest, latest in windows or [(moment(6, day=day), moment(8, day=day))]
        ],
        services=[
            Service(
                id=uuid4(),
                number=number,
                skills=[ServiceSkill(skill_code=code, grade=grade) for code, grade in skills.items()],
            )
            for number, skills in enumerate(services)
        ],
    )
    return _added(session, visit)


def a_schedule(
    session: Session,
    doctor: Role | None = None,
    *,
    recurrence: str = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    first_date: date = date(2026, 1, 1),
    starts: time = time(8),
    ends: time = time(10),
    slot_minutes: int = 15,
) -> Schedule:
    doctor = doctor or a_doctor(session)
    schedule = Schedule(
        id=uuid4(),
        organisation_id=doctor.organisation_id,
        organisation=doctor.organisation,
        role_id=doctor.id,
        role=doctor,
        practitioner_id=doctor.practitioner_id,
        title="Videosprechstunde",
        specialty=doctor.specialty or "ALLG",
        is_active=True,
        hours=[
            ConsultationHours(
                id=uuid4(),
                recurrence=recurrence,
                first_date=first_date,
                last_date=None,
                starts=starts,
                ends=ends,
                slot_minutes=slot_minutes,
            )
        ],
    )
    return _added(session, schedule)


def a_slot(
    session: Session,
    schedule: Schedule | None = None,
    *,
    starts_at: datetime | None = None,
    minutes: int = 15,
    status: SlotStatus = SlotStatus.FREE,
) -> Slot:
    schedule = schedule or a_schedule(session)
    starts_at = starts_at or moment(7)
    slot = Slot(
        id=uuid4(),
        organisation_id=schedule.organisation_id,
        schedule_id=schedule.id,
        schedule=schedule,
        starts_at=starts_at,
        ends_at=starts_at + timedelta(minutes=minutes),
        status=status,
    )
    return _added(session, slot)


@dataclass(frozen=True)
class World:
    """A small care service with two nurses on duty on `DAY`, three patients with a visit each, and a doctor.

    Attributes:
        organisation: The care service.
        practice: The doctor's organisation.
        viewer: Sees the care service only.
    """

    organisation: Organisation
    practice: Organisation
    viewer: Viewer
    patients: list[Patient]
    nurses: list[Role]
    shifts: list[Shift]
    orders: list[CareOrder]
    visits: list[Visit]
    doctor: Role
    schedule: Schedule
    slot: Slot

    @property
    def organisation_id(self) -> UUID:
        return self.organisation.id


def a_world(session: Session) -> World:
    """Build a world; homes lie about one kilometre apart, the visits belong to no order."""
    organisation = an_organisation(session)
    base = a_place(session, organisation, kind=PlaceKind.BASE)
    nurses = [a_nurse(session, organisation, base=base, family_name=name) for name in ("Abel", "Berg")]
    patients = [
        a_patient(
            session,
            organisation,
            home=a_place(session, organisation, latitude=51.3967 + 0.009 * number),
            family_name=f"Probst {number}",
        )
        for number in (1, 2, 3)
    ]
    doctor = a_doctor(session)
    schedule = a_schedule(session, doctor)
    return World(
        organisation=organisation,
        practice=doctor.organisation,
        viewer=coordinator_of(organisation),
        patients=patients,
        nurses=nurses,
        shifts=[a_shift(session, nurse) for nurse in nurses],
        orders=[an_order(session, patient) for patient in patients],
        visits=[a_visit(session, patient) for patient in patients],
        doctor=doctor,
        schedule=schedule,
        slot=a_slot(session, schedule),
    )


def _added(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row


def a_survey(day: Day) -> Survey:
    sources = travel_sources(Settings.read(), today=day.date)
    return Survey.of(day, sources, radius_m=500)
