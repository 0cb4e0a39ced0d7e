"""Whom the post tells what, and when: on both databases, from the command to the letter."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.consultations import booking, progress
from careapp.consultations.booking import Wish as BookingWish
from careapp.consultations.models import Booking, Schedule
from careapp.jobs.cleaning import forget_old
from careapp.notices import wishes
from careapp.notices.carriers import Letter, NotTaken
from careapp.notices.delivery import MOST_ATTEMPTS, NoticePost
from careapp.notices.forgetting import forget_notices
from careapp.notices.models import ContactWish, HeardMessage, Language, Notice, Way
from careapp.notices.planning import reminder_time
from careapp.notices.wishes import Wish
from careapp.outbound import Reach, open_client
from careapp.people.models import Patient
from careapp.privacy.erasure import erase_patient
from careapp.records.models import AuditEvent, OutboxMessage
from tests.careapp.worlds import DAY, EVERYONE, a_patient, a_schedule, a_slot, moment

LATER = moment(14)
"""15:00 in Berlin on `DAY`, twenty-one hours after `now`."""
MAIL = Wish(Way.EMAIL, email="erna@mail.example", hours_before=[2])


@dataclass
class Basket:
    """A carrier that keeps what it takes.

    Attributes:
        letters: What it took.
        refusal: Instead of taking anything.
    """

    letters: list[Letter] = field(default_factory=list)
    refusal: NotTaken | None = None

    def carry(self, letter: Letter) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.letters.append(letter)

    def said(self) -> list[str]:
        """The sentence of each letter; an e-mail has a greeting around it."""
        found = [each.text.split("\n\n")[1] if each.way is Way.EMAIL else each.text for each in self.letters]
        self.letters.clear()
        return found


@dataclass
class Office:
    """A patient, a doctor's slots, and the post.

    Attributes:
        sessions: Of the database.
        patient_id: Who is told.
        slots: Free ones on `DAY` at 15:00, 16:00 and 17:00.
        basket: What was sent.
        hour: What the clock shows.
    """

    sessions: sessionmaker[Session]
    patient_id: UUID
    slots: list[UUID]
    basket: Basket
    hour: datetime

    def act(self, deed: Callable[..., object], **arguments: object) -> object:
        with self.sessions.begin() as session:
            return deed(session, viewer=EVERYONE, now=self.hour, **arguments)

    def wish(self, wish: Wish) -> None:
        self.act(wishes.set_contact_wish, patient_id=self.patient_id, wish=wish)

    def book(self, slot: int = 0) -> UUID:
        made = self.act(booking.book_slots, wish=BookingWish([self.slots[slot]]), patient_id=self.patient_id)
        assert isinstance(made, Booking)
        return made.id

    def move(self, booking_id: UUID, slot: int) -> None:
        wish = BookingWish([self.slots[slot]])
        self.act(booking.move_booking, booking_id=booking_id, wish=wish, patient_id=self.patient_id)

    def cancel(self, booking_id: UUID) -> None:
        self.act(booking.cancel_booking, booking_id=booking_id, because="pat")

    def post(self) -> NoticePost:
        carriers = {Way.EMAIL: self.basket, Way.SMS: self.basket}
        return NoticePost(self.sessions, Settings.read(), lambda: self.hour, carriers=carriers)

    def send(self, after: timedelta = timedelta()) -> list[str]:
        """Let time pass and the post look; return what it said."""
        self.hour += after
        post = self.post()
        post.spread()
        with open_client(Reach(frozenset())) as client:
            for notice_id in post.due():
                post.deliver(client, notice_id)
        return self.basket.said()

    def statuses(self) -> list[str]:
        with self.sessions() as session:
            return sorted(session.scalars(select(Notice.status)))


@pytest.fixture
def office(sessions: sessionmaker[Session], now: datetime) -> Office:
    with sessions.begin() as session:
        patient, schedule = a_patient(session), a_schedule(session)
        slots = [
            a_slot(session, schedule, starts_at=LATER + timedelta(hours=number)).id for number in range(3)
        ]
        return Office(sessions, patient.id, slots, Basket(), now)


class TestWhoeverWishesIt:
    def test_is_told_of_a_booking_and_reminded(self, office):
        office.wish(MAIL)
        office.book()

        assert office.send() == ["Sie haben morgen um 15:00 Uhr einen Termin."]
        assert office.send(timedelta(hours=18)) == []
        assert office.send(timedelta(hours=1)) == ["Sie haben heute um 15:00 Uhr einen Termin."]
        assert office.send(timedelta(hours=1)) == []

    def test_is_told_of_a_move_and_reminded_of_the_new_time_only(self, office):
        office.wish(MAIL)
        booked = office.book()
        office.send()
        office.move(booked, 2)

        assert office.send() == ["Ihr Termin wurde verschoben. Er ist jetzt morgen um 17:00 Uhr."]
        # 15:00 - 2 h is over and said nothing; 17:00 - 2 h says what is so now.
        assert office.send(timedelta(hours=20)) == []
        assert office.send(timedelta(hours=1)) == ["Sie haben heute um 17:00 Uhr einen Termin."]

    def test_is_told_of_a_cancellation_and_no_longer_reminded(self, office):
        office.wish(MAIL)
        booked = office.book()
        office.send()
        office.cancel(booked)

        assert office.send() == ["Ihr Termin morgen um 15:00 Uhr findet nicht statt."]
        assert office.send(timedelta(hours=19)) == []
        assert office.statuses() == ["dropped", "sent", "sent"]

    def test_hears_once_of_what_changed_before_anything_was_sent(self, office):
        office.wish(MAIL)
        booked = office.book()
        office.move(booked, 1)
        office.move(booked, 2)

        assert office.send() == ["Sie haben morgen um 17:00 Uhr einen Termin."]

    def test_hears_nothing_of_what_came_and_went(self, office):
        office.wish(MAIL)
        office.cancel(office.book())

        assert office.send() == []

    def test_hears_of_a_move_there_and_back_each_time(self, office):
        office.wish(MAIL)
        booked = office.book()
        office.send()
        office.move(booked, 1)
        office.send()
        office.move(booked, 0)

        assert office.send() == ["Ihr Termin wurde verschoben. Er ist jetzt morgen um 15:00 Uhr."]
        assert office.send(timedelta(hours=19)) == ["Sie haben heute um 15:00 Uhr einen Termin."]

    def test_hears_that_another_was_made_in_its_stead(self, office):
        office.wish(MAIL)
        booked = office.book()
        office.send()
        office.act(
            booking.rebook,
            booking_id=booked,
            wish=BookingWish([office.slots[1]]),
            patient_id=office.patient_id,
        )

        assert sorted(office.send()) == [
            "Ihr Termin morgen um 15:00 Uhr findet nicht statt.",
            "Sie haben morgen um 16:00 Uhr einen Termin.",
        ]

    def test_hears_of_a_booking_when_the_practice_has_confirmed_it(self, office):
        with office.sessions.begin() as session:
            session.scalars(select(Schedule)).one().needs_confirmation = True
        office.wish(MAIL)
        booked = office.book()

        assert office.send() == []
        office.act(progress.confirm_booking, booking_id=booked)
        assert office.send() == ["Sie haben morgen um 15:00 Uhr einen Termin."]

    def test_may_say_so_after_the_booking(self, office):
        office.book()
        assert office.send() == []

        office.wish(Wish(Way.SMS, Language.ENGLISH, phone="0171 234 56 78"))

        assert office.send() == ["You have an appointment tomorrow at 15:00."]

    def test_gets_sms_at_an_international_number(self, office):
        office.wish(Wish(Way.SMS, phone="0171 / 234-56 78"))
        office.book()
        with open_client(Reach(frozenset())) as client:
            post = office.post()
            post.spread()
            assert [post.deliver(client, each) for each in post.due()] == [True]

        assert [letter.to for letter in office.basket.letters] == ["+491712345678"]

    def test_gets_an_invitation_that_a_cancellation_takes_back(self, office):
        office.wish(Wish(Way.EMAIL, email="erna@mail.example", hours_before=[], wants_invitations=True))
        booked = office.book()
        kept: list[str] = []
        for deed in (lambda: None, lambda: office.move(booked, 1), lambda: office.cancel(booked)):
            deed()
            post = office.post()
            post.spread()
            with open_client(Reach(frozenset())) as client:
                for notice_id in post.due():
                    post.deliver(client, notice_id)
            (letter,) = office.basket.letters
            office.basket.letters.clear()
            kept.append(letter.calendar[1].decode())

        uids = {line for each in kept for line in each.split("\r\n") if line.startswith("UID:")}
        assert len(uids) == 1
        assert str(booked) not in "".join(kept)
        assert ["METHOD:REQUEST" in kept[0], "METHOD:REQUEST" in kept[1], "METHOD:CANCEL" in kept[2]] == [
            True
        ] * 3
        assert [f"SEQUENCE:{number}" in each for number, each in enumerate(kept)] == [True] * 3

    def test_can_read_who_was_told_in_the_record(self, office):
        office.wish(MAIL)
        office.book()
        office.send()

        with office.sessions() as session:
            told = session.scalars(select(AuditEvent).where(AuditEvent.action == "send_notice")).one()
            assert (told.patient_id, told.detail) == (office.patient_id, {"kind": "booked", "way": "email"})


class TestWhoeverDoesNot:
    def test_hears_nothing(self, office):
        office.book()

        assert office.send() == []
        assert office.statuses() == []

    def test_hears_nothing_more_from_then_on(self, office):
        office.wish(MAIL)
        booked = office.book()
        office.send()
        office.wish(Wish(Way.NONE))
        office.cancel(booked)

        assert office.send() == []
        assert office.send(timedelta(hours=19)) == []

    def test_hears_nothing_when_restricted(self, office):
        office.wish(MAIL)
        office.book()
        with office.sessions.begin() as session:
            session.scalars(select(Patient)).one().restricted_at = office.hour

        assert office.send() == []


class TestAFailure:
    def test_is_tried_again_ever_later(self, office):
        office.wish(MAIL)
        office.book()
        office.basket.refusal = NotTaken("the mail server cannot be reached")
        assert office.send() == []
        office.basket.refusal = None

        assert office.send(timedelta(seconds=29)) == []
        assert office.send(timedelta(seconds=2)) == ["Sie haben morgen um 15:00 Uhr einen Termin."]

    def test_ends_when_it_is_final(self, office):
        office.wish(Wish(Way.EMAIL, email="erna@mail.example", hours_before=[]))
        office.book()
        office.basket.refusal = NotTaken("the mail server refuses this recipient", is_final=True)
        office.send()

        assert office.statuses() == ["failed"]
        with office.sessions() as session:
            assert session.scalars(select(Notice.why)).one() == "the mail server refuses this recipient"

    def test_ends_after_many(self, office):
        office.wish(Wish(Way.EMAIL, email="erna@mail.example", hours_before=[]))
        office.book()
        office.basket.refusal = NotTaken("the mail server cannot be reached")
        for _ in range(MOST_ATTEMPTS):
            assert "failed" not in office.statuses()
            office.send(timedelta(hours=1))

        assert office.statuses() == ["failed"]

    def test_of_whoever_sends_is_taken_over(self, office):
        office.wish(MAIL)
        office.book()
        office.post().spread()
        with office.sessions.begin() as session:  # a process that died while it sent
            notice = session.scalars(select(Notice).order_by(Notice.due_at)).first()
            notice.lease_until = office.hour + timedelta(minutes=1)

        assert office.send() == []
        assert office.send(timedelta(minutes=1)) == ["Sie haben morgen um 15:00 Uhr einen Termin."]


class TestListening:
    def test_does_not_mind_who_else_listens(self, office):
        office.wish(MAIL)
        office.book()
        with office.sessions.begin() as session:
            for message in session.scalars(select(OutboxMessage)):
                message.delivered_at = office.hour

        assert office.send() == ["Sie haben morgen um 15:00 Uhr einen Termin."]
        assert office.post().spread() == 0

    def test_forgets_with_the_outbox(self, office, tmp_path):
        office.wish(MAIL)
        office.book()
        office.send()
        long_after = office.hour + timedelta(days=40)
        settings = Settings.read(data_dir=tmp_path)
        with office.sessions.begin() as session:
            forget_old(session, now=long_after, settings=settings)
            forget_notices(session, now=long_after, settings=settings)

        with office.sessions() as session:
            assert session.scalars(select(HeardMessage)).all() == []
        assert office.statuses() == ["waiting"]  # a reminder at which nobody looked any more


class TestErasure:
    def test_leaves_no_address_and_no_message(self, office):
        office.wish(MAIL)
        office.cancel(office.book())
        office.send()
        receipt = office.act(erase_patient, patient_id=office.patient_id)

        with office.sessions() as session:
            assert session.scalars(select(ContactWish)).all() == []
        assert office.statuses() == []
        assert receipt.counts["told"] >= 1


class TestReminderTime:
    @pytest.mark.parametrize(
        ("hour", "hours", "local"),
        [
            (9, 24, "2026-03-02 10:00"),
            (7, 1, "2026-03-03 07:00"),
            (6, 1, "2026-03-02 20:00"),  # 06:00 in Berlin
            (8, 12, "2026-03-02 20:00"),  # 21:00 in Berlin
            (22, 1, "2026-03-03 20:00"),  # 22:00 in Berlin
        ],
    )
    def test_is_never_at_night(self, calendar: Calendar, hour, hours, local):
        due = reminder_time(moment(hour), hours, calendar)

        assert f"{due.astimezone(calendar.zone):%Y-%m-%d %H:%M}" == local
        assert DAY.isoformat() == "2026-03-03"
