"""Sockets of video calls: who sits there, what passes, and what never does."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine
from starlette.websockets import WebSocketDisconnect

from api.auth.cookie import COOKIE
from api.calls.codes import Code
from api.calls.rooms import MESSAGES_AT_ONCE
from careapp.access import ViewerRole
from careapp.calls.commands import admit
from careapp.calls.models import CallPart
from careapp.tenancy import begin_as
from tests.api.call_pages import CallPage, pages_of
from tests.careapp.calls.consultations import DURING, Consultation, a_consultation

OFFER = {"sdp": "v=0\r\n", "round": "1"}


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    """What passes in a room does not depend on the kind of database; whose seat it is does."""
    return sqlite_engine


@pytest.fixture
def consultation(sessions, now) -> Consultation:
    return a_consultation(sessions, now)


@pytest.fixture
def pages(app, client, consultation):
    app.state.clock = lambda: DURING
    with pages_of(client, app, consultation) as pages:
        yield pages


def drain(page: CallPage) -> list[str]:
    """Return the kinds of all messages until the page's own question is answered."""
    before = len(page.heard)
    page.say("admit", participant="5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d09")
    page.hear("refused", what="admit")
    return [each["kind"] for each in page.heard[before:]]


class TestWaiting:
    def test_sees_nobody_and_gets_no_relay_s_password(self, pages):
        pages.of_doctor()
        patient = pages.of_patient()

        seat, people = patient.hear("seat"), patient.hear("people")

        assert (seat["part"], seat["is_admitted"], "ice" in seat) == ("patient", False, False)
        assert (people["people"], people["is_doctor_here"]) == ([], True)

    def test_shows_the_doctor_who_waits_by_name(self, pages):
        doctor = pages.of_doctor()
        patient = pages.of_patient()
        patient.hear("seat")

        (waiting,) = doctor.hear_people(1)

        whose = pages.consultation.world.patients[0]
        assert (waiting["part"], waiting["is_admitted"]) == ("patient", False)
        assert waiting["participant"] == patient.participant
        assert waiting["name"] == f"{whose.given_name} {whose.family_name}"

    def test_lets_nothing_pass_before_admission(self, pages):
        doctor, patient = pages.of_doctor(), pages.of_patient()
        doctor.hear_people(1)
        to = {"to": doctor.participant}
        messages: dict[str, dict[str, Any]] = {
            "offer": to | OFFER,
            "answer": to | OFFER,
            "candidate": to | {"candidate": {"candidate": ""}, "round": "1"},
            "ready": to,
            "text": {"text": "hallo"},
            "media": {"camera": True, "microphone": True},
        }

        for kind, content in messages.items():
            patient.say(kind, **content)
            assert patient.hear("refused", what=kind)["why"] == "not-admitted"

        assert set(drain(doctor)) == {"refused"}

    def test_lets_nothing_pass_to_who_waits(self, pages):
        doctor, patient = pages.of_doctor(), pages.of_patient()
        doctor.hear_people(1)
        patient.hear("people")

        doctor.say("offer", to=patient.participant, **OFFER)
        doctor.say("text", text="hallo")

        assert doctor.hear("refused")["why"] == "not-here"
        doctor.say("admit", participant=patient.participant)
        patient.hear("seat", is_admitted=True)
        assert {each["kind"] for each in patient.heard} == {"seat", "people"}

    def test_is_for_the_doctor_alone_to_end(self, pages):
        pages.of_doctor()
        patient, nurse = pages.of_patient(), pages.of_nurse()
        for page in (patient, nurse):
            page.hear("seat")
            for kind in ("admit", "refuse"):
                page.say(kind, participant=page.participant)
                assert page.hear("refused", what=kind)["why"] == "not-host"
            page.say("end")
            assert page.hear("refused", what="end")["why"] == "not-host"

    def test_keeps_a_nurse_until_the_patient_has_agreed(self, pages):
        doctor, nurse = pages.of_doctor(), pages.of_nurse()
        (waiting,) = doctor.hear_people(1)

        doctor.say("admit", participant=waiting["participant"])
        assert doctor.hear("refused")["why"] == "consent"
        nurse.say("consent", language="de")
        nurse.hear("done", what="consent")
        doctor.say("admit", participant=waiting["participant"])

        assert nurse.hear("seat", is_admitted=True)["part"] == "nurse"


