from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from careapp.appointments.models import AppointmentStatus
from careapp.config import Settings
from careapp.consultations import booking, holds
from careapp.consultations.booking import PatientInactive, Wish
from careapp.consultations.models import Booking, SlotStatus
from careapp.consultations.taking import SlotTaken
from careapp.errors import Invalid
from careapp.people.queries import DoctorNotFound, PatientNotFound
from careapp.privacy.erasure import erase_patient
from careapp.privacy.retention import keep_rules
from careapp.records.models import OutboxMessage
from careapp.waiting import commands, line, queries
from careapp.waiting.commands import Wanted
from careapp.waiting.models import Chance, ChanceStatus, WaitingEntry, WaitingStatus
from tests.careapp.worlds import (
    EVERYONE,
    a_patient,
    a_schedule,
    a_slot,
    an_organisation,
    coordinator_of,
    moment,
)

LASTS = timedelta(hours=1)
SETTINGS = Settings()


@pytest.fixture
def schedule(session):
    return a_schedule(session)


@pytest.fixture
def slots(session, schedule):
    return [a_slot(session, schedule, starts_at=moment(8, 15 * number)) for number in range(2)]


def wait(session, now, patient=None, viewer=EVERYONE, **more):
    wanted = {"doctor_id": None, "specialty": "ALLG", "earliest": moment(0), "latest": moment(23)} | more
    return commands.join_list(
        session,
        patient_id=(patient or a_patient(session)).id,
        wanted=Wanted(**wanted),
        viewer=viewer,
        now=now,
    )


def look(session, now):
    session.expire_all()
    return line.offer_chances_if_due(session, now=now, settings=SETTINGS)


def chance_of(session, entry):
    """Return the last chance of an entry; None if it has none."""
    statement = select(Chance).where(Chance.entry_id == entry.id).order_by(Chance.offered_at.desc())
    return session.scalars(statement).first()


class TestJoinList:
    def test_is_listed_by_need_then_by_waiting(self, session, now):
        first = wait(session, now)
        later = wait(session, now + LASTS)
        urgent = wait(session, now + LASTS, need=4)

        page = queries.list_entries(session, viewer=EVERYONE, limit=2)
        rest = queries.list_entries(session, viewer=EVERYONE, limit=2, after=page.next_after)

        assert [entry.id for entry in page.items] == [urgent.id, first.id]
        assert [entry.id for entry in rest.items] == [later.id]
        only = queries.list_entries(
            session,
            viewer=EVERYONE,
            patient_id=later.patient_id,
            status=WaitingStatus.WAITING,
            limit=2,
        )
        assert [entry.id for entry in only.items] == [later.id]

    def test_refuses_the_same_twice(self, session, now, schedule):
        patient = a_patient(session)
        wait(session, now, patient)

        with pytest.raises(commands.WaitsAlready):
            wait(session, now, patient)
        wait(session, now, patient, doctor_id=schedule.role_id, specialty=None)
        with pytest.raises(commands.WaitsAlready):
            wait(session, now, patient, doctor_id=schedule.role_id, specialty=None)

    @pytest.mark.parametrize(
        "wanted",
        [
            {"doctor_id": uuid4()},
            {"specialty": None},
            {"need": 0},
            {"need": 5},
            {"latest": moment(0)},
            {"earliest": moment(0).replace(tzinfo=None)},
            {"specialty": "no such thing"},
        ],
    )
    def test_refuses_what_makes_no_sense(self, session, now, wanted):
        with pytest.raises(Invalid):
            wait(session, now, **wanted)

    def test_refuses_a_period_that_is_over(self, session):
        with pytest.raises(commands.ImpossibleWaiting):
            wait(session, moment(23))

    def test_refuses_whom_the_viewer_does_not_care_for(self, session, now):
        with pytest.raises(PatientNotFound):
            wait(session, now, viewer=coordinator_of(an_organisation(session)))
        with pytest.raises(DoctorNotFound):
            wait(session, now, doctor_id=uuid4(), specialty=None)
        with pytest.raises(PatientInactive):
            wait(session, now, a_patient(session, is_active=False))


