"""Codes of an authenticator app, passkeys, and the page on which people set them up."""

import json
import re
from datetime import datetime, timedelta

import pyotp
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select

from api.auth.cookie import COOKIE, cookie
from api.dependencies import read_now
from careapp.identity.models import Passkey
from tests.api.authenticator import PRESENT, Authenticator
from tests.api.browsers import browsing, csrf_of, sign_in, token_of
from tests.careapp.identity.people import PASSWORD, an_account

WRONG = "falsch"
NAMED = "https://localhost"
"""Passkeys need a host name."""
SECRET = re.compile(r"<code>([A-Z2-7 ]+)</code>")


@pytest.fixture
def person(session):
    account = an_account(session)
    session.commit()
    return account


@pytest.fixture
def browser(app, person):
    app.state.ways = (cookie,)
    with browsing(app, NAMED) as client:
        yield client


def put(app: FastAPI, moment: datetime) -> None:
    """Put the application to another hour."""
    app.state.clock = lambda: moment
    app.dependency_overrides[read_now] = lambda: moment


@pytest.fixture
def app_of(app, browser, now):
    """An authenticator app that is set up; the browser is signed out again."""
    sign_in(browser)
    form = {"csrf_token": token_of(browser.get("/account")), "password": PASSWORD}
    shown = browser.post("/account/app", data=form)
    assert "<svg" in shown.text
    secret = SECRET.search(shown.text)
    assert secret is not None
    totp = pyotp.TOTP(secret[1].replace(" ", ""))
    form = {"csrf_token": form["csrf_token"], "code": totp.at(now)}
    done = browser.post("/account/app/code", data=form)
    assert done.headers["location"] == "/account?done=app_added"
    browser.cookies.clear()
    put(app, now + timedelta(minutes=5))
    return totp


def send_code(browser: TestClient, code: str):
    token = token_of(browser.get("/sign-in/code"))
    return browser.post("/sign-in/code", data={"csrf_token": token, "code": code})


class TestAuthenticatorApp:
    def test_is_asked_for_after_the_password(self, browser, app_of, now):
        answer = sign_in(browser, next_address="/map?date=2026-03-03")

        assert answer.headers["location"].startswith("/sign-in/code")
        assert COOKIE not in browser.cookies
        done = send_code(browser, app_of.at(now + timedelta(minutes=5)))
        assert (done.status_code, done.headers["location"]) == (303, "/map?date=2026-03-03")
        assert browser.get("/api/me").status_code == 200

    def test_takes_each_code_once(self, browser, app_of, now):
        code = app_of.at(now + timedelta(minutes=5))
        sign_in(browser)
        send_code(browser, code)
        browser.cookies.clear()
        sign_in(browser)

        assert send_code(browser, code).status_code == 403
        assert COOKIE not in browser.cookies

    @pytest.mark.parametrize("code", ["", "000000", "12345", "abcdef", "１２３４５６", "1" * 9])
    def test_refuses_what_is_no_code_of_now(self, browser, app_of, code):
        sign_in(browser)

        assert send_code(browser, code).status_code == 403

    def test_cannot_be_guessed_by_giving_the_password_again(self, browser, app_of):
        # Five tries are free; the password's own try counts until the code is right.
        statuses = []
        for _ in range(4):
            answer = sign_in(browser)
            if answer.status_code != 303:
                statuses.append(answer.status_code)
                break
            statuses.append(send_code(browser, "000000").status_code)

        assert statuses[-1] == 429

    def test_is_not_asked_for_its_code_without_a_password(self, browser, app_of, now):
        browser.get("/sign-in")

        answer = send_code(browser, app_of.at(now + timedelta(minutes=5)))

        assert answer.headers["location"] == "/sign-in"
        assert COOKIE not in browser.cookies

    def test_is_removed_with_the_password(self, browser, app_of, now):
        sign_in(browser)
        send_code(browser, app_of.at(now + timedelta(minutes=5)))
        token = token_of(browser.get("/account"))

        refused = browser.post("/account/app/removal", data={"csrf_token": token, "password": WRONG})
        done = browser.post("/account/app/removal", data={"csrf_token": token, "password": PASSWORD})

        assert refused.status_code == 403
        assert done.headers["location"] == "/account?done=app_removed"
        browser.cookies.clear()
        assert sign_in(browser).headers["location"] == "/map"


@pytest.fixture
def device(browser):
    """A device with a passkey of the account; the browser is signed out again."""
    device = Authenticator(NAMED)
    assert add(browser, device).status_code == 201
    browser.cookies.clear()
    return device


def post(browser: TestClient, path: str, body: object, headers: dict[str, str]):
    """Send JSON in ASCII, where halves of characters can be written."""
    return browser.post(
        path, content=json.dumps(body), headers=headers | {"content-type": "application/json"}
    )


def add(browser: TestClient, device: Authenticator, *, name: str = "Telefon"):
    sign_in(browser)
    headers = csrf_of(browser)
    asked = browser.post("/account/passkeys/challenge", json={"password": PASSWORD}, headers=headers)
    assert asked.status_code == 200, asked.text
    body = {"name": name, "credential": device.make(asked.json())}
    return post(browser, "/account/passkeys", body, headers)


