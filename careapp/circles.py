"""Whom somebody's work concerns: a nurse's patients of these days, a doctor's booked ones, records opened."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, select

from careapp.appointments.models import Appointment, AppointmentStatus
from careapp.consultations.models import Booking, Schedule, Slot
from careapp.openings.models import Opening, OpeningKind
from careapp.openings.queries import openings_of
from careapp.tours.models import Stop, Tour, TourStatus
from careapp.viewer import Viewer, ViewerRole

DAYS_AROUND = timedelta(days=1)
"""Before and after today: the tours of which a nurse sees the patients."""

CALLED_OFF = (AppointmentStatus.CANCELLED, AppointmentStatus.ENTERED_IN_ERROR)
"""Such a booking shows its patient to the doctor no longer."""


@dataclass(frozen=True)
class Circle:
    """Selects of ids; a row belongs to the circle if one of them has it.

    Attributes:
        patients: Who they are and where they live.
        records: Of those patients also orders, plans, every appointment and what others sent.
        appointments: Visits and bookings.
        tours: Tours.
        openings: Why some of it was opened.
    """

    patients: list[Select[Any]] = field(default_factory=list)
    records: list[Select[Any]] = field(default_factory=list)
    appointments: list[Select[Any]] = field(default_factory=list)
    tours: list[Select[Any]] = field(default_factory=list)
    openings: list[Select[Any]] = field(default_factory=list)

    def with_(self, other: "Circle") -> "Circle":
        """Return what belongs to this circle or the other."""
        return Circle(
            self.patients + other.patients,
            self.records + other.records,
            self.appointments + other.appointments,
            self.tours + other.tours,
            self.openings + other.openings,
        )


def opened(viewer: Viewer) -> Circle:
    """Return what was opened to a viewer and is open now: the patient, what it is about; in an emergency all.

    Empty for a viewer without an hour.
    """
    if viewer.asked_at is None:
        return Circle()
    openings = openings_of(viewer, viewer.asked_at)
    emergencies = openings.where(Opening.kind == OpeningKind.EMERGENCY)
    about = openings.with_only_columns(Opening.appointment_id).where(Opening.appointment_id.is_not(None))
    return Circle(
        patients=[openings.with_only_columns(Opening.patient_id)],
        records=[emergencies.with_only_columns(Opening.patient_id)],
        appointments=[about],
        openings=[openings.with_only_columns(Opening.id)],
    )


def circle_of(viewer: Viewer) -> Circle:
    """Return whom a nurse's or doctor's work concerns, what is opened to her or him included."""
    own = _of_nurse(viewer) if viewer.role is ViewerRole.NURSE else _of_doctor(viewer)
    return own.with_(opened(viewer))


def _of_nurse(viewer: Viewer) -> Circle:
    """Published tours from the day before to the day after; local days."""
    if viewer.asked_at is None or viewer.practitioner_id is None:
        return Circle()
    today = viewer.asked_at.date()
    hers = (
        Tour.practitioner_id == viewer.practitioner_id,
        Tour.organisation_id == viewer.organisation_id,
        Tour.status == TourStatus.PUBLISHED,
        Tour.date.between(today - DAYS_AROUND, today + DAYS_AROUND),
    )
    visits = select(Stop.visit_id).join(Tour, Tour.id == Stop.tour_id).where(*hers)
    patients = select(Appointment.patient_id).where(Appointment.id.in_(visits))
    return Circle([patients], [patients], [visits], [select(Tour.id).where(*hers)])


def _of_doctor(viewer: Viewer) -> Circle:
    """Bookings in his calendar; a patient as long as one of the bookings is not called off."""
    if viewer.practitioner_id is None:
        return Circle()
    bookings = (
        select(Booking.id)
        .join(Slot, Slot.id == Booking.slot_id)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(Schedule.practitioner_id == viewer.practitioner_id)
    )
    booked = bookings.where(Booking.status.not_in(CALLED_OFF)).with_only_columns(Booking.patient_id)
    return Circle(patients=[booked], appointments=[bookings])
