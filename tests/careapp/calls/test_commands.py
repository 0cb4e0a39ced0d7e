"""What happens in a call: consent, waiting room, admission, hand-over, the end, and what is forgotten."""

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import select

from careapp.calls import commands
from careapp.calls.commands import (
    CallNotOpen,
    ConsentMissing,
    NotAdmitted,
    NotWaiting,
    OtherProvider,
    WasRefused,
)
from careapp.calls.consent import VERSION, WORDS, record_consent, witness_consent
from careapp.calls.forgetting import forget_calls_of, forget_joins
from careapp.calls.links import ParticipantNotFound
from careapp.calls.models import Call, CallConsent, CallPart, CallParticipant, CallState, ProviderKind
from careapp.calls.providers import Embedded, HandOver, choose_provider
from careapp.calls.queries import get_call_view, list_consents, people_beside
from careapp.calls.seats import CallNotFound, DoorClosed, NotOfThisCall, call_of_participant
from careapp.config import Settings, UnsafeSettings
from careapp.identity.models import Language
from careapp.records.models import AuditEvent, OutboxMessage
from careapp.tenancy import begin_as
from tests.careapp.calls.consultations import DURING, EMBEDDED, STARTS

ENDS = STARTS + timedelta(minutes=15)
KEY = b"a key that the provider knows, too"


class Room:
    """A call whose patient has come by a link: what each does, in a transaction of their own."""

    def __init__(self, consultation):
        self.given = consultation
        self.call_id = consultation.prepare()
        link = consultation.invite(self.call_id)
        self.patient_id = link.participant_id
        self.cookie, _ = consultation.come_in(link)

    @property
    def seat(self):
        with self.given.sessions() as session:
            return call_of_participant(session, self.cookie, now=DURING)

    def as_(self, viewer, do, now=DURING, **more):
        with begin_as(self.given.sessions, viewer, now) as session:
            return do(session, viewer=viewer, now=now, **more)

    def agree(self):
        seat = self.seat
        with begin_as(self.given.sessions, seat.viewer, DURING) as session:
            record_consent(session, seat=seat, language=Language.GERMAN, now=DURING)

    def wait(self, now=DURING):
        seat = self.seat
        with begin_as(self.given.sessions, seat.viewer, now) as session:
            return commands.enter_waiting_room(session, seat=seat, now=now)

    def leave(self):
        seat = self.seat
        with begin_as(self.given.sessions, seat.viewer, DURING) as session:
            commands.leave(session, seat=seat, now=DURING)

    def open(self, **more):
        return self.as_(
            self.given.doctor,
            commands.open_call,
            booking_id=self.given.booking_id,
            provider=EMBEDDED,
            **more,
        )

    def admit(self, participant_id=None):
        return self.as_(
            self.given.doctor,
            commands.admit,
            call_id=self.call_id,
            participant_id=participant_id or self.patient_id,
        )

    def refuse(self, participant_id=None):
        return self.as_(
            self.given.doctor,
            commands.refuse,
            call_id=self.call_id,
            participant_id=participant_id or self.patient_id,
        )

    def come_as_nurse(self):
        return self.as_(self.given.nurse, commands.take_seat, call_id=self.call_id)

    def end(self):
        return self.as_(self.given.doctor, commands.end_call, call_id=self.call_id)


@pytest.fixture
def room(consultation):
    return Room(consultation)