class TestTheLine:
    def test_keeps_a_time_for_whoever_needs_it_most(self, session, now, slots):
        usual = [wait(session, now + number * LASTS) for number in range(2)]
        urgent = wait(session, now + LASTS, need=3)

        assert look(session, now) == 2  # there are two times

        chance = chance_of(session, urgent)
        assert (chance.starts_at, chance.until) == (slots[0].starts_at, now + LASTS)
        assert chance_of(session, usual[0]).starts_at == slots[1].starts_at
        assert chance_of(session, usual[1]) is None
        assert {slot.status for slot in slots} == {SlotStatus.HELD}
        with pytest.raises(SlotTaken):
            holds.hold_slots(session, slot_ids=[slots[0].id], lasts=LASTS, viewer=EVERYONE, now=now)
        topics = session.scalars(select(OutboxMessage.topic)).all()
        assert topics.count("chance.offered") == 2

    def test_gives_nobody_a_second_time_while_one_is_kept(self, session, now, slots):
        wait(session, now)

        assert look(session, now) == 1
        assert look(session, now) == 0

    def test_goes_on_to_the_next_who_waits_if_nobody_answers(self, session, now, slots):
        slots[1].status = SlotStatus.BLOCKED
        first, second = wait(session, now), wait(session, now + timedelta(seconds=1))
        look(session, now)

        assert look(session, now + LASTS) == 1

        assert chance_of(session, first).status is ChanceStatus.EXPIRED
        assert chance_of(session, second).status is ChanceStatus.OFFERED
        look(session, now + 2 * LASTS)
        # Both have had it: it is offered to nobody a second time.
        assert chance_of(session, second).status is ChanceStatus.EXPIRED
        assert len(session.scalars(select(Chance.id)).all()) == 2

    def test_keeps_what_somebody_gives_back(self, session, now, slots):
        taken = [
            booking.book_slots(
                session, wish=Wish([slot.id]), patient_id=a_patient(session).id, viewer=EVERYONE, now=now
            )
            for slot in slots
        ]
        entry = wait(session, now)
        assert look(session, now) == 0

        booking.cancel_booking(session, booking_id=taken[1].id, because="pat", viewer=EVERYONE, now=now)

        assert look(session, now) == 1
        assert chance_of(session, entry).starts_at == slots[1].starts_at

    def test_waits_for_one_doctor_in_a_period(self, session, now, schedule, slots):
        other = a_slot(session, starts_at=moment(7))
        entry = wait(
            session,
            now,
            doctor_id=schedule.role_id,
            specialty=None,
            earliest=slots[1].starts_at,
            latest=moment(10),
        )
        wait(session, now, specialty="DERM")

        assert look(session, now) == 1

        assert chance_of(session, entry).starts_at == slots[1].starts_at
        assert other.status == SlotStatus.FREE

    def test_offers_nothing_too_soon_to_answer(self, session, slots):
        wait(session, moment(0))

        assert look(session, slots[1].starts_at - timedelta(minutes=4)) == 0
        assert look(session, slots[1].starts_at - timedelta(minutes=5)) == 1

    def test_passes_over_who_is_restricted_or_gone(self, session, now, slots):
        gone, restricted = a_patient(session), a_patient(session)
        wait(session, now, gone)
        wait(session, now, restricted)
        gone.is_active, restricted.restricted_at = False, now
        session.flush()

        assert look(session, now) == 0

    def test_ends_with_its_period(self, session, now):
        entry = wait(session, now, latest=moment(6))

        look(session, moment(6))

        session.refresh(entry)
        assert (entry.status, entry.ended_at) == (WaitingStatus.EXPIRED, moment(6))


