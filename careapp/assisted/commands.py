"""Book, move and cancel a consultation together with the nurse's visit: both or neither. Nothing commits.

Locks in this order: the tours of the days, appointments, the doctor's slots and time, the nurses' time.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from careapp.access import Viewer
from careapp.appointments.models import PROMISED, AppointmentStatus
from careapp.appointments.occupancy import release
from careapp.assisted.asking import Person, new_carrier
from careapp.assisted.choices import Choice, NotAssisted, OfferGone
from careapp.assisted.days import Ground, standing_days
from careapp.assisted.placing import Place, chosen_carrier, find_place, locked
from careapp.assisted.trial import without
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.consultations.booking import (
    BookingEnded,
    Wish,
    book_slots,
    cancel_booking,
    claim,
    move_booking,
)
from careapp.consultations.inside import Inside
from careapp.consultations.models import Booking
from careapp.consultations.queries import get_booking
from careapp.consultations.times_booking import take_time
from careapp.people.models import Patient
from careapp.people.queries import get_patient
from careapp.tours.changes import BOOKED, MOVED, Change, change_tours, lock_day
from careapp.visits.commands import add_visit, cancel_visit
from careapp.visits.models import Visit, VisitWindow
from careapp.visits.queries import get_visit

TITLE = "Hausbesuch mit Videosprechstunde"


def book_assisted(
    session: Session, *, choice: Choice, viewer: Viewer, now: datetime, calendar: Calendar, settings: Settings
) -> Booking:
    """Take the doctor's time, the nurse's time and the place in her tour: all, or nothing.

    In a published tour the visit is promised at once, and whoever is moved for it gets a receipt. On other
    days the visit stays proposed; the planner keeps its start, and the day is not published without it.

    Args:
        session: An open transaction.
        choice: An offer; it is tried anew.
        viewer: Who books.
        now: This moment.
        calendar: Local days.
        settings: Name the roads.

    Raises:
        PatientNotFound: No patient has this id, or not for this viewer.
        HomeUnknown: Nobody has said where the patient lives.
        ImpossibleNeed: The times contradict each other.
        VisitNotFound: No visit has this id, or not for this viewer.
        VisitDoesNotFit: The visit is another patient's, carries a consultation, or is too short.
        OfferGone: No nurse can be there then any more.
        SlotTaken: The doctor's time is no longer free.
        AlreadyOccupied: The doctor or a nurse is promised elsewhere.
    """
    need = choice.need()
    patient, ground = _ground(session, choice, viewer, now, calendar, settings)
    lock_day(session, [calendar.local_date(choice.visit_starts_at)], patient.organisation_id)
    place = find_place(session, choice, need, patient, ground, chosen_carrier(session, choice, need, viewer))
    visit = place.carrier.visit or _new_visit(session, choice, calendar, viewer, now)
    _promise(visit, place, choice)
    session.flush()
    wish = _wish(session, choice, visit, viewer=viewer, ground=ground, brings=place.carrier.visit is None)
    booking = book_slots(session, wish=wish, patient_id=patient.id, viewer=viewer, now=now)
    _write(session, place, visit, booking, BOOKED, viewer=viewer, ground=ground)
    return booking


def move_assisted(
    session: Session,
    *,
    booking_id: UUID,
    choice: Choice,
    viewer: Viewer,
    now: datetime,
    calendar: Calendar,
    settings: Settings,
) -> Booking:
    """Move a consultation and its visit: both, or neither.

    A visit that was made for the consultation moves with it, also to another nurse or another day. One that
    the patient has anyway stays where it is, and the consultation goes to the chosen one.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        BookingEnded: It was cancelled before, or is over, or its visit has begun.
        NotAssisted: It takes place without a nurse.
        CareError: The new place cannot be had; see `book_assisted`.
    """
    need = choice.need()
    patient, ground = _ground(session, choice, viewer, now, calendar, settings)
    old = get_booking(session, booking_id=booking_id, viewer=viewer)
    if old.visit_id is None:
        raise NotAssisted(f"booking {booking_id} takes place without a nurse: move its slot alone")
    days = [calendar.local_date(choice.visit_starts_at)]
    before = get_visit(session, visit_id=old.visit_id, viewer=viewer)
    lock_day(session, [before.date, *days], patient.organisation_id)
    booking = claim(session, booking_id=booking_id, viewer=viewer)
    if booking.status not in PROMISED or booking.visit_id != before.id:
        raise BookingEnded(f"booking {booking_id} was moved or cancelled before, or is over: read it again")
    before = locked(session, before.id, viewer)
    if before.status not in (AppointmentStatus.PROPOSED, AppointmentStatus.BOOKED):
        raise BookingEnded(f"visit {before.id} of booking {booking_id} has begun or is over")
    brings = booking.brings_visit
    booking.visit_id, booking.brings_visit = None, False  # nothing fixes the visit's start meanwhile
    session.flush()
    carried = None
    if brings and choice.visit_id is None:
        _take_out(session, before, patient, ground, booking, viewer=viewer)
        carried = before
    carrier = new_carrier(need) if carried is not None else chosen_carrier(session, choice, need, viewer)
    place = find_place(session, choice, need, patient, ground, carrier)
    visit = carried or place.carrier.visit or _new_visit(session, choice, calendar, viewer, now)
    if carried is not None:
        _redate(session, carried, choice, place.day)
    _promise(visit, place, choice)
    session.flush()
    makes = carried is not None or place.carrier.visit is None
    wish = _wish(session, choice, visit, viewer=viewer, ground=ground, brings=makes)
    moved = move_booking(
        session, booking_id=booking_id, wish=wish, patient_id=patient.id, viewer=viewer, now=now
    )
    _write(session, place, visit, moved, MOVED, viewer=viewer, ground=ground)
    if brings and carried is None and before.id != visit.id:
        cancel_visit(session, visit_id=before.id, because="other", viewer=viewer, now=now)
    return moved


def cancel_assisted(
    session: Session, *, booking_id: UUID, because: str, viewer: Viewer, now: datetime
) -> Booking:
    """Cancel a consultation; a visit that was made for it is called off with it.

    A visit that the patient has anyway stays, and may be moved again.

    Raises:
        BookingNotFound: No booking has this id, or not for this viewer.
        NotAssisted: It takes place without a nurse.
        UnknownReason: `because` is no known code.
        BookingEnded: It was cancelled before, or is over.
    """
    if get_booking(session, booking_id=booking_id, viewer=viewer).visit_id is None:
        raise NotAssisted(f"booking {booking_id} takes place without a nurse: cancel it as one")
    return cancel_booking(session, booking_id=booking_id, because=because, viewer=viewer, now=now)


def _ground(
    session: Session, choice: Choice, viewer: Viewer, now: datetime, calendar: Calendar, settings: Settings
) -> tuple[Patient, Ground]:
    patient = get_patient(session, patient_id=choice.patient_id, viewer=viewer, to_change=True)
    session.refresh(patient, ["home"])
    return patient, Ground(patient.organisation_id, calendar, settings, now)


def _new_visit(session: Session, choice: Choice, calendar: Calendar, viewer: Viewer, now: datetime) -> Visit:
    return add_visit(
        session,
        patient_id=choice.patient_id,
        title=TITLE,
        windows=[choice.window()],
        minutes=choice.visit_minutes,
        services=[dict(choice.skills)],
        priority=3,
        calendar=calendar,
        viewer=viewer,
        now=now,
    )


def _redate(session: Session, visit: Visit, choice: Choice, day: date) -> None:
    """Let a visit that moves with its consultation start then, and on that day."""
    session.execute(delete(VisitWindow).where(VisitWindow.visit_id == visit.id))
    session.expire(visit, ["windows"])
    earliest, latest = choice.window()
    session.add(VisitWindow(visit_id=visit.id, earliest=earliest, latest=latest))
    visit.date, visit.duration_s = day, 60 * choice.visit_minutes


def _promise(visit: Visit, place: Place, choice: Choice) -> None:
    """Say when the visit is, and promise it if its nurses' tours are."""
    if place.is_promised:
        visit.status = AppointmentStatus.BOOKED
    visit.starts_at = choice.visit_starts_at
    visit.ends_at = choice.visit_starts_at + timedelta(seconds=visit.duration_s)