class TestConsent:
    def test_is_asked_for_before_the_waiting_room(self, room):
        with pytest.raises(ConsentMissing):
            room.wait()

        room.agree()

        assert room.wait().is_waiting

    def test_is_kept_once_with_its_words_version(self, room):
        room.agree()
        room.agree()

        with room.given.sessions() as session:
            kept = session.scalars(select(CallConsent)).one()
            assert (kept.version, kept.language, kept.part) == (VERSION, "de", CallPart.PATIENT)
            assert kept.witness_id is None
            assert kept.patient_id == room.given.world.patients[0].id

    def test_has_a_version_for_its_words(self):
        # Whoever changes a word gives VERSION a new value, and this hash, too.
        written = repr(sorted((language.value, words) for language, words in WORDS.items()))

        assert VERSION == "2026-11"
        assert sha256(written.encode()).hexdigest()[:16] == "2dfee437e29dca38"

    def test_by_word_of_mouth_names_who_heard_it(self, room):
        room.as_(room.given.nurse, witness_consent, call_id=room.call_id, language=Language.GERMAN)

        with room.given.sessions() as session:
            kept = session.scalars(select(CallConsent)).one()
            assert kept.witness_id == room.given.nurse.practitioner_id
        assert room.wait().is_waiting

    def test_is_no_strangers_to_hear(self, room):
        with pytest.raises(NotOfThisCall):
            room.as_(room.given.coordinator, witness_consent, call_id=room.call_id, language=Language.GERMAN)


class TestOpenCall:
    def test_is_the_doctors_alone(self, room):
        for viewer in (room.given.nurse, room.given.coordinator):
            with pytest.raises(NotOfThisCall):
                room.as_(viewer, commands.open_call, booking_id=room.given.booking_id, provider=EMBEDDED)

    def test_lets_the_doctor_in_at_once(self, room):
        seat = room.open()

        assert (seat.part, seat.is_host, seat.is_admitted) == (CallPart.DOCTOR, True, True)
        assert seat.state is CallState.OPEN
        assert room.seat.state is CallState.OPEN

    def test_waits_for_the_door(self, room):
        with pytest.raises(DoorClosed):
            room.open(now=STARTS - timedelta(minutes=31))

    def test_opens_again_what_was_ended_by_mistake(self, room):
        room.agree()
        room.open()
        room.wait()
        room.admit()
        room.end()
        with pytest.raises(CallNotOpen):
            room.wait()

        room.open()

        assert room.wait().is_waiting


class TestAdmit:
    def test_lets_the_patient_in_from_the_waiting_room(self, room):
        room.agree()
        room.open()
        room.wait()
        assert not room.seat.is_admitted

        room.admit()
        room.admit()  # twice is once

        assert room.seat.is_admitted
        with room.given.sessions() as session:
            deeds = session.scalars(select(AuditEvent).where(AuditEvent.action == "admit")).all()
            assert [deed.viewer for deed in deeds] == ["doctor"]
            assert deeds[0].patient_id == room.given.world.patients[0].id

    def test_is_refused_for_whoever_is_not_there(self, room):
        room.open()
        with pytest.raises(NotWaiting):
            room.admit()
        with pytest.raises(ParticipantNotFound):
            room.admit(room.call_id)

    def test_is_refused_before_the_doctor_is_there(self, room):
        room.agree()
        room.wait()
        with pytest.raises(CallNotOpen):
            room.admit()

    def test_is_no_nurses_and_no_coordinators(self, room):
        room.agree()
        room.open()
        room.wait()
        for viewer in (room.given.nurse, room.given.coordinator):
            with pytest.raises(NotOfThisCall):
                room.as_(viewer, commands.admit, call_id=room.call_id, participant_id=room.patient_id)

    def test_lets_the_nurse_in_once_the_patient_beside_her_has_agreed(self, room):
        room.open()
        nurse = room.come_as_nurse()
        assert (nurse.part, nurse.is_waiting, nurse.name) == (CallPart.NURSE, True, "Petra Abel")
        with pytest.raises(ConsentMissing, match="beside the nurse"):
            room.admit(nurse.participant_id)

        room.as_(room.given.nurse, witness_consent, call_id=room.call_id, language=Language.ENGLISH)
        room.admit(nurse.participant_id)

        assert room.come_as_nurse().is_admitted  # reconnecting keeps the seat