class TestAChance:
    @pytest.fixture
    def entry(self, session, now, slots):
        return wait(session, now)

    @pytest.fixture
    def chance(self, session, now, entry):
        look(session, now)
        return chance_of(session, entry)

    def test_is_accepted_once(self, session, now, slots, entry, chance):
        commands.accept_chance(session, chance_id=chance.id, title="Befund", viewer=EVERYONE, now=now)

        made = session.scalars(select(Booking)).one()
        assert (made.id, made.title, made.status) == (chance.id, "Befund", AppointmentStatus.BOOKED)
        assert (chance.status, chance.booking_id) == (ChanceStatus.ACCEPTED, made.id)
        session.refresh(entry)
        assert (entry.status, slots[0].status) == (WaitingStatus.SERVED, SlotStatus.BUSY)
        for answer in (commands.accept_chance, commands.decline_chance):
            with pytest.raises(commands.ChanceOver):
                answer(session, chance_id=chance.id, viewer=EVERYONE, now=now)

    def test_is_declined_and_another_one_comes(self, session, now, slots, entry, chance):
        commands.decline_chance(session, chance_id=chance.id, viewer=EVERYONE, now=now)

        assert slots[0].status == SlotStatus.FREE
        assert look(session, now + timedelta(seconds=1)) == 1
        assert chance_of(session, entry).starts_at == slots[1].starts_at

    def test_is_over_after_its_time(self, session, now, chance):
        with pytest.raises(commands.ChanceOver):
            commands.accept_chance(session, chance_id=chance.id, viewer=EVERYONE, now=now + LASTS)

    def test_is_over_if_its_hold_was_given_back(self, session, now, chance):
        holds.release_hold(session, hold_id=chance.id, viewer=EVERYONE, now=now)

        with pytest.raises(commands.ChanceOver):
            commands.accept_chance(session, chance_id=chance.id, viewer=EVERYONE, now=now)

    def test_counts_as_accepted_if_its_hold_was_booked(self, session, now, slots, entry, chance):
        wish = Wish([slots[0].id], hold_id=chance.id)
        booking.book_slots(session, wish=wish, patient_id=entry.patient_id, viewer=EVERYONE, now=now)

        look(session, now + LASTS)

        session.refresh(entry)
        session.refresh(chance)
        assert (entry.status, chance.status) == (WaitingStatus.SERVED, ChanceStatus.ACCEPTED)

    def test_goes_when_the_patient_waits_no_longer(self, session, now, slots, entry, chance):
        commands.leave_list(session, entry_id=entry.id, viewer=EVERYONE, now=now)

        assert (entry.status, chance.status) == (WaitingStatus.WITHDRAWN, ChanceStatus.WITHDRAWN)
        assert slots[0].status == SlotStatus.FREE
        with pytest.raises(commands.WaitsNoLonger):
            commands.leave_list(session, entry_id=entry.id, viewer=EVERYONE, now=now)

    def test_may_be_over_when_the_patient_leaves(self, session, now, entry, chance):
        commands.leave_list(session, entry_id=entry.id, viewer=EVERYONE, now=now + LASTS)

        assert chance.status is ChanceStatus.WITHDRAWN

    def test_is_nobody_elses(self, session, now, entry, chance):
        stranger = coordinator_of(an_organisation(session))

        with pytest.raises(queries.ChanceNotFound):
            commands.accept_chance(session, chance_id=chance.id, viewer=stranger, now=now)
        with pytest.raises(queries.ChanceNotFound):
            queries.get_chance(session, chance_id=uuid4(), viewer=EVERYONE)
        with pytest.raises(queries.EntryNotFound):
            queries.get_entry(session, entry_id=entry.id, viewer=stranger)


class TestForgetting:
    def test_follows_the_rules(self, session, now):
        entry = wait(session, now)
        commands.leave_list(session, entry_id=entry.id, viewer=EVERYONE, now=now)
        after = now + timedelta(days=SETTINGS.calls_keep_days)

        assert keep_rules(session, now=after, settings=SETTINGS) == 0
        assert keep_rules(session, now=after + timedelta(seconds=1), settings=SETTINGS) == 1

        assert session.scalars(select(WaitingEntry.id)).all() == []

    def test_follows_an_erasure(self, session, now, slots):
        entry = wait(session, now)
        look(session, now)
        erase_patient(session, patient_id=entry.patient_id, viewer=EVERYONE, now=now)

        assert session.scalars(select(Chance.id)).all() == []
        assert session.scalars(select(WaitingEntry.id)).all() == []