def challenge(browser: TestClient, next_address: str = ""):
    token = token_of(browser.get("/sign-in"))
    headers = {"X-CSRF-Token": token}
    asked = browser.post("/sign-in/passkey/challenge", json={"next": next_address}, headers=headers)
    return asked.json(), headers


class TestPasskey:
    def test_signs_in_without_a_password(self, browser, device, person):
        options, headers = challenge(browser, "/map?date=2026-03-03")

        answer = browser.post("/sign-in/passkey", json=device.sign(options), headers=headers)

        assert (answer.status_code, answer.json()) == (200, {"next": "/map?date=2026-03-03"})
        assert browser.get("/api/me").json()["name"] == str(person.id)

    def test_signs_each_challenge_once(self, browser, device):
        options, headers = challenge(browser)
        signed = device.sign(options)
        browser.post("/sign-in/passkey", json=signed, headers=headers)

        replayed = TestClient(browser.app, base_url=NAMED)
        token = token_of(replayed.get("/sign-in"))
        answer = replayed.post("/sign-in/passkey", json=signed, headers={"X-CSRF-Token": token})

        assert answer.status_code == 403

    def test_of_another_site_is_refused(self, browser, device):
        device.origin = "https://localhost.evil.example"
        options, headers = challenge(browser)

        assert browser.post("/sign-in/passkey", json=device.sign(options), headers=headers).status_code == 403

    def test_without_a_finger_or_pin_is_refused(self, browser, device):
        device.flags = PRESENT
        options, headers = challenge(browser)

        assert browser.post("/sign-in/passkey", json=device.sign(options), headers=headers).status_code == 403

    def test_of_nobody_is_refused(self, browser, device):
        options, headers = challenge(browser)
        stranger = Authenticator(NAMED).sign(options)

        assert browser.post("/sign-in/passkey", json=stranger, headers=headers).status_code == 403

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"rawId": 1},
            {"rawId": "ä"},
            {"rawId": "AA", "id": "AA", "response": []},
            {"rawId": "A" * 3000},
        ],
    )
    def test_that_is_none_is_refused(self, browser, device, body):
        _, headers = challenge(browser)

        assert browser.post("/sign-in/passkey", json=body, headers=headers).status_code == 403

    def test_is_added_only_with_the_password(self, browser):
        sign_in(browser)

        headers = csrf_of(browser)
        for password in (WRONG, "\ud800", None, 7):
            answer = post(browser, "/account/passkeys/challenge", {"password": password}, headers)

            assert answer.status_code == 403

    def test_is_called_what_can_be_shown(self, browser, session):
        sign_in(browser)

        assert add(browser, Authenticator(NAMED), name="\0\ud800 Telefon \n" + "x" * 99).status_code == 201

        assert session.scalars(select(Passkey.name)).one() == ("Telefon " + "x" * 99)[:40]

    def test_is_removed_by_its_owner_alone(self, browser, device, session):
        passkey_id = session.scalars(select(Passkey.id)).one()
        session.rollback()
        an_account(session, "max")
        session.commit()
        sign_in(browser, "max")
        browser.post(f"/account/passkeys/{passkey_id}/removal", headers=csrf_of(browser))
        assert len(session.scalars(select(Passkey)).all()) == 1
        session.rollback()
        sign_in(browser)

        browser.post(f"/account/passkeys/{passkey_id}/removal", headers=csrf_of(browser))

        assert len(session.scalars(select(Passkey)).all()) == 0

    def test_needs_a_name_of_the_service(self, browser):
        browser.base_url = "https://127.0.0.1"
        token = token_of(browser.get("/sign-in"))

        answer = browser.post("/sign-in/passkey/challenge", json={}, headers={"X-CSRF-Token": token})

        assert answer.status_code == 409


class TestPassword:
    def change(self, browser: TestClient, old: str, new: str):
        form = {"csrf_token": token_of(browser.get("/account")), "password": old, "new_password": new}
        return browser.post("/account/password", data=form)

    def test_is_changed_and_signs_out_everywhere_else(self, app, browser):
        other = TestClient(app, base_url=NAMED, follow_redirects=False)
        sign_in(other)
        sign_in(browser)

        answer = self.change(browser, PASSWORD, "ein ganz anderer Satz")

        assert answer.headers["location"] == "/account?done=password_changed"
        assert browser.get("/account?done=password_changed").status_code == 200
        assert other.get("/api/me").status_code == 401
        assert sign_in(other).status_code == 403

    @pytest.mark.parametrize("new", ["kurz", "aaaaaaaaaaaaaaa", "erika und ihr Hund", "123456789012"])
    def test_is_not_changed_to_a_weak_one(self, browser, new):
        sign_in(browser)

        assert self.change(browser, PASSWORD, new).status_code == 403

    def test_is_not_changed_without_the_old_one(self, browser):
        sign_in(browser)

        assert self.change(browser, WRONG, "ein ganz anderer Satz").status_code == 403


class TestOtherBrowsers:
    def test_are_signed_out_with_a_button(self, app, browser):
        other = TestClient(app, base_url=NAMED, follow_redirects=False)
        sign_in(other)
        sign_in(browser)

        browser.post("/account/others/end", headers=csrf_of(browser))

        assert other.get("/api/me").status_code == 401
        assert browser.get("/api/me").status_code == 200
