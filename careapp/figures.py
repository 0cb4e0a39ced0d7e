"""Figures of the region in which nobody can be recognised.

A figure stands for at least `LEAST_PERSONS` people, else it is left out; that nobody was counted is left out
likewise, so that a gap tells nothing. Totals are rounded: the one figure that is missing cannot be worked out
from the others.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from careapp.access import Viewer, ViewerRole
from careapp.appointments.models import AppointmentStatus
from careapp.organisations.models import Municipality, Place
from careapp.people.models import Patient
from careapp.tours.models import Tour, TourStatus
from careapp.visits.models import Visit

LEAST_PERSONS = 5
ROUNDED_TO = 10
METRES_PER_KM = 1000

COUNTER = Viewer("figures", ViewerRole.SYSTEM)
"""As whom the rows of every tenant are counted."""

NOT_COUNTED = (AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR)


@dataclass(frozen=True)
class MunicipalityFigures:
    """One municipality on a day.

    Attributes:
        ags: Its official key.
        name: Its name.
        patients: How many are visited; None: fewer than `LEAST_PERSONS`, perhaps none.
        visits: How many visits they have; None with them.
    """

    ags: str
    name: str
    patients: int | None
    visits: int | None


@dataclass(frozen=True)
class DayFigures:
    """The region on a local day.

    Attributes:
        date: The day.
        municipalities: Every municipality by its key.
        patients: In the whole region, rounded to `ROUNDED_TO`; None: fewer than `LEAST_PERSONS`.
        visits: In the whole region, rounded; None with the patients.
        nurses: With a published tour; None: fewer than `LEAST_PERSONS`.
        kilometres: Driven on these tours, rounded; None with the nurses.
    """

    date: date
    municipalities: list[MunicipalityFigures]
    patients: int | None
    visits: int | None
    nurses: int | None
    kilometres: int | None


def figures_of_day(session: Session, *, date: date) -> DayFigures:
    """Count a local day's visits by municipality, and what nurses drive.

    Args:
        session: A transaction that sees every tenant; nothing of any person leaves this function.
        date: The local day.
    """
    counted = {
        ags: (patients, visits)
        for ags, patients, visits in session.execute(
            select(Place.municipality_ags, func.count(Visit.patient_id.distinct()), func.count(Visit.id))
            .select_from(Visit)
            .join(Patient, Patient.id == Visit.patient_id)
            .join(Place, Place.id == Patient.home_id)
            .where(Visit.date == date, Visit.status.not_in(NOT_COUNTED))
            .group_by(Place.municipality_ags)
        )
    }
    names = session.execute(select(Municipality.ags, Municipality.name).order_by(Municipality.ags))
    nurses, metres = session.execute(
        select(func.count(Tour.practitioner_id.distinct()), func.coalesce(func.sum(Tour.metres), 0)).where(
            Tour.date == date, Tour.status == TourStatus.PUBLISHED
        )
    ).one()
    patients = sum(people for people, _ in counted.values())
    visits = sum(visits for _, visits in counted.values())
    return DayFigures(
        date=date,
        municipalities=[_municipality(ags, name, *counted.get(ags, (0, 0))) for ags, name in names],
        patients=_shown(_rounded(patients), patients),
        visits=_shown(_rounded(visits), patients),
        nurses=_shown(nurses, nurses),
        kilometres=_shown(_rounded(round(metres / METRES_PER_KM)), nurses),
    )


def _municipality(ags: str, name: str, patients: int, visits: int) -> MunicipalityFigures:
    return MunicipalityFigures(ags, name, _shown(patients, patients), _shown(visits, patients))


def _shown(figure: int, people: int) -> int | None:
    return figure if people >= LEAST_PERSONS else None


def _rounded(figure: int) -> int:
    return round(figure / ROUNDED_TO) * ROUNDED_TO