class TestAdmission:
    def test_introduces_both_and_the_doctor_makes_the_offer(self, pages):
        doctor, patient = pages.both_in()

        (seen_by_doctor,) = doctor.heard[-1]["people"]
        (seen_by_patient,) = patient.heard[-1]["people"]

        assert (seen_by_doctor["offers"], seen_by_patient["offers"]) == (False, True)
        seat = next(each for each in reversed(patient.heard) if each["kind"] == "seat")
        assert seat["ice"] == {"iceServers": [], "iceTransportPolicy": "all"}

    def test_passes_on_what_two_pages_need_in_order(self, pages):
        doctor, patient = pages.both_in()
        one, other = doctor.participant, patient.participant
        candidate = {"candidate": "candidate:1 1 udp", "sdpMid": "0", "sdpMLineIndex": 0}

        patient.say("ready", to=one)
        assert doctor.hear("ready") == {"kind": "ready", "from": other}
        doctor.say("offer", to=other, **OFFER)
        doctor.say("candidate", to=other, candidate=candidate, round="1")
        assert patient.hear("offer") == {"kind": "offer", "from": one, **OFFER}
        assert patient.hear("candidate")["candidate"] == candidate | {"usernameFragment": None}
        patient.say("answer", to=one, **OFFER)
        assert doctor.hear("answer")["from"] == other

    def test_lets_only_one_of_two_make_offers(self, pages):
        doctor, patient = pages.both_in()

        doctor.say("ready", to=patient.participant)

        assert doctor.hear("refused")["why"] == "yours-to-offer"

    def test_passes_texts_to_everybody(self, pages):
        doctor, patient = pages.both_in()

        patient.say("text", text="Ich höre nichts")

        said = {"kind": "text", "from": patient.participant, "text": "Ich höre nichts"}
        assert [page.hear("text") for page in (doctor, patient)] == [said, said]

    def test_shows_who_has_the_camera_off(self, pages):
        doctor, patient = pages.both_in()

        patient.say("media", camera=False, microphone=True)

        (seen,) = doctor.hear_people(1)
        assert (seen["camera"], seen["microphone"]) == (False, True)

    def test_counts_wherever_it_was_given(self, pages):
        doctor, patient = pages.of_doctor(), pages.of_patient()
        patient.hear("seat")
        consultation = pages.consultation

        with begin_as(consultation.sessions, consultation.doctor, DURING) as session:
            admit(
                session,
                call_id=pages.call_id,
                participant_id=UUID(patient.participant),
                viewer=consultation.doctor,
                now=DURING,
            )

        assert patient.hear("seat", is_admitted=True)
        doctor.hear_people(1, admitted=1)


class TestBounds:
    def test_of_what_is_said_are_kept(self, pages):
        cookie = pages.cookie_of(pages.consultation.world.doctor, ViewerRole.DOCTOR)

        for text in (
            "",
            "no json",
            "[]",
            '{"kind": 1}',
            '{"kind": "seat"}',
            '{"kind": "text", "text": ""}',
            '{"kind": "offer", "to": "x", "sdp": "v=0", "round": "1"}',
            '{"kind": "consent", "language": "fr"}',
            '{"kind": "media", "camera": 1, "microphone": true}',
            '{"kind": "text", "text": "' + 70_000 * "x" + '"}',
            "\udcff",
        ):
            page = pages.signed_in(cookie, page="samepage1")
            page.socket.send_text(text)
            assert page.closed() == Code.MALFORMED, text[:80]

    def test_hold_for_bytes_too(self, pages):
        page = pages.of_doctor()

        page.socket.send_bytes(b"\x00\xff")

        assert page.closed() == Code.MALFORMED

    def test_of_how_often_are_kept(self, pages):
        page = pages.of_doctor()

        for _ in range(int(MESSAGES_AT_ONCE) + 200):
            page.say("stay")

        assert page.closed() == Code.TOO_MUCH

    def test_of_a_room_are_kept(self, pages):
        consultation = pages.consultation
        guests = [
            consultation.invite(pages.call_id, CallPart.GUEST, name=f"Gast {number}") for number in range(5)
        ]
        taken = [pages.of_doctor(), pages.of_patient(), pages.of_nurse()]
        taken += [pages.by_link(pages.seat(each)) for each in guests]

        assert all(page.hear("seat") for page in taken)
        assert len(taken[0].hear_people(7)) == 7


class TestForeignPages:
    def test_open_no_socket(self, pages):
        cookie = pages.cookie_of(pages.consultation.world.doctor, ViewerRole.DOCTOR)

        for headers in (
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"origin": "http://127.0.0.1:9"},
            {"origin": "http://127.0.0.1", "host": "evil.example"},
            {"origin": "http://127.0.0.1", "sec-fetch-site": "cross-site"},
        ):
            with pytest.raises(WebSocketDisconnect) as refused:
                pages.open(f"/ws/calls/{pages.call_id}", {COOKIE: cookie}, **headers)
            assert refused.value.code == 1008  # before it was accepted: a browser is told 403

    def test_nor_does_what_is_no_page(self, pages, client):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("ws://127.0.0.1/ws/join"):
            pass
