"""Whose seat a socket has, and when it is lost, on both databases."""

from datetime import timedelta
from uuid import UUID

import pytest
from starlette.websockets import WebSocketDisconnect

from api.auth.cookie import COOKIE
from api.auth.seats import SEAT_COOKIE
from api.calls.codes import Code
from careapp.access import ViewerRole
from careapp.calls.commands import end_call, refuse
from careapp.consultations.booking import cancel_booking
from careapp.identity.web_sessions import close_web_session
from careapp.tenancy import begin_as
from tests.api.call_pages import pages_of
from tests.careapp.calls.consultations import DURING, Consultation, a_consultation

OFFER = {"sdp": "v=0\r\n", "round": "1"}


@pytest.fixture
def consultation(sessions, now) -> Consultation:
    return a_consultation(sessions, now)


@pytest.fixture
def pages(app, client, consultation):
    app.state.clock = lambda: DURING
    with pages_of(client, app, consultation) as pages:
        yield pages


class TestSeat:
    def test_is_not_shared_by_two_pages(self, pages):
        cookie = pages.seat(pages.consultation.invite(pages.call_id))
        pages.by_link(cookie).hear("seat")

        assert pages.by_link(cookie).closed() == Code.SEAT_TAKEN

    def test_is_kept_for_the_page_that_comes_again(self, pages):
        doctor = pages.of_doctor()
        cookie = pages.seat(pages.consultation.invite(pages.call_id))
        first = pages.by_link(cookie, page="samepage1")
        (waiting,) = doctor.hear_people(1)
        doctor.say("admit", participant=waiting["participant"])
        first.hear("seat", is_admitted=True)

        again = pages.by_link(cookie, page="samepage1")

        assert first.closed() == Code.REPLACED
        assert again.hear("seat")["is_admitted"]
        again.say("text", text="wieder da")
        assert doctor.hear("text")["text"] == "wieder da"

    def test_is_free_when_its_page_has_gone(self, pages):
        doctor = pages.of_doctor()
        cookie = pages.seat(pages.consultation.invite(pages.call_id))
        patient = pages.by_link(cookie)
        doctor.hear_people(1)  # first seen, then gone: one message may tell both
        patient.socket.close()
        doctor.hear_people(0)

        assert pages.by_link(cookie).hear("seat")["part"] == "patient"

    def test_asks_for_consent_first(self, pages):
        assert pages.of_patient(agrees=False).closed() == Code.CONSENT

    def test_is_for_who_has_one(self, pages):
        wrong = [
            pages.open("/ws/join", {}),
            pages.open("/ws/join", {SEAT_COOKIE: "falsch"}),
            pages.open(f"/ws/calls/{pages.call_id}", {}),
            pages.open(f"/ws/calls/{pages.call_id}", {COOKIE: "falsch"}),
        ]

        assert {page.closed() for page in wrong} == {Code.NO_SEAT}

    def test_is_not_another_nurse_s(self, pages):
        assert pages.of_nurse(1).closed() in (Code.REFUSED, Code.NOT_FOUND)

    def test_opens_no_other_call(self, pages):
        cookie = pages.cookie_of(pages.consultation.world.doctor, ViewerRole.DOCTOR)
        other = "5f0c4bb1-58a5-4f6e-8a44-6f2f4f3b1d09"

        assert pages.signed_in(cookie, call_id=other).closed() == Code.NOT_FOUND

    def test_waits_for_the_door(self, pages, app):
        doctor = pages.cookie_of(pages.consultation.world.doctor, ViewerRole.DOCTOR)
        app.state.clock = lambda: DURING - timedelta(hours=1)

        page = pages.signed_in(doctor)

        with pytest.raises(WebSocketDisconnect) as closed:
            page.next()
        # The slot begins at 06:10, its door opens half an hour before.
        assert (closed.value.code, closed.value.reason) == (Code.TOO_EARLY, "2026-03-03T05:40:00+00:00")

    def test_is_lost_with_the_booking(self, pages):
        _, patient = pages.both_in()
        consultation = pages.consultation

        with begin_as(consultation.sessions, consultation.coordinator, DURING) as session:
            cancel_booking(
                session,
                booking_id=consultation.booking_id,
                because="pat",
                viewer=consultation.coordinator,
                now=DURING,
            )

        assert patient.closed() in (Code.NO_SEAT, Code.OFF)

    def test_is_lost_with_the_sign_in(self, pages):
        cookie = pages.cookie_of(pages.consultation.world.doctor, ViewerRole.DOCTOR)
        doctor = pages.signed_in(cookie)
        doctor.hear("seat")

        with pages.consultation.sessions.begin() as session:
            close_web_session(session, cookie, now=DURING)
        pages.app.state.web_sessions.forget(cookie)

        assert doctor.closed() == Code.NO_SEAT

    def test_is_lost_by_refusal(self, pages):
        _, patient = pages.both_in()
        consultation = pages.consultation

        with begin_as(consultation.sessions, consultation.doctor, DURING) as session:
            refuse(
                session,
                call_id=pages.call_id,
                participant_id=UUID(patient.participant),
                viewer=consultation.doctor,
                now=DURING,
            )

        assert patient.closed() == Code.REFUSED


class TestEnd:
    def test_closes_every_page(self, pages):
        doctor, patient = pages.both_in()

        doctor.say("end")

        assert {doctor.closed(), patient.closed()} == {Code.ENDED}

    def test_counts_wherever_it_came_from(self, pages):
        doctor, patient = pages.both_in()
        consultation = pages.consultation

        with begin_as(consultation.sessions, consultation.doctor, DURING) as session:
            end_call(session, call_id=pages.call_id, viewer=consultation.doctor, now=DURING)

        assert {doctor.closed(), patient.closed()} == {Code.ENDED}

    def test_of_one_is_seen_by_the_other(self, pages):
        doctor, patient = pages.both_in()

        patient.say("leave")

        assert patient.closed() == Code.LEFT
        doctor.hear_people(0)

    def test_leads_back_to_the_waiting_room(self, pages):
        doctor, cookie = pages.of_doctor(), pages.seat(pages.consultation.invite(pages.call_id))
        patient = pages.by_link(cookie)
        (waiting,) = doctor.hear_people(1)
        doctor.say("admit", participant=waiting["participant"])
        patient.hear("seat", is_admitted=True)
        patient.say("leave")
        patient.closed()

        assert not pages.by_link(cookie).hear("seat")["is_admitted"]
