from concurrent.futures import ThreadPoolExecutor
from datetime import date, time, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from careapp.access import Viewer, ViewerRole
from careapp.appointments.cancellation import UnknownReason
from careapp.appointments.models import AppointmentStatus, Occupancy
from careapp.appointments.occupancy import AlreadyOccupied, check_now, occupy
from careapp.consultations import booking, commands, inside, queries
from careapp.consultations.booking import Wish, cancel_booking, move_booking
from careapp.consultations.models import Booking, Slot, SlotStatus
from careapp.consultations.taking import SlotIsOver, SlotTaken
from careapp.db import NaiveDatetime, changes_of
from careapp.openings.models import Opening
from careapp.openings.queries import openings_of
from careapp.people.queries import PatientNotFound
from careapp.records.models import AuditEvent, OutboxMessage
from tests.careapp.worlds import (
    DAY,
    EVERYONE,
    a_doctor,
    a_patient,
    a_schedule,
    a_slot,
    a_visit,
    coordinator_of,
    moment,
)


class TestMakeSlots:
    def test_cuts_the_hours_of_each_day_into_slots(self, session, calendar, now, viewer):
        a_schedule(session, starts=time(8), ends=time(10), slot_minutes=15)

        made = commands.make_slots(session, first=DAY, days=2, calendar=calendar, viewer=viewer, now=now)

        # Two hours hold eight quarters of an hour, on two days.
        assert made == 16
        starts = session.scalars(select(Slot.starts_at).order_by(Slot.starts_at)).all()
        assert starts[0] == moment(7)  # 08:00 in Berlin
        assert starts[8] == moment(7, day=DAY + timedelta(days=1))

    def test_makes_none_twice(self, session, calendar, now, viewer):
        a_schedule(session)
        commands.make_slots(session, first=DAY, days=1, calendar=calendar, viewer=viewer, now=now)

        again = commands.make_slots(session, first=DAY, days=1, calendar=calendar, viewer=viewer, now=now)

        assert again == 0

    def test_leaves_out_what_no_whole_slot_fits_in(self, session, calendar, now, viewer):
        a_schedule(session, starts=time(8), ends=time(8, 50), slot_minutes=20)

        made = commands.make_slots(session, first=DAY, days=1, calendar=calendar, viewer=viewer, now=now)

        assert made == 2  # 08:00 and 08:20; 08:40 would end at 09:00

    @pytest.mark.parametrize(
        ("first", "expected"),
        [
            (date(2026, 3, 7), 0),  # a Saturday
            (date(2026, 6, 4), 0),  # Fronleichnam, a holiday in North Rhine-Westphalia
            (date(2026, 6, 5), 8),
        ],
    )
    def test_offers_nothing_on_weekends_and_holidays(self, session, calendar, now, viewer, first, expected):
        a_schedule(session)

        made = commands.make_slots(session, first=first, days=1, calendar=calendar, viewer=viewer, now=now)

        assert made == expected

    def test_keeps_the_length_of_slots_on_the_day_the_clock_changes(self, session, calendar, now, viewer):
        # 2026-03-29: at 02:00 the clock jumps to 03:00, so 01:00-04:00 lasts two hours:
        # four slots of 30 minutes.
        a_schedule(session, recurrence="FREQ=DAILY", starts=time(1), ends=time(4), slot_minutes=30)

        made = commands.make_slots(
            session, first=date(2026, 3, 29), days=1, calendar=calendar, viewer=viewer, now=now
        )

        assert made == 4
        slots = session.scalars(select(Slot)).all()
        assert {slot.ends_at - slot.starts_at for slot in slots} == {timedelta(minutes=30)}


