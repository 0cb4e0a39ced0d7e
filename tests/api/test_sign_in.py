"""People sign in and out with our own pages."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.cookie import COOKIE, STEP_COOKIE, cookie
from careapp.access import ViewerRole
from careapp.identity import accounts
from careapp.identity.models import WebSession
from careapp.records.models import AuditEvent
from tests.api.browsers import SECURE, browsing, csrf_of, sign_in, token_of
from tests.careapp.identity.people import MANAGER, PASSWORD, an_account

WRONG = "falsch"


@pytest.fixture
def person(session):
    account = an_account(session)
    session.commit()
    return account


@pytest.fixture
def browser(app, person):
    app.state.ways = (cookie,)
    with browsing(app) as client:
        yield client


class TestSignIn:
    def test_gives_the_browser_one_cookie_that_no_script_reads(self, browser):
        answer = sign_in(browser, next_address="/map?date=2026-03-03")

        assert (answer.status_code, answer.headers["location"]) == (303, "/map?date=2026-03-03")
        (given,) = (c for c in answer.headers.get_list("set-cookie") if c.startswith(f"{COOKIE}="))
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(given.split("; "))
        assert "Domain" not in given

    def test_tells_who_it_is(self, browser, person):
        sign_in(browser)

        me = browser.get("/api/me").json()

        assert (me["name"], me["login"], me["role"]) == (str(person.id), "erika", "coordinator")
        assert me["organisation"]["id"] == str(person.organisation_id)
        assert me["scopes"] is None

    def test_tells_an_analyst_too_who_it_is(self, browser, session):
        an_account(session, "ada", role=ViewerRole.ANALYST)
        session.commit()
        sign_in(browser, "ada")

        me = browser.get("/api/me").json()

        assert (me["login"], me["role"], me["organisation"]) == ("ada", "analyst", None)

    def test_takes_a_login_in_any_case(self, browser):
        assert sign_in(browser, login=" ERIKA ").status_code == 303

    @pytest.mark.parametrize(
        ("login", "password"),
        [("erika", WRONG), ("nobody", PASSWORD), ("", ""), ("eri\0ka", PASSWORD), ("e" * 9999, PASSWORD)],
    )
    def test_refuses_what_is_wrong_with_the_same_words(self, browser, login, password):
        answer = sign_in(browser, login=login, password=password)

        assert answer.status_code == 403
        assert "Benutzername oder Passwort ist falsch." in answer.text
        assert COOKIE not in browser.cookies

    def test_refuses_a_form_of_another_browser(self, app, browser):
        token = token_of(browser.get("/sign-in"))
        other = TestClient(app, base_url=SECURE, follow_redirects=False)
        other.get("/sign-in")

        answer = other.post("/sign-in", data={"login": "erika", "password": PASSWORD, "csrf_token": token})

        assert answer.status_code == 403
        assert COOKIE not in other.cookies

    def test_refuses_a_browser_without_cookies(self, browser):
        token = token_of(browser.get("/sign-in"))
        browser.cookies.clear()

        answer = browser.post("/sign-in", data={"login": "erika", "password": PASSWORD, "csrf_token": token})

        assert answer.status_code == 403

    @pytest.mark.parametrize(
        "address",
        [
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "/%0d%0aX: y\n",
            "javascript:alert(1)",
            "/sign-out",
        ],
    )
    def test_never_leads_elsewhere(self, browser, address):
        answer = sign_in(browser, next_address=address)

        assert answer.headers["location"] == "/map"

    def test_leads_an_application_on_by_a_page(self, browser):
        # A form's answer may not lead to another origin, over all redirections (CSP form-action).
        answer = sign_in(browser, next_address="/oauth/authorize?client_id=a&state=b")

        assert answer.status_code == 200
        assert 'content="0; url=/oauth/authorize?client_id=a&amp;state=b"' in answer.text

    def test_refuses_somebody_whose_account_is_locked(self, browser, person, session, now):
        accounts.set_active(session, person, is_active=False, viewer=MANAGER, now=now)
        session.commit()

        assert sign_in(browser).status_code == 403

    def test_repeats_nothing_that_could_be_code(self, browser):
        answer = sign_in(browser, login='"><script>alert(1)</script>', password=WRONG)

        assert "<script>alert" not in answer.text

    def test_speaks_the_language_of_the_browser(self, browser):
        page = browser.get("/sign-in", headers={"accept-language": "fr, en-GB;q=0.8, de;q=0.5"})

        assert '<html lang="en">' in page.text
        assert '<html lang="de">' in browser.get("/sign-in?lang=de", headers={"accept-language": "en"}).text

    def test_allows_its_page_nothing_from_elsewhere(self, browser):
        headers = browser.get("/sign-in").headers

        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"

    def test_is_written_down(self, browser, session, person):
        sign_in(browser, password=WRONG)
        sign_in(browser)

        found = session.scalars(
            select(AuditEvent).where(AuditEvent.subject_kind != "account").order_by(AuditEvent.at)
        )
        refused = session.scalar(select(AuditEvent).where(AuditEvent.action == "refuse_sign_in"))
        assert [(event.action, event.viewer) for event in found] == [("sign_in", str(person.id))]
        assert refused.subject_id == person.id


class TestWebSession:
    def test_begins_with_a_new_cookie_each_time(self, browser):
        sign_in(browser)
        first = browser.cookies[COOKIE]
        sign_in(browser)

        assert browser.cookies[COOKIE] != first
        stale = TestClient(browser.app, base_url=SECURE, cookies={COOKIE: first})
        browser.app.state.web_sessions.forget()
        assert stale.get("/api/me").status_code == 401

    def test_does_not_take_a_cookie_that_somebody_planted(self, browser, session):
        planted = "planted-by-an-attacker-0123456789"
        browser.cookies.set(COOKIE, planted, domain="127.0.0.1")

        sign_in(browser)

        victim = TestClient(browser.app, base_url=SECURE, cookies={COOKIE: planted})
        assert victim.get("/api/me").status_code == 401

    def test_keeps_only_a_hash_of_the_cookie(self, browser, session):
        sign_in(browser)

        row = session.scalars(select(WebSession)).one()

        assert browser.cookies[COOKIE].encode() not in row.cookie_hash

    def test_ends_unused(self, browser, now):
        sign_in(browser)
        browser.app.state.clock = lambda: now + timedelta(minutes=61)

        assert browser.get("/api/me").status_code == 401

    def test_goes_on_while_it_is_used_but_not_for_ever(self, browser, now):
        sign_in(browser)
        hours = 0.0
        while hours < 12 - 0.5:
            hours += 0.5
            moment = now + timedelta(hours=hours)
            browser.app.state.clock = lambda moment=moment: moment
            browser.app.state.web_sessions.forget()
            if hours < 12:
                assert browser.get("/api/me").status_code == 200

        browser.app.state.clock = lambda: now + timedelta(hours=12)
        assert browser.get("/api/me").status_code == 401

    def test_ends_when_the_account_is_locked(self, browser, person, session, now):
        sign_in(browser)
        accounts.set_active(session, person, is_active=False, viewer=MANAGER, now=now)
        session.commit()
        browser.app.state.web_sessions.forget()

        assert browser.get("/api/me").status_code == 401

    def test_ends_at_once_with_the_button(self, browser, session):
        sign_in(browser)
        token = token_of(browser.get("/sign-out"))
        value = browser.cookies[COOKIE]

        answer = browser.post("/sign-out", data={"csrf_token": token})

        assert answer.headers["location"] == "/signed-out"
        assert COOKIE not in browser.cookies
        assert session.scalars(select(WebSession)).all() == []
        thief = TestClient(browser.app, base_url=SECURE, cookies={COOKIE: value})
        assert thief.get("/api/me").status_code == 401

    def test_is_not_ended_by_a_foreign_form(self, browser):
        sign_in(browser)

        assert browser.post("/sign-out", data={}).status_code == 403
        assert browser.get("/api/me").status_code == 200


class TestWrites:
    @pytest.mark.parametrize(
        "headers", [{}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": "ü".encode()}]
    )
    def test_need_the_token(self, browser, headers):
        sign_in(browser)

        answer = browser.post("/api/days/2026-03-03/plan", headers=headers)

        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:careapp:problem:forged-request"

    def test_go_on_with_the_token(self, browser):
        sign_in(browser)

        answer = browser.post("/api/days/2026-03-03/plan", headers=csrf_of(browser))

        assert answer.status_code == 202

    def test_do_not_take_the_token_of_somebody_else(self, browser, session):
        sign_in(browser)
        mine = csrf_of(browser)
        an_account(session, "max", role=ViewerRole.ANALYST)
        session.commit()
        sign_in(browser, "max")

        assert browser.post("/api/days/2026-03-03/plan", headers=mine).status_code == 403


class TestForms:
    def test_carry_the_token_as_a_field_that_leaves_the_body_readable(self, browser):
        sign_in(browser)
        form = {"csrf_token": csrf_of(browser)["X-CSRF-Token"], "status": "free"}

        answer = browser.post("/fhir/Slot/_search", data=form)

        assert answer.status_code < 500
        assert answer.status_code != 401


class TestTries:
    def test_are_counted_and_then_cost_a_wait(self, browser):
        # Five are free, the sixth waits four seconds, also with the right password.
        for _ in range(5):
            assert sign_in(browser, password=WRONG).status_code == 403

        answer = sign_in(browser)

        assert (answer.status_code, answer.headers["retry-after"]) == (429, "4")
        assert "warten Sie 4 Sekunden" in answer.text
        assert COOKIE not in browser.cookies

    def test_of_an_account_do_not_hold_up_others(self, browser, session):
        an_account(session, "max")
        session.commit()
        for _ in range(6):
            sign_in(browser, password=WRONG)

        assert sign_in(browser, "max").status_code == 303


class TestNobody:
    def test_is_told_to_sign_in(self, browser):
        answer = browser.get("/api/me")

        assert answer.status_code == 401
        assert answer.json()["type"] == "urn:careapp:problem:not-signed-in"

    def test_is_shown_the_page_with_a_browser(self, browser):
        answer = browser.get("/account?x=1", headers={"accept": "text/html"})

        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/account%3Fx%3D1")


class TestStepCookie:
    def test_is_replaced_once_it_was_of_use(self, browser):
        browser.get("/sign-in")
        assert STEP_COOKIE in browser.cookies

        sign_in(browser)

        assert STEP_COOKIE not in browser.cookies


def test_roles_of_people_can_all_be_accounts(session: Session):
    assert ViewerRole.SYSTEM not in accounts.PEOPLE
    assert ViewerRole.CLIENT not in accounts.PEOPLE
