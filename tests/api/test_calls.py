"""Calls through HTTP: a doctor, a nurse, and a patient who comes by a link without an account."""

import re
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.app import create_app
from api.auth.csrf import csrf_of
from api.auth.seats import SEAT_COOKIE
from api.dependencies import read_now
from careapp.access import SCHEDULER
from careapp.calls.links import make_join_link
from careapp.calls.models import Call, CallParticipant
from careapp.config import Settings
from careapp.db import make_sessions
from careapp.records.models import AuditEvent
from careapp.tenancy import begin_as
from tests.api.matrices import LOOPBACK, WHO
from tests.careapp.calls.consultations import DURING, STARTS, a_consultation

SECURE = LOOPBACK.replace("http:", "https:")


class Clock:
    """The hour of the application; tests set it."""

    now = DURING


@pytest.fixture
def consultation(sqlite_engine, now):
    return a_consultation(make_sessions(sqlite_engine), now)


@pytest.fixture
def provider_settings(request, tmp_path):
    if getattr(request, "param", "embedded") == "embedded":
        return Settings.read(data_dir=tmp_path)
    key = tmp_path / "shared.key"
    key.write_bytes(b"a key that the provider knows, too")
    key.chmod(0o600)
    return Settings.read(data_dir=tmp_path, calls_url="https://video.example/#{token}", calls_key_file=key)


@pytest.fixture
def client(provider_settings, sqlite_engine, consultation):
    """Asks as whom the header names: `doctor`, `nurse`, `coordinator`; else as a stranger's browser."""
    app = create_app(provider_settings, engine=sqlite_engine, runs_jobs=False)
    app.dependency_overrides[read_now] = lambda: Clock.now
    app.state.clock = lambda: Clock.now
    viewers = {
        "doctor": consultation.doctor,
        "nurse": consultation.nurse,
        "coordinator": consultation.coordinator,
    }

    async def by_header(request):
        return viewers.get(request.headers.get(WHO, ""))

    app.state.ways = (by_header,)
    Clock.now = DURING
    with TestClient(app, base_url=SECURE, follow_redirects=False) as client:
        yield client


@pytest.fixture
def call(client, consultation):
    answer = client.post(
        f"/api/bookings/{consultation.booking_id}/call", json={}, headers={WHO: "coordinator"}
    )
    assert answer.status_code == 201
    return answer.json()


def ask(client, who, method, address, **more):
    return client.request(method, address, headers={WHO: who}, **more)