class TestListSlots:
    def test_returns_pages_in_order_of_time(self, session, calendar, now, viewer):
        a_schedule(session)
        commands.make_slots(session, first=DAY, days=1, calendar=calendar, viewer=viewer, now=now)
        starts, ends = calendar.day(DAY)

        first = queries.list_slots(session, viewer=viewer, starts=starts, ends=ends, limit=5)
        second = queries.list_slots(
            session, viewer=viewer, starts=starts, ends=ends, limit=5, after=first.next_after
        )

        assert [len(first.items), len(second.items)] == [5, 3]
        assert second.next_after is None
        times = [slot.starts_at for slot in first.items + second.items]
        assert times == sorted(set(times))

    def test_narrows_to_a_doctor_and_a_status(self, session, viewer):
        wanted = a_slot(session)
        a_slot(session)
        a_slot(session, wanted.schedule, starts_at=moment(8), status=SlotStatus.BLOCKED)

        page = queries.list_slots(
            session,
            viewer=viewer,
            starts=moment(0),
            ends=moment(23),
            status=SlotStatus.FREE,
            doctor_id=wanted.schedule.role_id,
            limit=10,
        )

        assert [slot.id for slot in page.items] == [wanted.id]

    def test_shows_every_service_what_a_practice_offers(self, session):
        slot, patient = a_slot(session), a_patient(session)

        page = queries.list_slots(
            session,
            viewer=coordinator_of(patient.organisation),
            starts=moment(0),
            ends=moment(23),
            limit=10,
        )

        assert [found.id for found in page.items] == [slot.id]

    def test_refuses_a_period_that_ends_before_it_starts(self, session, viewer):
        with pytest.raises(queries.PeriodEndsBeforeItStarts, match="give an end after its start"):
            queries.list_slots(session, viewer=viewer, starts=moment(9), ends=moment(9), limit=1)

    def test_refuses_a_naive_time(self, session, viewer):
        with pytest.raises(NaiveDatetime, match="has no time zone"):
            queries.list_slots(
                session, viewer=viewer, starts=moment(8).replace(tzinfo=None), ends=moment(9), limit=1
            )


def book(session, slot, patient, now, viewer=EVERYONE, **more):
    wish = Wish(slot_ids=[slot.id], **more)
    return booking.book_slots(session, wish=wish, patient_id=patient.id, viewer=viewer, now=now)


