from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from careapp.appointments.models import AppointmentStatus
from careapp.appointments.occupancy import AlreadyOccupied, occupy
from careapp.config import Settings
from careapp.consultations import booking, holds, progress
from careapp.consultations.booking import Wish
from careapp.consultations.models import Booking, FurtherSlot, Slot, SlotStatus
from careapp.consultations.taking import SlotIsOver, SlotTaken, find_chain
from careapp.scheduler import tidy_slots_if_due
from tests.careapp.worlds import EVERYONE, a_patient, a_schedule, a_slot, a_visit, moment

LASTS = timedelta(minutes=5)


def keep(session, now, *slots):
    ids = [slot.id for slot in slots]
    return holds.hold_slots(session, slot_ids=ids, lasts=LASTS, viewer=EVERYONE, now=now)


def book(session, now, patient, *slots, **more):
    wish = Wish([slot.id for slot in slots], **more)
    return booking.book_slots(session, wish=wish, patient_id=patient.id, viewer=EVERYONE, now=now)


@pytest.fixture
def slots(session):
    schedule = a_schedule(session)
    return [a_slot(session, schedule, starts_at=moment(8, 15 * number)) for number in range(3)]


class TestHoldSlots:
    def test_keeps_them_from_everybody_else(self, session, now, slots):
        hold = keep(session, now, *slots[:2])

        assert [slot.status for slot in slots] == [SlotStatus.HELD, SlotStatus.HELD, SlotStatus.FREE]
        assert hold.until == now + LASTS
        with pytest.raises(SlotTaken):
            keep(session, now, slots[0])
        with pytest.raises(SlotTaken):
            book(session, now, a_patient(session), slots[1], hold_id=uuid4())

    def test_lets_its_holder_book_under_its_id(self, session, now, slots):
        hold = keep(session, now, slots[0])

        booked = book(session, now, a_patient(session), slots[0], hold_id=hold.id)

        assert booked.id == hold.id
        assert (slots[0].status, slots[0].hold_id) == (SlotStatus.BUSY, None)

    def test_ends_by_itself(self, session, now, slots):
        hold = keep(session, now, slots[0])
        later = now + LASTS

        booked = book(session, later, a_patient(session), slots[0])

        assert booked.id != hold.id
        with pytest.raises(SlotTaken):
            book(session, later, a_patient(session), slots[0], hold_id=hold.id)

    def test_never_lasts_beyond_the_start(self, session, slots):
        now = slots[0].starts_at - timedelta(minutes=2)

        assert keep(session, now, slots[0]).until == slots[0].starts_at
        with pytest.raises(SlotIsOver):
            keep(session, slots[1].starts_at, slots[1])

    def test_refuses_what_could_not_be_booked(self, session, now, slots):
        visit = a_visit(session)
        occupy(
            session,
            organisation_id=slots[0].organisation_id,
            practitioner_id=slots[0].schedule.practitioner_id,
            appointment_id=visit.id,
            starts_at=slots[0].starts_at,
            ends_at=slots[0].ends_at,
        )

        with pytest.raises(AlreadyOccupied):
            keep(session, now, slots[0])

    def test_shadows_the_doctors_other_schedule(self, session, now, slots):
        twin = a_slot(session, a_schedule(session, slots[0].schedule.role), starts_at=moment(8), minutes=30)

        hold = keep(session, now, slots[0])

        assert (twin.status, twin.is_shadowed) == (SlotStatus.BLOCKED, True)
        keep(session, now, slots[1])
        holds.release_hold(session, hold_id=hold.id, viewer=EVERYONE, now=now)
        assert twin.status == SlotStatus.BLOCKED  # the second quarter is still held
        assert holds.tidy_slots(session, now=now + LASTS) == 1
        session.refresh(twin)
        assert (twin.status, twin.is_shadowed) == (SlotStatus.FREE, False)


class TestReleaseHold:
    def test_frees_its_slots(self, session, now, slots):
        hold = keep(session, now, *slots)

        holds.release_hold(session, hold_id=hold.id, viewer=EVERYONE, now=now)

        assert {slot.status for slot in slots} == {SlotStatus.FREE}
        with pytest.raises(holds.HoldNotFound):
            holds.release_hold(session, hold_id=hold.id, viewer=EVERYONE, now=now)