def _wish(
    session: Session, choice: Choice, visit: Visit, *, viewer: Viewer, ground: Ground, brings: bool
) -> Wish:
    """Return what is booked, and keep the doctor's time if it is a computed one."""
    inside = Inside(
        round((choice.starts_at - choice.visit_starts_at).total_seconds()),
        60 * choice.tolerance_minutes,
        brings_visit=brings,
    )
    if choice.slot_id is not None:
        slot_id, hold_id = choice.slot_id, choice.hold_id
        time = (choice.starts_at, choice.ends_at)
        return Wish([slot_id], visit.id, hold_id, choice.title, time, inside=inside)
    if choice.kind_id is None:
        raise OfferGone("the choice names no time of the doctor's: search again")
    slot = take_time(
        session,
        schedule_id=choice.schedule_id,
        kind_id=choice.kind_id,
        starts_at=choice.starts_at,
        calendar=ground.calendar,
        viewer=viewer,
        now=ground.now,
        hold_id=choice.hold_id,
    )
    if slot.ends_at != choice.ends_at:
        raise OfferGone("the doctor's consultations have another length by now: search again")
    return Wish([slot.id], visit.id, slot.hold_id, choice.title, inside=inside)


def _write(
    session: Session,
    place: Place,
    visit: Visit,
    booking: Booking,
    because: str,
    *,
    viewer: Viewer,
    ground: Ground,
) -> None:
    """Write the visit into the published tours; what is only proposed is planned anew."""
    if place.standing is None or place.fit is None or not place.is_promised:
        return
    first = len(place.standing.service_ids)
    session.refresh(visit, ["services"])
    added = {} if place.carrier.visit else {first: (visit.services[0].id, visit.id)}
    change = Change(
        organisation_id=ground.organisation_id,
        standing=place.standing,
        before=place.fit.before,
        after=place.fit.after,
        added=added,
        home=place.person.home,
        because=because,
        booking_id=booking.id,
    )
    if place.fit.after or place.fit.before:
        change_tours(session, change, ground.sources(place.day), viewer=viewer, now=ground.now)


def _take_out(
    session: Session, visit: Visit, patient: Patient, ground: Ground, booking: Booking, *, viewer: Viewer
) -> None:
    """Take a visit out of its published tour; nobody else is moved. It is proposed again then."""
    if visit.status == AppointmentStatus.BOOKED:
        standing = standing_days(session, [visit.date], ground).get(visit.date)
        routes = without(standing, standing.of_visit.get(visit.id, ())) if standing is not None else None
        if standing is None or routes is None:
            raise OfferGone(
                f"the tour of visit {visit.id} breaks a rule as it stands: cancel the consultation, book anew"
            )
        change = Change(
            organisation_id=ground.organisation_id,
            standing=standing,
            before=routes[0],
            after=routes[1],
            added={},
            home=Person.of(session, patient, day=visit.date).home,
            because=MOVED,
            booking_id=booking.id,
        )
        change_tours(session, change, ground.sources(visit.date), viewer=viewer, now=ground.now)
        release(session, appointment_id=visit.id)
    visit.status = AppointmentStatus.PROPOSED
    visit.starts_at = visit.ends_at = None
    session.flush()