class TestLeave:
    def test_makes_who_comes_again_wait_again(self, room):
        self.come_in(room)
        room.leave()
        assert not room.seat.is_admitted

        again = room.wait()

        assert again.is_waiting
        assert not again.is_admitted

    def test_is_not_needed_when_a_connection_breaks(self, room):
        self.come_in(room)

        assert room.wait().is_admitted

    def test_is_nothing_twice(self, room):
        self.come_in(room)
        room.leave()
        room.leave()

        with room.given.sessions() as session:
            assert len(session.scalars(select(AuditEvent).where(AuditEvent.action == "leave")).all()) == 1

    @staticmethod
    def come_in(room):
        room.agree()
        room.open()
        room.wait()
        room.admit()


class TestRefuse:
    def test_sends_the_patient_away_until_a_new_link(self, room):
        TestLeave.come_in(room)
        room.refuse()
        assert not room.seat.is_admitted
        with pytest.raises(WasRefused):
            room.wait()

        room.cookie, seat = room.given.come_in(room.given.invite(room.call_id))

        assert seat.has_consented
        assert room.wait().is_waiting

    def test_lets_a_nurse_wait_again(self, room):
        room.open()
        nurse = room.come_as_nurse()
        room.refuse(nurse.participant_id)

        assert room.come_as_nurse().is_waiting

    def test_is_nothing_for_oneself(self, room):
        seat = room.open()
        with pytest.raises(NotWaiting):
            room.refuse(seat.participant_id)


class TestEndCall:
    def test_ends_it_for_everybody(self, room):
        TestLeave.come_in(room)
        room.end()
        room.end()

        seat = room.seat
        assert (seat.state, seat.is_admitted) == (CallState.ENDED, False)
        with room.given.sessions() as session:
            topics = session.scalars(select(OutboxMessage.topic)).all()
            assert sorted(topics) == ["call.ended", "call.waiting", "slot.booked"]


class TestPeople:
    def test_are_all_shown_to_who_has_a_say(self, room):
        room.agree()
        room.open()
        room.wait()

        for viewer in (room.given.doctor, room.given.nurse, room.given.coordinator):
            view = self.view(room, viewer)
            assert {p.name: p.is_waiting for p in view.people} == {
                "Paula Probst 1": True,
                "Petra Arzt": False,
            }
            assert (view.host, view.has_patient_agreed) == ("Petra Arzt", True)
        with pytest.raises(CallNotFound):
            self.view(room, replace(room.given.doctor, practitioner_id=room.given.stranger.practitioner_id))

    def test_are_shown_to_patients_once_they_are_in(self, room):
        room.agree()
        room.wait()
        assert self.beside(room) == []
        room.open()

        assert self.beside(room) == ["Petra Arzt"]

    def view(self, room, viewer):
        with begin_as(room.given.sessions, viewer, DURING) as session:
            return get_call_view(session, call_id=room.call_id, viewer=viewer)

    def beside(self, room):
        with begin_as(room.given.sessions, room.seat.viewer, DURING) as session:
            return [person.name for person in people_beside(session, room.seat)]