def invited(client, call, who="coordinator", **body):
    answer = ask(client, who, "POST", f"/api/calls/{call['id']}/links", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def token_of(link):
    return link["address"].partition("#")[2]


def joined(client, link, lang="de"):
    answer = client.post("/join", data={"code": token_of(link), "lang": lang})
    assert answer.status_code == 303, answer.text
    return answer


def press(client, page, address, **fields):
    """Send a page's form, with the token that stands in it."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None
    return client.post(address, data={"csrf_token": token[1], **fields})


class TestStaff:
    def test_find_the_call_of_a_booking(self, client, call, consultation):
        address = f"/api/bookings/{consultation.booking_id}/call"

        for who in ("doctor", "nurse", "coordinator"):
            assert ask(client, who, "GET", address).json()["id"] == call["id"]
        assert (call["state"], call["provider"], call["medium"]) == ("scheduled", "embedded", "video")
        assert call["opens_at"] == "2026-03-03T05:40:00Z"  # half an hour before 06:10
        assert call["closes_at"] == "2026-03-03T07:25:00Z"  # an hour after 06:25

    def test_find_none_before_somebody_makes_it(self, client, consultation):
        address = f"/api/bookings/{consultation.booking_id}/call"

        assert ask(client, "doctor", "GET", address).status_code == 404

    def test_begin_with_sound_alone_where_a_picture_will_not_go(self, client, call, consultation):
        address = f"/api/bookings/{consultation.booking_id}/call"

        changed = ask(client, "nurse", "POST", address, json={"medium": "audio"})

        assert (changed.json()["id"], changed.json()["medium"]) == (call["id"], "audio")

    def test_meet_through_the_waiting_room(self, client, call):
        doctor = ask(client, "doctor", "POST", f"/api/calls/{call['id']}/seat").json()
        nurse = ask(client, "nurse", "POST", f"/api/calls/{call['id']}/seat").json()
        admission = f"/api/calls/{call['id']}/participants/{nurse['participant_id']}/admission"
        before = ask(client, "doctor", "POST", admission)
        ask(client, "nurse", "POST", f"/api/calls/{call['id']}/consent", json={"language": "de"})
        after = ask(client, "doctor", "POST", admission)

        assert (doctor["is_host"], doctor["is_admitted"]) == (True, True)
        assert (nurse["is_waiting"], before.status_code, after.status_code) == (True, 409, 204)
        shown = ask(client, "coordinator", "GET", f"/api/calls/{call['id']}").json()
        assert {each["part"]: each["is_admitted"] for each in shown["participants"]} == {
            "doctor": True,
            "nurse": True,
        }
        address = ask(client, "nurse", "POST", f"/api/calls/{call['id']}/address").json()["address"]
        assert address == f"/calls/{call['id']}"

    def test_leave_and_end(self, client, call):
        for who in ("doctor", "nurse"):
            ask(client, who, "POST", f"/api/calls/{call['id']}/seat")
        left = ask(client, "nurse", "POST", f"/api/calls/{call['id']}/departure")
        ended = ask(client, "doctor", "POST", f"/api/calls/{call['id']}/end")

        assert (left.status_code, ended.status_code) == (204, 204)
        assert ask(client, "nurse", "GET", f"/api/calls/{call['id']}").json()["state"] == "ended"

    def test_send_somebody_away(self, client, call):
        joined(client, invited(client, call))
        seat = client.get("/api/join").json()
        refusal = f"/api/calls/{call['id']}/participants/{seat['participant_id']}/refusal"

        assert ask(client, "doctor", "POST", refusal).status_code == 204


class TestLink:
    def test_is_shown_once_and_carries_its_secret_where_no_log_sees_it(
        self, client, call, consultation, caplog
    ):
        caplog.set_level("DEBUG")
        link = invited(client, call)
        joined(client, link)
        page = client.get("/join")

        secret = token_of(link)
        assert link["address"].startswith(f"{SECURE}/join#")
        assert secret not in caplog.text + page.text
        with consultation.sessions() as session:
            kept = "".join(str(vars(row)) for row in session.scalars(select(AuditEvent)))
        shown = [
            ask(client, "coordinator", "GET", address).text
            for address in (
                f"/api/calls/{call['id']}",
                f"/api/bookings/{consultation.booking_id}",
                f"/fhir/Appointment/{consultation.booking_id}",
            )
        ]
        assert secret not in kept + "".join(shown)

    @pytest.mark.parametrize(("lang", "word"), [("de", "schon benutzt"), ("en", "used before")])
    def test_that_was_used_says_so(self, client, call, lang, word):
        link = invited(client, call)
        joined(client, link)

        again = client.post("/join", data={"code": token_of(link), "lang": lang})

        assert (again.status_code, word in again.text) == (409, True)
        assert SEAT_COOKIE not in again.headers.get("set-cookie", "")

    @pytest.mark.parametrize("code", ["", "nothing", "x" * 3000, "<b>", "\u0000"])
    def test_that_nobody_made_is_refused(self, client, call, code):
        answer = client.post("/join", data={"code": code})

        assert answer.status_code == 404
        assert "Dieser Link gilt nicht" in answer.text
        assert "<b>" not in answer.text.replace('lang="', "")

    def test_that_is_early_says_when_to_come(self, client, call):
        link = invited(client, call)
        Clock.now = STARTS - timedelta(hours=2)
        early = client.post("/join", data={"code": token_of(link)})
        Clock.now = STARTS

        assert (early.status_code, "06:40 Uhr" in early.text) == (409, True)  # 05:40 UTC in Berlin
        assert joined(client, link)

    def test_that_is_over_says_so(self, client, call):
        link = invited(client, call, minutes=1)
        Clock.now = DURING + timedelta(minutes=1)

        answer = client.post("/join", data={"code": token_of(link)})

        assert (answer.status_code, "vorbei" in answer.text) == (409, True)

    def test_of_a_cancelled_booking_says_so(self, client, call, consultation):
        link = invited(client, call)
        cancelled = f"/api/bookings/{consultation.booking_id}/cancellation"
        ask(client, "coordinator", "POST", cancelled, json={"because": "pat"})

        answer = client.post("/join", data={"code": "#" + token_of(link)})

        assert (answer.status_code, "findet nicht statt" in answer.text) == (409, True)

    def test_needs_a_name_for_a_guest(self, client, call):
        address = f"/api/calls/{call['id']}/links"
        assert ask(client, "doctor", "POST", address, json={"part": "guest"}).status_code == 400
        guest = invited(client, call, "doctor", part="guest", name="Tochter Probst")
        joined(client, guest)

        assert client.get("/api/join").json()["name"] == "Tochter Probst"
        assert ask(client, "doctor", "POST", address, json={"part": "doctor"}).status_code == 422


class TestSeat:
    def test_is_a_cookie_that_scripts_and_other_hosts_do_not_get(self, client, call):
        cookie = joined(client, invited(client, call)).headers["set-cookie"]

        assert cookie.startswith(f"{SEAT_COOKIE}=")
        for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
            assert word in cookie

    def test_opens_nothing_else(self, client, call, consultation):
        joined(client, invited(client, call))

        for address in (
            "/api/me",
            f"/api/calls/{call['id']}",
            f"/api/bookings/{consultation.booking_id}",
            "/api/patients",
            f"/fhir/Appointment/{consultation.booking_id}",
        ):
            assert client.get(address).status_code == 401, address
        assert client.post(f"/api/calls/{call['id']}/seat").status_code == 401

    def test_is_asked_for_on_every_page_behind_it(self, client, call):
        for address in ("/join/consent", "/join/room"):
            answer = client.get(address)
            assert (answer.status_code, answer.headers["location"]) == (303, "/join")
        for address in ("/join/consent", "/join/room", "/join/address", "/join/departure"):
            assert client.post(address, data={"answer": "yes"}).headers["location"] == "/join"
        assert client.get("/api/join").status_code == 403
        for address in ("/api/join/waiting-room", "/api/join/departure"):
            assert client.post(address).status_code == 403

    def test_writes_only_with_its_pages_token(self, client, call, consultation):
        joined(client, invited(client, call))

        for address in ("/join/consent", "/join/departure", "/api/join/waiting-room", "/api/join/departure"):
            assert client.post(address, data={"answer": "yes", "csrf_token": "wrong"}).status_code == 403
        with consultation.sessions() as session:
            assert session.scalars(select(CallParticipant.consent_at)).all() == [None]

    def test_ends_with_a_newer_link(self, client, call, consultation):
        joined(client, invited(client, call))
        with begin_as(consultation.sessions, SCHEDULER) as session:
            make_join_link(
                session, call_id=session.scalars(select(Call.id)).one(), viewer=SCHEDULER, now=DURING
            )

        assert client.get("/api/join").status_code == 403

    def test_comes_into_our_own_waiting_room_after_consent(self, client, call):
        joined(client, invited(client, call))
        seat = client.get("/api/join").json()
        token = {"X-CSRF-Token": seat["csrf_token"]}
        early = client.post("/api/join/waiting-room", headers=token)
        consented = press(client, client.get("/join/consent"), "/join/consent", answer="yes", lang="en")
        waiting = client.post("/api/join/waiting-room", headers=token)

        assert seat["csrf_token"] == csrf_of(client.cookies[SEAT_COOKIE])
        assert (seat["host"], seat["others"], seat["has_consented"]) == ("Petra Arzt", [], False)
        assert (early.status_code, waiting.status_code) == (409, 200)
        assert consented.headers["location"] == "/join/call?lang=en"
        assert waiting.json()["is_waiting"]
        assert client.get("/join/consent").headers["location"] == "/join/call?lang=de"
        assert client.post("/api/join/departure", headers=token).status_code == 204
        assert SEAT_COOKIE not in client.cookies


class TestPatientsReport:
    def test_says_that_she_came_by_the_link(self, client, call, consultation):
        joined(client, invited(client, call))
        patient_id = consultation.world.patients[0].id
        report = ask(client, "coordinator", "GET", f"/api/patients/{patient_id}/accesses").json()["items"]

        assert {"Sie selbst oder Ihr Gast, über den Link"} == {
            each["who"]
            for each in report
            if each["what"] == "Videogespräch: bearbeitet" and "Link" in each["who"]
        }


class TestConsentPage:
    @pytest.mark.parametrize(("lang", "agree"), [("de", "Ich bin einverstanden"), ("en", "I agree")])
    def test_asks_in_both_languages_and_needs_no_script(self, client, call, lang, agree):
        page = client.get(joined(client, invited(client, call), lang).headers["location"])

        assert (page.status_code, agree in page.text, "<script" in page.text) == (200, True, False)
        assert f'<html lang="{lang}">' in page.text
        assert "Petra Arzt" in page.text
        assert "Paula Probst 1" in page.text
        assert "07:10" in page.text  # 06:10 UTC in Berlin
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"

    def test_lets_people_say_no(self, client, call, consultation):
        joined(client, invited(client, call))
        answer = press(client, client.get("/join/consent"), "/join/consent", answer="no")

        assert answer.headers["location"] == "/join/left?lang=de"
        assert "verlassen" in client.get("/join/left").text
        assert SEAT_COOKIE not in client.cookies
        with consultation.sessions() as session:
            assert session.scalars(select(CallParticipant.consent_at)).all() == [None]


@pytest.mark.parametrize("provider_settings", ["external"], indirect=True)
class TestProvider:
    def test_is_reached_through_our_waiting_room(self, client, call):
        joined(client, invited(client, call))
        press(client, client.get("/join/consent"), "/join/consent", answer="yes")
        waiting = client.get("/join/room")
        early = press(client, waiting, "/join/address")
        ask(client, "doctor", "POST", f"/api/calls/{call['id']}/seat")
        person = client.get("/api/join").json()["participant_id"]
        ask(client, "doctor", "POST", f"/api/calls/{call['id']}/participants/{person}/admission")
        asked_in = client.get("/join/room")
        page = press(client, asked_in, "/join/address")

        assert 'data-state="scheduled"' in waiting.text
        assert "noch nicht da" in waiting.text
        assert early.headers["location"].startswith("/join/room")
        assert "data-state" not in asked_in.text
        (address,) = re.findall(
            r'href="(https://video\.example/#[^"]+)" rel="noreferrer noopener"', page.text
        )
        assert "video.example" not in asked_in.text  # late bound: made by the button alone
        assert address not in press(client, asked_in, "/join/address").text  # and anew each time

    def test_shows_the_end_and_lets_people_come_again(self, client, call):
        joined(client, invited(client, call))
        press(client, client.get("/join/consent"), "/join/consent", answer="yes")
        ask(client, "doctor", "POST", f"/api/calls/{call['id']}/seat")
        ask(client, "doctor", "POST", f"/api/calls/{call['id']}/end")
        ended = client.get("/join/room")
        refused = press(client, ended, "/join/room")
        ask(client, "doctor", "POST", f"/api/calls/{call['id']}/seat")
        outside = client.get("/join/room")
        again = press(client, outside, "/join/room")

        assert "beendet" in ended.text
        assert refused.status_code == 409
        assert "Ins Wartezimmer" in outside.text
        assert again.status_code == 303
        assert client.get("/api/join").json()["is_waiting"]
        assert press(client, client.get("/join/room"), "/join/departure").status_code == 303

    def test_asks_for_consent_first(self, client, call):
        joined(client, invited(client, call))

        assert client.get("/join/room").headers["location"].startswith("/join/consent")


class TestJoinPage:
    def test_offers_the_way_back_to_who_has_a_seat(self, client, call):
        before = client.get("/join")
        joined(client, invited(client, call))

        assert "/join/room" not in before.text
        assert 'href="/join/room"' in client.get("/join").text

    def test_serves_the_script_that_reads_the_address(self, client):
        script = client.get("/join/link.js")

        assert script.headers["content-type"].startswith("text/javascript")
        assert "location.hash" in script.text
