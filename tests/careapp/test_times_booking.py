"""What is listed books: hours, holds and bookings by time, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, time, timedelta
from random import Random
from uuid import uuid4

import pytest
from sqlalchemy import select

from careapp.appointments.models import Occupancy
from careapp.consultations.booking import Wish, book_slots, cancel_booking, move_booking
from careapp.consultations.holds import hold_slots, release_hold, tidy_slots
from careapp.consultations.hours import PeriodTooLong, offers
from careapp.consultations.hours_copies import COPY_DAYS, copy_again, keep_copies
from careapp.consultations.models import (
    Booking,
    ConsultationCode,
    ConsultationKind,
    HoursException,
    Schedule,
    Slot,
    SlotOrigin,
    SlotStatus,
)
from careapp.consultations.taking import SlotTaken
from careapp.consultations.times_booking import (
    KindNotFound,
    Time,
    TimeNotOffered,
    book_time,
    hold_time,
    take_time,
)
from careapp.people.models import Absence
from tests.careapp.worlds import DAY, EVERYONE, a_doctor, a_patient, a_schedule, a_slot, moment

LASTS = timedelta(minutes=5)
MINUTE = timedelta(minutes=1)


def a_kind(session, schedule, **more):
    kind = ConsultationKind(
        **{
            "id": uuid4(),
            "organisation_id": schedule.organisation_id,
            "schedule_id": schedule.id,
            "position": 0,
            "code": ConsultationCode.VIDEO,
            "title": "Videosprechstunde",
            "minutes": 15,
            "buffer_before_min": 0,
            "buffer_after_min": 0,
            "notice_min": 0,
            "horizon_days": 84,
            "step_min": 5,
            "most_at_once": 1,
            **more,
        }
    )
    session.add(kind)
    session.flush()
    return kind


@pytest.fixture
def listed(session, calendar, now):
    """The times of `DAY`, asked as a service would."""

    def ask(schedule, **more):
        session.expire_all()
        starts, ends = calendar.day(more.pop("day", DAY))
        return offers(
            session,
            schedule_ids=[schedule.id],
            starts=starts,
            ends=ends,
            calendar=calendar,
            viewer=EVERYONE,
            now=more.pop("now", now),
            **{"code": ConsultationCode.VIDEO, **more},
        )

    return ask


def time_of(offer):
    return Time(offer.schedule_id, offer.kind_id, offer.starts_at)


@pytest.fixture
def hold(session, calendar, now):
    def keep(offer, at=now):
        return hold_time(
            session, time=time_of(offer), lasts=LASTS, calendar=calendar, viewer=EVERYONE, now=at
        )

    return keep


@pytest.fixture
def book(session, calendar, now):
    def take(offer, patient=None, at=now, **more):
        patient = patient or a_patient(session)
        return book_time(
            session,
            time=time_of(offer),
            patient_id=patient.id,
            calendar=calendar,
            viewer=EVERYONE,
            now=at,
            **more,
        )

    return take


class TestOffers:
    def test_follow_from_the_hours_where_no_kinds_are_named(self, session, listed):
        schedule = a_schedule(session, starts=time(8), ends=time(9), slot_minutes=20)

        # 08:00, 08:20, 08:40 in Berlin; with a nurse at hand every 5 minutes until 08:40.
        assert [offer.starts_at for offer in listed(schedule)] == [moment(7), moment(7, 20), moment(7, 40)]
        assert len(listed(schedule, code=ConsultationCode.ASSISTED)) == 9

    def test_are_in_the_schedules_own_zone(self, session, listed):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 15))
        schedule.zone = "Europe/Lisbon"
        session.flush()

        assert [offer.starts_at for offer in listed(schedule)] == [moment(8)]

    def test_leave_out_when_the_doctor_is_away(self, session, listed):
        schedule = a_schedule(session, starts=time(8), ends=time(9))
        session.add(
            Absence(
                id=uuid4(),
                organisation_id=schedule.organisation_id,
                practitioner_id=schedule.practitioner_id,
                starts_at=moment(7),
                ends_at=moment(7, 30),
            )
        )

        assert [offer.starts_at for offer in listed(schedule)] == [moment(7, 30), moment(7, 45)]

    def test_leave_out_when_the_patient_has_another_one(self, session, listed, book):
        patient = a_patient(session)
        one, other = (a_schedule(session, starts=time(8), ends=time(8, 30)) for _ in range(2))
        book(listed(one)[0], patient)

        assert [offer.starts_at for offer in listed(other, patient_id=patient.id)] == [moment(7, 15)]

    def test_leave_out_what_a_sent_slot_blocks(self, session, listed):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 30))
        a_slot(session, schedule, starts_at=moment(7), status=SlotStatus.BLOCKED)

        assert [offer.starts_at for offer in listed(schedule)] == [moment(7, 15)]

    def test_refuse_more_than_two_months(self, session, calendar, now):
        with pytest.raises(PeriodTooLong, match="at most 62 days"):
            offers(
                session,
                starts=now,
                ends=now + timedelta(days=63),
                calendar=calendar,
                viewer=EVERYONE,
                now=now,
            )


class TestBookTime:
    def test_takes_the_doctor_with_the_buffers(self, session, listed, book):
        schedule = a_schedule(session, starts=time(8), ends=time(9))
        a_kind(session, schedule, minutes=10, buffer_before_min=5, buffer_after_min=10)
        offered = listed(schedule)

        booked = book(offered[4])  # 08:20

        occupied = session.scalars(select(Occupancy)).one()
        assert (booked.starts_at, booked.ends_at) == (moment(7, 20), moment(7, 30))
        assert (occupied.starts_at, occupied.ends_at) == (moment(7, 15), moment(7, 40))
        # 08:00 - its ten minutes and ten after it end at 08:20, too late; 08:45 begins 5 min after 08:40.
        assert [offer.starts_at for offer in listed(schedule)] == [moment(7, 45), moment(7, 50)]

    def test_says_which_kind_it_is(self, session, listed, book):
        schedule = a_schedule(session)

        booked = book(listed(schedule, code=ConsultationCode.COLLEAGUE)[0])

        assert booked.consultation is ConsultationCode.COLLEAGUE
        assert booked.slot.kind is ConsultationCode.COLLEAGUE

    @pytest.mark.parametrize("minutes", [-15, 7, 60])
    def test_refuses_what_is_not_offered(self, session, listed, book, minutes):
        schedule = a_schedule(session, starts=time(8), ends=time(9))
        first = listed(schedule)[0]
        wrong = Time(schedule.id, first.kind_id, first.starts_at + minutes * MINUTE)

        with pytest.raises(TimeNotOffered, match="list the times again"):
            book(wrong)

    def test_refuses_a_kind_that_is_not_offered(self, session, listed, book):
        schedule = a_schedule(session)

        with pytest.raises(KindNotFound):
            book(Time(schedule.id, uuid4(), listed(schedule)[0].starts_at))

    def test_gives_a_time_that_many_want_at_once_to_exactly_one(self, sessions, calendar, now):
        with sessions.begin() as session:
            schedule = a_schedule(session, starts=time(8), ends=time(8, 30))
            a_kind(session, schedule, step_min=1)
            patients = [a_patient(session).id for _ in range(8)]
            starts, ends = calendar.day(DAY)
            found = offers(session, starts=starts, ends=ends, calendar=calendar, viewer=EVERYONE, now=now)
        # 08:06 to 08:13: each of them overlaps with each other one, none starts when another does.
        wanted = found[6:14]

        def attempt(patient_id, offer):
            try:
                with sessions.begin() as session:
                    book_time(
                        session,
                        time=time_of(offer),
                        patient_id=patient_id,
                        calendar=calendar,
                        viewer=EVERYONE,
                        now=now,
                    )
            except SlotTaken:
                return "taken"
            return "booked"

        with ThreadPoolExecutor(4) as pool:
            outcomes = list(pool.map(attempt, patients, wanted))

        assert sorted(outcomes) == ["booked", *["taken"] * 7]

    def test_overbooks_only_as_often_as_the_rule_says(self, session, listed, book):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 15))
        a_kind(session, schedule, most_at_once=2)

        lanes = [book(listed(schedule)[0]).slot.lane for _ in range(2)]

        assert lanes == [1, 2]
        assert listed(schedule) == []

    def test_leaves_nothing_behind_when_cancelled(self, session, listed, book, now):
        schedule = a_schedule(session, starts=time(8), ends=time(9))
        a_kind(session, schedule, step_min=1)
        before = listed(schedule)
        booked = book(before[3])

        cancel_booking(session, booking_id=booked.id, because="pat", viewer=EVERYONE, now=now)

        assert listed(schedule) == before
        assert book(before[3]).slot_id != booked.slot_id

    def test_moves_a_booking_to_another_time(self, session, listed, book, calendar, now):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 30))
        patient = a_patient(session)
        first, second = listed(schedule)
        booked = book(first, patient)
        slot = take_time(
            session,
            schedule_id=schedule.id,
            kind_id=second.kind_id,
            starts_at=second.starts_at,
            calendar=calendar,
            viewer=EVERYONE,
            now=now,
        )

        wish = Wish(slot_ids=[slot.id], hold_id=slot.hold_id)
        move_booking(
            session, booking_id=booked.id, wish=wish, patient_id=patient.id, viewer=EVERYONE, now=now
        )

        assert [offer.starts_at for offer in listed(schedule)] == [first.starts_at]


class TestHoldTime:
    def test_keeps_a_time_until_it_is_over(self, session, listed, hold, now):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 30))
        first, second = listed(schedule)

        held = hold(first)

        assert held.until == now + LASTS
        assert listed(schedule) == [second]
        assert listed(schedule, hold_id=held.id) == [first, second]
        assert listed(schedule, now=held.until) == [first, second]

    def test_books_for_whoever_knows_it(self, session, listed, hold, book):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 15))
        offer = listed(schedule)[0]
        held = hold(offer)

        with pytest.raises(TimeNotOffered):
            book(offer)
        assert book(offer, hold_id=held.id).slot_id == held.slots[0].id

    def test_is_worth_nothing_once_it_is_over(self, session, listed, hold, book, now):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 15))
        offer = listed(schedule)[0]
        late = hold(offer)
        book(offer, at=now + LASTS)

        with pytest.raises(TimeNotOffered):
            book(offer, hold_id=late.id, at=now + LASTS)

    def test_is_forgotten_when_released_or_over(self, session, listed, hold, now):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 30))
        first, second = listed(schedule)
        release_hold(session, hold_id=hold(first).id, viewer=EVERYONE, now=now)
        hold(second)

        tidy_slots(session, now=now + LASTS)

        assert session.scalars(select(Slot.id)).all() == []
        assert listed(schedule) == [first, second]


class TestCopies:
    @pytest.fixture
    def copy(self, session, calendar, now):
        def make(schedule, at=now):
            copy_again(session, schedule.id, calendar=calendar, now=at)
            return session.scalars(
                select(Slot)
                .where(Slot.starts_at < moment(23))
                .order_by(Slot.starts_at)
                .execution_options(populate_existing=True)
            ).all()

        return make

    def test_book_as_slots_and_hide_while_the_time_is_taken(self, session, copy, listed, book, now):
        schedule = a_schedule(session, starts=time(8), ends=time(9), slot_minutes=20)
        a_kind(session, schedule, minutes=20)
        first, second, third = copy(schedule)

        booked = book(listed(schedule)[2])  # 08:10 to 08:30 lies across the first two

        states = [slot.status.value for slot in (first, second, third)]
        assert states == ["busy-unavailable", "busy-unavailable", "free"]
        cancel_booking(session, booking_id=booked.id, because="pat", viewer=EVERYONE, now=now)
        assert {slot.status for slot in (first, second, third)} == {SlotStatus.FREE}

    def test_are_taken_by_whoever_books_their_time(self, session, copy, listed, book):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 40), slot_minutes=20)
        first, _ = copy(schedule)

        assert book(listed(schedule)[0]).slot_id == first.id

    def test_cannot_be_booked_too_late(self, session, copy, now):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 30))
        a_kind(session, schedule, notice_min=60)
        first, second = copy(schedule)
        too_late = first.starts_at - 60 * MINUTE
        first_id, patient_id = first.id, a_patient(session).id

        with pytest.raises(SlotTaken):
            book_slots(session, wish=Wish([first_id]), patient_id=patient_id, viewer=EVERYONE, now=too_late)
        assert tidy_slots(session, now=too_late) == 1
        assert session.scalars(select(Slot.id).where(Slot.starts_at < moment(23))).all() == [second.id]

    def test_cannot_be_held_while_the_doctor_is_away(self, session, copy, now):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 15))
        (slot,) = copy(schedule)
        session.add(
            Absence(
                id=uuid4(),
                organisation_id=schedule.organisation_id,
                practitioner_id=schedule.practitioner_id,
                starts_at=moment(7),
                ends_at=moment(8),
            )
        )
        session.flush()

        with pytest.raises(SlotTaken, match="not free at this time"):
            hold_slots(session, slot_ids=[slot.id], lasts=LASTS, viewer=EVERYONE, now=now)

    def test_follow_the_rules_when_these_change(self, session, copy, listed, book, now):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 45))
        first, second, _ = copy(schedule)
        kept, dropped = book(listed(schedule)[0]), book(listed(schedule)[0])
        cancel_booking(session, booking_id=dropped.id, because="pat", viewer=EVERYONE, now=now)
        session.add(
            HoursException(
                id=uuid4(),
                organisation_id=schedule.organisation_id,
                schedule_id=schedule.id,
                first_date=DAY,
                last_date=DAY,
                is_open=False,
                reason="illness",
            )
        )
        session.flush()

        slots = copy(schedule)

        # The third is gone; a booking stands, and a cancelled one still names its slot.
        assert [(slot.id, slot.status, slot.origin) for slot in slots] == [
            (first.id, SlotStatus.BUSY, SlotOrigin.TIME),
            (second.id, SlotStatus.BLOCKED, SlotOrigin.TIME),
        ]
        assert kept.slot_id == first.id

    def test_are_kept_for_some_days_ahead(self, session, copy, calendar, now):
        schedule = a_schedule(session, recurrence="FREQ=DAILY", starts=time(8), ends=time(8, 15))
        copy(schedule)
        later = now + timedelta(days=1)

        assert keep_copies(session, calendar=calendar, now=now) == 0
        assert keep_copies(session, calendar=calendar, now=later) == 1
        assert session.scalar(select(Schedule.copied_until)) == later + timedelta(days=COPY_DAYS)

    def test_never_stand_beside_sent_slots(self, session, copy):
        schedule = a_schedule(session, starts=time(8), ends=time(8, 30))
        sent = a_slot(session, schedule, starts_at=moment(7, 5), minutes=10)

        # 08:00 to 08:15 is taken up by 08:05 to 08:15.
        assert [slot.starts_at for slot in copy(schedule)] == [sent.starts_at, moment(7, 15)]


def test_every_offered_time_books_in_random_worlds(session, calendar, now):
    random = Random(7)  # noqa: S311 -- a seeded choice of worlds
    done = 0
    for _ in range(8):
        doctor = a_doctor(session)
        patients = [a_patient(session) for _ in range(3)]
        for _ in range(random.choice([1, 2])):
            begins = random.randrange(0, 24)
            schedule = a_schedule(
                session, doctor, recurrence="FREQ=DAILY", starts=time(begins), ends=time((begins + 3) % 24)
            )
            for position in range(random.choice([0, 1, 2])):
                a_kind(
                    session,
                    schedule,
                    position=position,
                    code=random.choice(list(ConsultationCode)),
                    minutes=random.choice([10, 15, 40]),
                    buffer_before_min=random.choice([0, 5]),
                    buffer_after_min=random.choice([0, 10]),
                    notice_min=random.choice([0, 120]),
                    step_min=random.choice([1, 5, 20]),
                    most_at_once=random.choice([1, 1, 2]),
                )
            if random.random() < 0.5:
                copy_again(session, schedule.id, calendar=calendar, now=now)
        booked: list[Booking] = []
        for _ in range(10):
            starts, ends = calendar.day(date(2026, 3, 28) + timedelta(days=random.randrange(3)))
            found = offers(
                session,
                doctor_id=doctor.id,
                starts=starts,
                ends=ends,
                calendar=calendar,
                viewer=EVERYONE,
                now=now,
            )
            if not found:
                continue
            offer = random.choice(found)
            patient = random.choice(patients)
            ask = {"calendar": calendar, "viewer": EVERYONE, "now": now}
            match random.randrange(4):
                case 0:
                    held = hold_time(session, time=time_of(offer), lasts=LASTS, **ask)
                    booked.append(
                        book_time(session, time=time_of(offer), patient_id=patient.id, hold_id=held.id, **ask)
                    )
                case 1 if booked:
                    cancel_booking(
                        session, booking_id=booked.pop().id, because="pat", viewer=EVERYONE, now=now
                    )
                case 2:
                    hold_time(session, time=time_of(offer), lasts=LASTS, **ask)
                case _:
                    booked.append(book_time(session, time=time_of(offer), patient_id=patient.id, **ask))
            done += 1
        for slot in session.scalars(select(Slot).where(Slot.status == SlotStatus.FREE).limit(3)).all():
            session.refresh(slot)
            if slot.status is SlotStatus.FREE:  # what is shown as free books by its id as well
                wish = Wish([slot.id])
                book_slots(session, wish=wish, patient_id=patients[0].id, viewer=EVERYONE, now=now)
    assert done > 60
