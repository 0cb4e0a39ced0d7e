"""Links and seats: who comes to a call, and who does not."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select

from careapp.access import Viewer, ViewerRole
from careapp.calls.links import (
    MOST_GUESTS,
    GuestWithoutName,
    LinkExpired,
    LinkUnknown,
    LinkUsed,
    ParticipantNotFound,
    TooManyGuests,
    make_join_link,
    prepare_call,
    redeem_link,
)
from careapp.calls.models import Call, CallMedium, CallPart, CallParticipant, CallState
from careapp.calls.seats import (
    EARLY,
    LATE,
    CallNotFound,
    CallOff,
    DoorClosed,
    NotOfThisCall,
    call_of_participant,
    seat_of_viewer,
)
from careapp.consultations.booking import cancel_booking
from careapp.consultations.models import Booking
from careapp.consultations.progress import remove_booking
from careapp.consultations.queries import BookingNotFound
from careapp.openings.commands import ToWhom, open_record
from careapp.openings.models import OpeningKind
from careapp.records.models import AuditEvent, OutboxMessage
from careapp.tenancy import begin_as
from tests.careapp.calls.consultations import DURING, EMBEDDED, STARTS
from tests.careapp.worlds import EVERYONE, a_doctor, a_world

ENDS = STARTS + timedelta(minutes=15)


class TestPrepareCall:
    def test_makes_one_call_for_whoever_has_a_say(self, consultation):
        made = [
            self.prepare(consultation, viewer)
            for viewer in (consultation.coordinator, consultation.doctor, consultation.nurse)
        ]

        assert len(set(made)) == 1
        with consultation.sessions() as session:
            call = session.scalars(select(Call)).one()
            assert (call.state, call.organisation_id) == (
                CallState.SCHEDULED,
                consultation.world.organisation_id,
            )

    def test_keeps_the_medium_that_was_said_last(self, consultation):
        self.prepare(consultation, consultation.coordinator, medium=CallMedium.AUDIO)
        self.prepare(consultation, consultation.doctor)

        with consultation.sessions() as session:
            assert session.scalars(select(Call.medium)).one() is CallMedium.AUDIO

    def test_refuses_a_nurse_whose_visit_it_is_not(self, consultation):
        with pytest.raises((NotOfThisCall, BookingNotFound)):
            self.prepare(consultation, consultation.stranger)

    def test_refuses_a_doctor_who_sees_the_booking_in_an_emergency_only(self, consultation):
        with consultation.sessions.begin() as session:
            practice = session.merge(consultation.world.practice, load=False)
            colleague = a_doctor(session, practice, family_name="Vertretung")
            open_record(
                session,
                organisation_id=consultation.world.organisation_id,
                patient_id=consultation.world.patients[0].id,
                to=ToWhom(practice.id, colleague.practitioner_id),
                kind=OpeningKind.EMERGENCY,
                reason="Notfall",
                starts_at=DURING,
                ends_at=ENDS,
                viewer=EVERYONE,
                now=DURING,
                appointment_id=consultation.booking_id,
            )
        other = replace(consultation.doctor, practitioner_id=colleague.practitioner_id)

        with pytest.raises(NotOfThisCall):
            self.prepare(consultation, other)

    def test_knows_nothing_of_another_tenants_booking(self, consultation):
        with consultation.sessions.begin() as session:
            theirs = a_world(session)

        with pytest.raises(BookingNotFound):
            self.prepare(consultation, theirs.viewer)

    def test_refuses_a_booking_that_is_called_off(self, consultation):
        call_off(consultation)

        with pytest.raises(CallOff, match="nothing to join"):
            self.prepare(consultation, consultation.coordinator)

    def prepare(self, consultation, viewer, **more):
        with begin_as(consultation.sessions, viewer, DURING) as session:
            return prepare_call(
                session,
                booking_id=consultation.booking_id,
                provider=EMBEDDED,
                viewer=viewer,
                now=DURING,
                **more,
            ).id


class TestMakeJoinLink:
    def test_keeps_only_its_hash(self, consultation):
        link = consultation.invite(consultation.prepare())

        with consultation.sessions() as session:
            participant = session.scalars(select(CallParticipant)).one()
            assert participant.link_hash is not None
            written = [
                *(str(vars(row)) for row in session.scalars(select(AuditEvent))),
                *(str(row.payload) for row in session.scalars(select(OutboxMessage))),
                repr(link),
            ]
        assert len(link.token) == 43  # 32 bytes in Base64
        assert not any(link.token in each for each in written)
        assert link.token.encode() not in participant.link_hash

    def test_lasts_until_the_door_closes_at_most(self, consultation):
        call_id = consultation.prepare()

        usual = consultation.invite(call_id)
        short = consultation.invite(call_id, lasts=timedelta(minutes=15))
        long = consultation.invite(call_id, lasts=timedelta(days=3))

        assert (usual.opens_at, usual.expires_at) == (STARTS - EARLY, ENDS + LATE)
        assert short.expires_at == DURING + timedelta(minutes=15)
        assert long.expires_at == ENDS + LATE

    def test_takes_the_old_link_and_its_seat_away(self, consultation):
        call_id = consultation.prepare()
        old, used = consultation.invite(call_id), consultation.invite(call_id)
        cookie, _ = consultation.come_in(used)
        new = consultation.invite(call_id)

        assert old.participant_id == new.participant_id
        with pytest.raises(LinkUnknown):
            consultation.come_in(old)
        assert seat_by(consultation, cookie) is None
        assert consultation.come_in(new)[1].part is CallPart.PATIENT

    def test_names_guests_and_no_patient(self, consultation):
        call_id = consultation.prepare()
        guest = consultation.invite(call_id, CallPart.GUEST, name="Tochter Probst")
        again = consultation.invite(call_id, CallPart.GUEST, participant_id=guest.participant_id)

        assert again.participant_id == guest.participant_id
        assert consultation.come_in(again)[1].name == "Tochter Probst"
        with pytest.raises(GuestWithoutName):
            consultation.invite(call_id, CallPart.GUEST)
        with pytest.raises(GuestWithoutName):
            consultation.invite(call_id, CallPart.PATIENT, name="Paula Probst 1")
        with pytest.raises(GuestWithoutName):
            consultation.invite(call_id, CallPart.DOCTOR, name="Dr. Falsch")
        with pytest.raises(ParticipantNotFound):
            consultation.invite(call_id, CallPart.GUEST, participant_id=uuid4())

    def test_seals_a_guests_name(self, consultation):
        consultation.invite(consultation.prepare(), CallPart.GUEST, name="Tochter Probst")

        with consultation.sessions() as session:
            sealed = session.scalars(select(CallParticipant.__table__.c.sealed)).one()
        assert b"Tochter" not in sealed

    def test_asks_no_more_than_a_few_guests(self, consultation):
        call_id = consultation.prepare()
        for number in range(MOST_GUESTS):
            consultation.invite(call_id, CallPart.GUEST, name=f"Gast {number}")

        with pytest.raises(TooManyGuests):
            consultation.invite(call_id, CallPart.GUEST, name="noch einer")

    def test_is_refused_when_the_consultation_is_over(self, consultation):
        call_id = consultation.prepare()

        with pytest.raises(DoorClosed, match="is over"):
            consultation.invite(call_id, now=ENDS + LATE)

    def test_is_refused_for_a_call_that_nobody_knows(self, consultation):
        with pytest.raises(CallNotFound):
            consultation.invite(uuid4())

    def test_is_refused_to_support_and_strangers(self, consultation):
        call_id = consultation.prepare()
        for viewer in (
            consultation.stranger,
            Viewer("s", ViewerRole.SUPPORT, consultation.world.organisation_id, asked_at=DURING),
        ):
            with (
                pytest.raises((CallNotFound, NotOfThisCall)),
                begin_as(consultation.sessions, viewer, DURING) as session,
            ):
                make_join_link(session, call_id=call_id, viewer=viewer, now=DURING)


class TestRedeemLink:
    def test_gives_a_seat_that_holds_by_its_cookie(self, consultation):
        link = consultation.invite(consultation.prepare())

        cookie, seat = consultation.come_in(link)

        assert seat == seat_by(consultation, cookie)
        assert (seat.part, seat.name, seat.state) == (CallPart.PATIENT, "Paula Probst 1", CallState.SCHEDULED)
        assert not any((seat.has_consented, seat.is_waiting, seat.is_admitted, seat.is_host))
        assert seat.viewer.organisation_id == consultation.world.organisation_id
        assert seat_by(consultation, cookie[:-1]) is None
        assert seat_by(consultation, link.token) is None

    def test_works_once(self, consultation):
        link = consultation.invite(consultation.prepare())
        consultation.come_in(link)

        with pytest.raises(LinkUsed):
            consultation.come_in(link)

    def test_gives_one_seat_to_many_who_try_at_once(self, consultation):
        link = consultation.invite(consultation.prepare())

        def attempt(_):
            try:
                return consultation.come_in(link)[1].participant_id
            except LinkUsed:
                return None

        with ThreadPoolExecutor(6) as people:
            seats = list(people.map(attempt, range(6)))

        assert sorted(seat is None for seat in seats) == [False, True, True, True, True, True]

    def test_knows_no_made_up_token(self, consultation):
        consultation.invite(consultation.prepare())
        for token in ("", "a" * 43, "a" * 5000, "ü"):
            with pytest.raises(LinkUnknown), consultation.sessions.begin() as session:
                redeem_link(session, token=token, now=DURING)

    def test_is_too_early_until_the_door_opens_and_the_link_stays_good(self, consultation):
        link = consultation.invite(consultation.prepare())

        with pytest.raises(DoorClosed) as early:
            consultation.come_in(link, STARTS - EARLY - timedelta(seconds=1))

        assert early.value.opens_at == STARTS - EARLY
        assert consultation.come_in(link, STARTS - EARLY)[1]

    def test_is_too_late_when_the_link_has_expired(self, consultation):
        link = consultation.invite(consultation.prepare(), lasts=timedelta(minutes=5))

        with pytest.raises(LinkExpired):
            consultation.come_in(link, DURING + timedelta(minutes=5))

    def test_is_refused_once_the_booking_is_called_off(self, consultation):
        link = consultation.invite(consultation.prepare())
        call_off(consultation)

        with pytest.raises(CallOff):
            consultation.come_in(link)

    def test_is_recorded_with_its_patient(self, consultation):
        consultation.come_in(consultation.invite(consultation.prepare()))

        with consultation.sessions() as session:
            rows = session.scalars(select(AuditEvent).where(AuditEvent.action == "redeem_link")).all()
            assert [row.patient_id for row in rows] == [consultation.world.patients[0].id]
            assert rows[0].viewer.startswith("join-link:")


class TestSeat:
    def test_ends_with_the_door(self, consultation):
        cookie, _ = consultation.come_in(consultation.invite(consultation.prepare()))

        assert seat_by(consultation, cookie, ENDS + LATE - timedelta(seconds=1))
        assert seat_by(consultation, cookie, ENDS + LATE) is None

    def test_ends_when_the_booking_is_called_off(self, consultation):
        cookie, _ = consultation.come_in(consultation.invite(consultation.prepare()))
        call_off(consultation)

        assert seat_by(consultation, cookie) is None

    def test_of_a_nurse_or_doctor_must_be_taken_first(self, consultation):
        call_id = consultation.prepare()
        with (
            pytest.raises(NotOfThisCall, match="take your seat"),
            begin_as(consultation.sessions, consultation.nurse, DURING) as session,
        ):
            seat_of_viewer(session, call_id=call_id, viewer=consultation.nurse)

    def test_is_no_coordinators(self, consultation):
        call_id = consultation.prepare()
        with (
            pytest.raises(NotOfThisCall),
            begin_as(consultation.sessions, consultation.coordinator, DURING) as session,
        ):
            seat_of_viewer(session, call_id=call_id, viewer=consultation.coordinator)

    def test_goes_with_the_booking_when_that_is_removed(self, consultation):
        consultation.come_in(consultation.invite(consultation.prepare()))
        call_off(consultation)
        with consultation.sessions.begin() as session:
            remove_booking(session, booking_id=consultation.booking_id, viewer=EVERYONE, now=DURING)

        with consultation.sessions() as session:
            for model in (Booking, Call, CallParticipant):
                assert session.scalars(select(model.id)).all() == []


def call_off(consultation):
    viewer = consultation.coordinator
    with begin_as(consultation.sessions, viewer, DURING) as session:
        cancel_booking(session, booking_id=consultation.booking_id, because="pat", viewer=viewer, now=DURING)


def seat_by(consultation, cookie, now=DURING):
    with consultation.sessions() as session:
        return call_of_participant(session, cookie, now=now)