class TestBookSlot:
    def test_takes_slot_and_doctor_and_writes_it_down(self, session, now):
        slot, patient = a_slot(session), a_patient(session)

        booked = book(session, slot, patient, now)

        session.flush()
        assert (booked.status, booked.starts_at) == (AppointmentStatus.BOOKED, slot.starts_at)
        assert session.scalar(select(Slot.status)) == SlotStatus.BUSY
        assert (Slot, slot.id) in changes_of(session)
        occupied = session.scalars(select(Occupancy)).one()
        assert occupied.practitioner_id == slot.schedule.practitioner_id
        assert set(session.scalars(select(AuditEvent.action))) == {"book_slots", "open_record"}
        assert session.scalars(select(OutboxMessage.topic)).all() == ["slot.booked"]

    def test_gives_the_slot_to_the_first_and_a_conflict_to_the_second(self, session, now):
        slot, patient, late = a_slot(session), a_patient(session), a_patient(session)
        book(session, slot, patient, now)

        with pytest.raises(SlotTaken, match="choose another one"):
            book(session, slot, late, now)

    def test_gives_a_slot_that_many_want_at_once_to_exactly_one(self, engine, sessions, now):
        with sessions.begin() as session:
            slot = a_slot(session)
            patients = [a_patient(session) for _ in range(12)]

        def attempt(patient):
            try:
                with sessions.begin() as session:
                    book(session, slot, patient, now)
            except SlotTaken:
                return "taken"
            return "booked"

        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(attempt, patients))

        assert sorted(outcomes) == ["booked", *["taken"] * 11]
        with sessions() as session:
            assert session.scalar(select(func.count()).select_from(Booking)) == 1

    def test_does_not_offer_a_doctor_who_is_elsewhere(self, session, now):
        slot, patient = a_slot(session), a_patient(session)
        other = a_slot(session, a_schedule(session, slot.schedule.role), starts_at=slot.starts_at)
        booked = book(session, other, patient, now)

        assert slot.status.value == "busy-unavailable"
        with pytest.raises(SlotTaken):
            book(session, slot, a_patient(session), now)

        booking.cancel_booking(session, booking_id=booked.id, because="pat", viewer=EVERYONE, now=now)
        assert slot.status == SlotStatus.FREE

    def test_refuses_a_doctor_who_is_taken_by_no_slot(self, session, now):
        slot, patient = a_slot(session), a_patient(session)
        visit = a_visit(session, patient)
        occupy(
            session,
            organisation_id=slot.organisation_id,
            practitioner_id=slot.schedule.practitioner_id,
            appointment_id=visit.id,
            starts_at=slot.starts_at,
            ends_at=slot.ends_at,
        )

        with pytest.raises(AlreadyOccupied):
            book(session, slot, patient, now)

    def test_refuses_a_slot_that_has_begun(self, session):
        slot, patient = a_slot(session), a_patient(session)

        with pytest.raises(SlotIsOver):
            book(session, slot, patient, slot.starts_at)

    def test_refuses_what_it_cannot_see(self, session, now):
        slot, patient, stranger = a_slot(session), a_patient(session), a_patient(session)

        with pytest.raises(queries.SlotNotFound):
            booking.book_slots(session, wish=Wish([uuid4()]), patient_id=patient.id, viewer=EVERYONE, now=now)
        with pytest.raises(PatientNotFound):
            book(session, slot, stranger, now, viewer=coordinator_of(patient.organisation))

    def test_refuses_a_closed_record(self, session, now):
        slot, patient = a_slot(session), a_patient(session, is_active=False)

        with pytest.raises(booking.PatientInactive):
            book(session, slot, patient, now)


class TestBookAssistedSlot:
    def test_lies_inside_a_promised_visit_of_the_patient(self, session, now):
        slot = a_slot(session)
        visit = a_visit(session, minutes=40, status=AppointmentStatus.BOOKED, starts_at=slot.starts_at)

        booked = book(session, slot, visit.patient, now, visit_id=visit.id)

        assert booked.visit_id == visit.id

    @pytest.mark.parametrize(
        ("status", "minutes_before", "sentence"),
        [
            (AppointmentStatus.PROPOSED, 0, "publish the day first"),
            (AppointmentStatus.BOOKED, 30, "choose a slot in that time"),
        ],
    )
    def test_refuses_a_visit_in_which_the_slot_does_not_lie(
        self, session, now, status, minutes_before, sentence
    ):
        # The visit lasts 40 minutes, so one that starts 30 minutes early ends 5 minutes
        # before the slot's 15 do.
        slot = a_slot(session)
        starts_at = slot.starts_at - timedelta(minutes=minutes_before)
        visit = a_visit(session, minutes=40, status=status, starts_at=starts_at)

        with pytest.raises(inside.VisitDoesNotFit, match=sentence):
            book(session, slot, visit.patient, now, visit_id=visit.id)

    def test_refuses_another_patients_visit(self, session, now):
        slot = a_slot(session)
        visit = a_visit(session, minutes=40, status=AppointmentStatus.BOOKED, starts_at=slot.starts_at)

        with pytest.raises(inside.VisitDoesNotFit, match="another patient's"):
            book(session, slot, a_patient(session), now, visit_id=visit.id)


