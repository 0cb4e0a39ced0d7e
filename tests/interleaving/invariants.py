"""What must be true of a scene whatever the actors did in whatever order."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from careapp.appointments.models import PROMISED, Appointment, AppointmentStatus, Occupancy
from careapp.circles import CALLED_OFF
from careapp.consultations.further_models import BookingEvent, BookingParticipant
from careapp.consultations.models import Booking, FurtherSlot, Schedule, Slot, SlotStatus
from careapp.tours.models import Stop, Tour, TourStatus
from careapp.visits.models import Visit
from careapp.waiting.models import Chance, ChanceStatus, WaitingEntry, WaitingStatus
from tests.interleaving.scene import Scene


def breaches(session: Session, scene: Scene) -> list[str]:
    """Say what is wrong: a double booking, an orphan, a lost visit."""
    return [
        *_of_people(session, scene),
        *_of_bookings(session, scene),
        *_of_slots(session, scene),
        *_of_visits(session, scene),
        *_of_chances(session, scene),
        *_of_what_was_told(session, scene),
    ]


def _of_people(session: Session, scene: Scene) -> Iterator[str]:
    rows = session.scalars(select(Occupancy).order_by(Occupancy.practitioner_id, Occupancy.starts_at)).all()
    for first, second in pairwise(rows):
        if first.practitioner_id == second.practitioner_id and first.ends_at > second.starts_at:
            yield f"practitioner {first.practitioner_id} is promised twice at {second.starts_at}"


def _of_bookings(session: Session, scene: Scene) -> Iterator[str]:
    bookings = session.scalars(select(Booking).where(Booking.patient_id.in_(scene.patient_ids))).all()
    holders: dict[UUID, UUID] = {}
    for booking in bookings:
        numbers = session.scalars(
            select(BookingEvent.number)
            .where(BookingEvent.booking_id == booking.id)
            .order_by(BookingEvent.number)
        ).all()
        if not numbers or numbers != list(range(1, len(numbers) + 1)):
            yield f"booking {booking.id} has a history with gaps: {numbers}"
        taken = session.scalars(select(Occupancy).where(Occupancy.appointment_id == booking.id)).all()
        if booking.status in PROMISED:
            yield from _of_promised(session, scene, booking, taken)
            for slot_id in _slots_of(session, booking):
                if holders.setdefault(slot_id, booking.id) != booking.id:
                    yield f"slot {slot_id} is booked twice"
        elif taken:
            yield f"booking {booking.id} is {booking.status.value}, and still takes somebody's time"


def _of_promised(
    session: Session, scene: Scene, booking: Booking, taken: Sequence[Occupancy]
) -> Iterator[str]:
    joined = session.scalars(
        select(BookingParticipant.practitioner_id).where(
            BookingParticipant.booking_id == booking.id, BookingParticipant.practitioner_id.is_not(None)
        )
    ).all()
    people = {row.practitioner_id for row in taken}
    if people != {scene.practitioner_id, *joined} or len(taken) != len(people):
        yield f"booking {booking.id} takes the time of {len(taken)}, not of {1 + len(joined)}"
    if {(row.starts_at, row.ends_at) for row in taken} != {(booking.starts_at, booking.ends_at)}:
        yield f"booking {booking.id} takes another time than its own"
    for slot in session.scalars(select(Slot).where(Slot.id.in_(_slots_of(session, booking)))):
        if slot.status is not SlotStatus.BUSY:
            yield f"slot {slot.id} of booking {booking.id} is {slot.status.value}"
    if booking.visit_id is not None:
        visit = session.get_one(Visit, booking.visit_id)
        if visit.status is not AppointmentStatus.BOOKED:
            yield f"booking {booking.id} takes place in visit {visit.id}, which is {visit.status.value}"
        elif not (visit.starts_at <= booking.starts_at and booking.ends_at <= visit.ends_at):  # type: ignore[operator]  # promised ones have times
            yield f"booking {booking.id} lies outside its visit {visit.id}"


def _slots_of(session: Session, booking: Booking) -> list[UUID]:
    further = select(FurtherSlot.slot_id).where(FurtherSlot.booking_id == booking.id)
    return [booking.slot_id, *session.scalars(further)]


def _of_slots(session: Session, scene: Scene) -> Iterator[str]:
    slots = session.scalars(
        select(Slot)
        .join(Schedule, Schedule.id == Slot.schedule_id)
        .where(Schedule.practitioner_id == scene.practitioner_id, Slot.starts_at > scene.now)
    ).all()
    for slot in slots:
        promised = session.scalars(
            select(Booking.id).where(
                or_(
                    Booking.slot_id == slot.id,
                    Booking.id.in_(select(FurtherSlot.booking_id).where(FurtherSlot.slot_id == slot.id)),
                ),
                Booking.status.in_(PROMISED),
            )
        ).all()
        elsewhere = [
            other
            for other in slots
            if other.schedule_id != slot.schedule_id
            and other.status in (SlotStatus.BUSY, SlotStatus.HELD)
            and other.starts_at < slot.ends_at
            and other.ends_at > slot.starts_at
        ]
        if slot.status is SlotStatus.BUSY and not promised:
            yield f"slot {slot.id} is busy, and nobody has booked it"
        if slot.status is SlotStatus.HELD and (slot.hold_id is None or slot.held_until is None):
            yield f"slot {slot.id} is held by nobody"
        if slot.status is SlotStatus.FREE and elsewhere:
            yield f"slot {slot.id} is listed as free, and its doctor is elsewhere"
        if slot.status is SlotStatus.BLOCKED and not elsewhere:
            yield f"slot {slot.id} stays blocked, and its doctor is free"


def _of_visits(session: Session, scene: Scene) -> Iterator[str]:
    for visit in session.scalars(select(Visit).where(Visit.id.in_(scene.visit_ids))):
        stops = session.execute(
            select(Stop, Tour).join(Tour, Tour.id == Stop.tour_id).where(Stop.visit_id == visit.id)
        ).all()
        taken = session.scalars(
            select(Occupancy.practitioner_id).where(Occupancy.appointment_id == visit.id)
        ).all()
        published = [tour for _, tour in stops if tour.status is TourStatus.PUBLISHED]
        if visit.status is not AppointmentStatus.CANCELLED:
            for stop, _ in stops:
                if stop.starts_at != visit.starts_at:
                    yield f"visit {visit.id} begins at another time than its stop"
        if visit.status is AppointmentStatus.BOOKED:
            if not published:
                yield f"visit {visit.id} is promised, and in no published tour"
            if sorted(taken) != sorted(tour.practitioner_id for tour in published):
                yield f"visit {visit.id} is promised, and its nurse's time is not taken"
        elif taken:
            yield f"visit {visit.id} is {visit.status.value}, and takes a nurse's time"
        if visit.status is AppointmentStatus.PROPOSED:
            if published:
                yield f"visit {visit.id} is lost: in a published tour, and promised to nobody"
            if visit.starts_at is not None and not stops:
                yield f"visit {visit.id} has a time, and is in no tour"


def _of_what_was_told(session: Session, scene: Scene) -> Iterator[str]:
    for appointment in session.scalars(select(Appointment).where(Appointment.id.in_(scene.called_off))):
        if appointment.status not in CALLED_OFF:
            yield f"{appointment.id} was called off, and is {appointment.status.value}"


def _of_chances(session: Session, scene: Scene) -> Iterator[str]:
    entries = session.scalars(
        select(WaitingEntry).where(WaitingEntry.patient_id.in_(scene.patient_ids))
    ).all()
    for entry in entries:
        chances = session.scalars(select(Chance).where(Chance.entry_id == entry.id)).all()
        accepted = [chance for chance in chances if chance.status is ChanceStatus.ACCEPTED]
        if (entry.status is WaitingStatus.SERVED) is not bool(accepted):
            yield f"entry {entry.id} is {entry.status.value} with {len(accepted)} accepted chances"
        for chance in chances:
            booked = session.get(Booking, chance.id)
            if (chance.status is ChanceStatus.ACCEPTED) is not (booked is not None):
                yield f"chance {chance.id} is {chance.status.value}, and its booking says otherwise"
            if chance.status is ChanceStatus.OFFERED and entry.status is not WaitingStatus.WAITING:
                yield f"chance {chance.id} is kept for nobody"