class TestTidySlots:
    def test_is_done_by_a_tick(self, session, now, slots):
        keep(session, now, slots[0])
        settings = Settings.read()

        assert tidy_slots_if_due(session, now=now, settings=settings) == 0
        assert tidy_slots_if_due(session, now=now + LASTS, settings=settings) == 1

        session.refresh(slots[0])
        assert slots[0].status == SlotStatus.FREE

    def test_forgets_the_past_but_what_an_appointment_names(self, session, now, slots):
        first = book(session, now, a_patient(session), *slots[:2])
        booking.cancel_booking(session, booking_id=first.id, because="pat", viewer=EVERYONE, now=now)
        later = moment(12)

        assert holds.has_stale_slots(session, now=later)
        assert holds.tidy_slots(session, now=later) == 3

        left = session.scalars(select(Slot.id).order_by(Slot.starts_at)).all()
        assert left == [slots[0].id, slots[1].id]
        assert not holds.has_stale_slots(session, now=later)


class TestFindChain:
    def test_covers_a_time_with_free_slots(self, session, now, slots):
        schedule_id = slots[0].schedule_id

        def find(starts_at, ends_at):
            return find_chain(session, schedule_id=schedule_id, time=(starts_at, ends_at), now=now)

        assert find(moment(8), moment(8, 45)) == [slot.id for slot in slots]
        assert find(moment(8, 20), moment(8, 25)) == [slots[1].id]
        for starts_at, ends_at in ((moment(8), moment(9)), (moment(7), moment(8, 15))):
            with pytest.raises(SlotTaken):
                find(starts_at, ends_at)


class TestProgress:
    @pytest.fixture
    def booked(self, session, now, slots):
        slots[0].schedule.needs_confirmation = True
        return book(session, now, a_patient(session), *slots[:2])

    def test_confirms_what_is_pending_once(self, session, now, booked):
        assert booked.status == AppointmentStatus.PENDING

        progress.confirm_booking(session, booking_id=booked.id, viewer=EVERYONE, now=now)

        assert booked.status == AppointmentStatus.BOOKED
        with pytest.raises(progress.NotPending):
            progress.confirm_booking(session, booking_id=booked.id, viewer=EVERYONE, now=now)

    def test_follows_the_patient_to_the_end(self, session, now, booked):
        steps = (AppointmentStatus.ARRIVED, AppointmentStatus.CHECKED_IN, AppointmentStatus.FULFILLED)
        for status in steps:
            progress.record_progress(session, booking_id=booked.id, status=status, viewer=EVERYONE, now=now)
            assert booked.status == status
        with pytest.raises(booking.BookingEnded):
            booking.cancel_booking(session, booking_id=booked.id, because="pat", viewer=EVERYONE, now=now)
        with pytest.raises(booking.BookingEnded):
            progress.record_progress(
                session, booking_id=booked.id, status=AppointmentStatus.NOSHOW, viewer=EVERYONE, now=now
            )

    def test_withdraws_what_was_an_error_and_removes_it(self, session, now, booked, slots):
        with pytest.raises(progress.BookingStands):
            progress.remove_booking(session, booking_id=booked.id, viewer=EVERYONE, now=now)

        progress.withdraw_booking(session, booking_id=booked.id, viewer=EVERYONE, now=now)

        assert {slot.status for slot in slots} == {SlotStatus.FREE}
        progress.remove_booking(session, booking_id=booked.id, viewer=EVERYONE, now=now)
        assert session.scalars(select(Booking.id)).all() == []
        assert session.scalars(select(FurtherSlot.slot_id)).all() == []

    def test_keeps_what_another_booking_replaces(self, session, now, booked, slots):
        wish = Wish([slots[2].id])
        new = booking.rebook(
            session,
            booking_id=booked.id,
            wish=wish,
            patient_id=booked.patient_id,
            viewer=EVERYONE,
            now=now,
        )

        assert new.replaces_id == booked.id
        with pytest.raises(progress.BookingStands):
            progress.remove_booking(session, booking_id=booked.id, viewer=EVERYONE, now=now)