class TestHandOver:
    provider = HandOver("https://video.example/room/{room}#{token}", KEY)

    def test_waits_until_somebody_is_in(self, room):
        room.agree()
        room.open()
        room.wait()
        with pytest.raises(NotAdmitted):
            self.hand_over(room, Embedded())

        room.admit()

        assert self.hand_over(room, Embedded()) == "/join/call"

    def test_goes_to_the_provider_that_the_call_was_made_for(self, room):
        TestLeave.come_in(room)
        with pytest.raises(OtherProvider):
            self.hand_over(room, self.provider)

    def test_makes_an_address_that_tells_no_name_and_no_id(self, room):
        TestLeave.come_in(room)
        self.of_provider(room)

        first, second = (self.hand_over(room, self.provider) for _ in range(2))

        claims = jwt.decode(first.partition("#")[2], OctKey.import_key(KEY)).claims
        again = jwt.decode(second.partition("#")[2], OctKey.import_key(KEY)).claims
        assert claims["exp"] - claims["iat"] == 60
        assert claims["iat"] == int(DURING.timestamp())
        assert (claims["aud"], claims["role"]) == ("https://video.example:443", "participant")
        assert claims["jti"] != again["jti"]
        assert claims["sub"] == again["sub"]
        header, payload, _ = first.partition("#")[2].split(".")
        shown = first + str(json.loads(urlsafe_b64decode(payload + "=="))) + header
        for secret in (
            "Probst",
            str(room.patient_id),
            str(room.call_id),
            str(room.given.booking_id),
            str(room.given.world.patients[0].id),
        ):
            assert secret not in shown
        with room.given.sessions() as session:
            written = "".join(str(vars(row)) for row in session.scalars(select(AuditEvent)))
            assert claims["jti"] not in written
            assert payload not in written

    def test_makes_the_doctor_the_moderator(self, room):
        seat = replace(room.open(), provider=ProviderKind.EXTERNAL)
        address = self.provider.address(seat, room="room", now=DURING)

        assert jwt.decode(address.partition("#")[2], OctKey.import_key(KEY)).claims["role"] == "moderator"
        assert Embedded().address(seat, room="room", now=DURING) == f"/calls/{room.call_id}"

    def hand_over(self, room, provider):
        seat = room.seat
        with begin_as(room.given.sessions, seat.viewer, DURING) as session:
            return commands.hand_over(session, seat=seat, provider=provider, now=DURING)

    def of_provider(self, room):
        with room.given.sessions.begin() as session:
            session.get_one(Call, room.call_id).provider = ProviderKind.EXTERNAL


class TestChooseProvider:
    def test_is_our_own_unless_one_is_named(self):
        assert choose_provider(Settings()).kind is ProviderKind.EMBEDDED

    def test_needs_address_and_key(self, tmp_path):
        key = tmp_path / "key"
        key.write_bytes(KEY + b"\n")
        key.chmod(0o600)
        good = {"calls_url": "https://video.example/#{token}", "calls_key_file": key}

        assert choose_provider(Settings.read(**good)).kind is ProviderKind.EXTERNAL
        for wrong in (
            {"calls_url": None},
            {"calls_key_file": None},
            {"calls_url": "http://video.example/#{token}"},
            {"calls_url": "https://video.example/"},
            {"calls_key_file": tmp_path / "missing"},
        ):
            with pytest.raises(UnsafeSettings, match="CAREAPP_CALLS"):
                choose_provider(Settings.read(**good | wrong))
        key.chmod(0o644)
        with pytest.raises(UnsafeSettings, match="chmod 600"):
            choose_provider(Settings.read(**good))
        key.chmod(0o600)
        key.write_bytes(b"short")
        with pytest.raises(UnsafeSettings, match="32 bytes"):
            choose_provider(Settings.read(**good))


class TestForget:
    def test_removes_who_joined_and_keeps_that_they_agreed(self, room):
        TestLeave.come_in(room)
        with room.given.sessions.begin() as session:
            assert forget_joins(session, before=ENDS) == 0
            assert forget_joins(session, before=ENDS + timedelta(seconds=1)) == 1

        with room.given.sessions() as session:
            assert session.scalars(select(CallParticipant.id)).all() == []
            assert len(session.scalars(select(CallConsent)).all()) == 1

    def test_removes_all_of_a_patient_who_is_erased(self, room):
        room.agree()
        patient_id = room.given.world.patients[0].id
        with room.given.sessions.begin() as session:
            viewer = room.given.coordinator
            assert len(list_consents(session, patient_id=patient_id, viewer=viewer)) == 1
            assert forget_calls_of(session, patient_id=patient_id) == 1
            assert list_consents(session, patient_id=patient_id, viewer=viewer) == []