class TestCancelBooking:
    def cancel(self, session, booked, now, because="pat"):
        return booking.cancel_booking(
            session, booking_id=booked.id, because=because, viewer=EVERYONE, now=now
        )

    def test_frees_slot_and_doctor(self, session, now):
        slot, patient = a_slot(session), a_patient(session)
        booked = book(session, slot, patient, now)

        cancelled = self.cancel(session, booked, now)

        session.flush()
        assert (cancelled.status, cancelled.cancelled_because) == (AppointmentStatus.CANCELLED, "pat")
        assert session.scalar(select(func.count()).select_from(Occupancy)) == 0
        assert book(session, slot, a_patient(session), now).status == AppointmentStatus.BOOKED

    def test_does_not_offer_again_what_has_begun(self, session, now):
        slot, patient = a_slot(session), a_patient(session)
        booked = book(session, slot, patient, now)

        self.cancel(session, booked, slot.starts_at)

        session.flush()
        assert session.scalar(select(Slot.status)) == SlotStatus.BUSY

    def test_refuses_to_end_twice(self, session, now):
        booked = book(session, a_slot(session), a_patient(session), now)
        self.cancel(session, booked, now)

        with pytest.raises(booking.BookingEnded):
            self.cancel(session, booked, now)

    def test_refuses_a_reason_that_is_no_code(self, session, now):
        booked = book(session, a_slot(session), a_patient(session), now)

        with pytest.raises(UnknownReason, match="maint, meds-inc, other, pat, prov"):
            self.cancel(session, booked, now, because="tired")

    def test_refuses_a_booking_that_is_not_there(self, session, now):
        with pytest.raises(queries.BookingNotFound):
            booking.cancel_booking(session, booking_id=uuid4(), because="pat", viewer=EVERYONE, now=now)


def test_a_doctor_cannot_be_taken_past_the_commands(session, now):
    # The constraint is the database's own: any way to write an overlap is refused.
    slot, patient = a_slot(session, a_schedule(session, a_doctor(session))), a_patient(session)
    booked = book(session, slot, patient, now)

    def take_the_doctor_five_minutes_later():
        occupy(
            session,
            organisation_id=slot.organisation_id,
            practitioner_id=slot.schedule.practitioner_id,
            appointment_id=booked.id,
            starts_at=slot.starts_at + timedelta(minutes=5),
            ends_at=slot.ends_at + timedelta(minutes=5),
        )
        check_now(session)

    with pytest.raises(AlreadyOccupied):
        take_the_doctor_five_minutes_later()


class TestRecordOfTheBooked:
    def seen(self, session, slot, now):
        practice = Viewer("practice", ViewerRole.COORDINATOR, slot.organisation_id)
        return list(session.scalars(openings_of(practice, now).with_only_columns(Opening.patient_id)))

    def test_is_open_to_the_practice_until_a_month_after_the_consultation(self, session, now):
        slot, patient = a_slot(session), a_patient(session)

        book(session, slot, patient, now)

        last = slot.ends_at + timedelta(days=30)
        assert self.seen(session, slot, now) == [patient.id]
        assert self.seen(session, slot, last - timedelta(seconds=1)) == [patient.id]
        assert self.seen(session, slot, last) == []

    def test_is_closed_when_the_booking_is_cancelled(self, session, viewer, now):
        slot, patient = a_slot(session), a_patient(session)
        booked = book(session, slot, patient, now)

        cancel_booking(session, booking_id=booked.id, because="pat", viewer=viewer, now=now)

        assert self.seen(session, slot, now) == []

    def test_goes_along_to_another_practice(self, session, viewer, now):
        slot, other, patient = a_slot(session), a_slot(session), a_patient(session)
        booked = book(session, slot, patient, now)

        wish = Wish(slot_ids=[other.id])
        move_booking(session, booking_id=booked.id, wish=wish, patient_id=patient.id, viewer=viewer, now=now)

        assert (self.seen(session, slot, now), self.seen(session, other, now)) == ([], [patient.id])

    def test_needs_no_opening_for_the_practices_own_patient(self, session, now):
        slot = a_slot(session)

        book(session, slot, a_patient(session, slot.schedule.organisation), now)

        assert session.scalars(select(Opening)).all() == []
