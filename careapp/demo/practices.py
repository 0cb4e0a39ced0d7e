"""The demo region's doctors and their video hours."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from itertools import cycle, islice

from careapp.consultations.models import ConsultationHours, Schedule
from careapp.demo.facts import Facts, MunicipalityFact
from careapp.demo.geography import a_base
from careapp.demo.maker import Maker
from careapp.organisations.models import OrganisationKind, PlaceKind
from careapp.people.models import Role, RoleKind

_SPECIALTIES = {
    "ALLG": "Hausarztpraxis",
    "INNE": "Internistische Praxis",
    "KARD": "Kardiologische Praxis",
    "ENDO": "Diabetologische Praxis",
    "HAUT": "Hautarztpraxis",
    "GERI": "Geriatrische Praxis",
}
"""Codes of IHE-D's `AerztlicheFachrichtungen` (http://ihe-d.de/CodeSystems/AerztlicheFachrichtungen)."""

_TURN = ("ALLG", "ENDO", "ALLG", "HAUT", "INNE", "ALLG", "KARD", "GERI")
_WORKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
_HOURS = (
    ((time(8), time(9, 30)), (time(12), time(13))),
    ((time(9), time(11)), (time(15), time(16))),
    ((time(10), time(12)), (time(17), time(18))),
)
_SLOT_MINUTES = (10, 15, 20)


@dataclass(frozen=True)
class Doctor:
    """A doctor's rows.

    Attributes:
        role: With practitioner, practice and place.
        schedule: With its hours.
    """

    role: Role
    schedule: Schedule


def found_practices(
    maker: Maker, facts: Facts, towns: list[MunicipalityFact], *, first_date: date
) -> Iterator[Doctor]:
    """Make a practice in each of the towns, with one doctor each, every third with two."""
    specialties = cycle(_TURN)
    for number, town in enumerate(towns):
        specialty = next(specialties)
        spot = a_base(facts, town, maker.random)
        name = f"Demo-{_SPECIALTIES[specialty]} {spot.stop.settlement.name}"
        practice = maker.organisation(OrganisationKind.PRACTICE, name)
        place = maker.place(practice, PlaceKind.PRACTICE, spot, name=name)
        for _ in range(2 if number % 3 == 2 else 1):
            role = maker.role(practice, RoleKind.DOCTOR, place)
            role.specialty = specialty
            yield Doctor(role, _schedule(maker, role, specialty, first_date))


def _schedule(maker: Maker, role: Role, specialty: str, first_date: date) -> Schedule:
    slot_minutes = maker.random.choice(_SLOT_MINUTES)
    return Schedule(
        id=maker.id("schedule"),
        organisation_id=role.organisation_id,
        organisation=role.organisation,
        role_id=role.id,
        role=role,
        practitioner_id=role.practitioner_id,
        title="Videosprechstunde",
        specialty=specialty,
        is_active=True,
        hours=[
            ConsultationHours(
                id=maker.id("hours"),
                recurrence=_WORKDAYS,
                first_date=first_date - timedelta(days=28),
                starts=starts,
                ends=ends,
                slot_minutes=slot_minutes,
            )
            for starts, ends in maker.random.choice(_HOURS)
        ],
    )


def practice_towns(facts: Facts, count: int) -> list[MunicipalityFact]:
    """Return the towns of so many practices: middle-sized ones first, since that is where doctors lack."""
    towns = sorted(facts.municipalities, key=lambda town: (abs(town.population - 20_000), town.ags))
    return list(islice(cycle(towns), count))
