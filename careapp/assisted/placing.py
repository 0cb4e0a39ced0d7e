"""Whether a choice still fits the day, under the locks of the transaction that books it."""

from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import PROMISED, AppointmentStatus
from careapp.assisted.asking import Carrier, Person, carrier_of, new_carrier, trial_of
from careapp.assisted.capacity import capacities
from careapp.assisted.choices import Choice, OfferGone
from careapp.assisted.days import Ground, standing_days
from careapp.assisted.needs import Need
from careapp.assisted.trial import Fit
from careapp.consultations.inside import VisitDoesNotFit
from careapp.consultations.models import Booking
from careapp.people.models import Patient
from careapp.tours.standing import Standing
from careapp.visits.models import Visit
from careapp.visits.queries import get_visit


@dataclass(frozen=True)
class Place:
    """Where a visit goes.

    Attributes:
        day: The local day.
        carrier: The visit.
        standing: The day's tours; None: nobody has planned the day.
        fit: The place in them; None likewise.
        person: The patient, as the planner knows her.
    """

    day: date
    carrier: Carrier
    standing: Standing | None
    fit: Fit | None
    person: Person

    @property
    def is_promised(self) -> bool:
        """Whether all nurses who would come have published tours."""
        if self.standing is None or self.fit is None:
            return False
        return all(self.standing.nurses[vehicle].is_published for vehicle in self.fit.vehicles)


def locked(session: Session, visit_id: UUID, viewer: Viewer) -> Visit:
    """Return a visit that nobody else changes until the transaction ends, as it is by now.

    Raises:
        VisitNotFound: No visit has this id, or not for this viewer.
    """
    session.execute(select(Visit.id).where(Visit.id == visit_id).with_for_update()).all()
    visit = get_visit(session, visit_id=visit_id, viewer=viewer, to_change=True)
    session.refresh(visit, ["status", "starts_at", "ends_at", "date", "duration_s"])
    return visit


def chosen_carrier(session: Session, choice: Choice, need: Need, viewer: Viewer) -> Carrier:
    """Return the visit that was chosen, or a new one.

    Raises:
        VisitNotFound: No visit has this id, or not for this viewer.
        VisitDoesNotFit: It is another patient's, is over, carries a consultation, or is too short.
    """
    if choice.visit_id is None:
        return new_carrier(need)
    visit = locked(session, choice.visit_id, viewer)
    if visit.patient_id != choice.patient_id:
        raise VisitDoesNotFit(f"visit {visit.id} is another patient's: name a visit of the patient")
    if visit.status not in (AppointmentStatus.PROPOSED, AppointmentStatus.BOOKED):
        raise VisitDoesNotFit(f"visit {visit.id} was called off, has begun or is over: search again")
    other = select(Booking.id).where(Booking.visit_id == visit.id, Booking.status.in_(PROMISED))
    if session.scalars(other.limit(1)).first() is not None:
        raise VisitDoesNotFit(f"visit {visit.id} carries another consultation already: search again")
    session.refresh(visit, ["windows", "services"])
    carrier = carrier_of(visit, need)
    if carrier is None:
        raise VisitDoesNotFit(f"visit {visit.id} is shorter than the consultation: search again")
    # What was chosen holds, whatever would have been wished.
    return replace(carrier, offset=choice.starts_at - choice.visit_starts_at)


def find_place(
    session: Session, choice: Choice, need: Need, patient: Patient, ground: Ground, carrier: Carrier
) -> Place:
    """Try the choice on the day as it stands by now.

    Raises:
        OfferGone: It does not fit, or no longer.
    """
    gone = OfferGone("no nurse can be there at that time any more: search again")
    day = ground.calendar.local_date(choice.visit_starts_at)
    person = Person.of(session, patient, day=day)
    if choice.visit_starts_at not in carrier.starts(choice.starts_at, choice.ends_at, now=ground.now):
        raise gone
    standing = standing_days(session, [day], ground).get(day)
    if standing is None:
        if carrier.visit is not None:
            if carrier.visit.date != day:
                raise gone
        elif not capacities(session, [day], need.skills, ground)[day].holds(
            choice.visit_starts_at, carrier.lasts
        ):
            raise gone
        return Place(day, carrier, None, None, person)
    trial = trial_of(standing, carrier, person, need, ground, only=choice.shift_ids)
    start = standing.seconds(choice.visit_starts_at)
    fit = trial.fits([start]).get(start) if trial is not None else None
    if fit is None:
        raise gone
    if choice.most_moved_s is not None and sum(abs(s) for _, s in fit.moved) > choice.most_moved_s:
        raise gone
    return Place(day, carrier, standing, fit, person)
