"""Signing in with a real browser, on loopback without TLS."""

import re
from collections.abc import Iterator

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from api.auth.cookie import COOKIE
from tests.e2e.pages import findings
from tests.e2e.people import fill_in, password_of, sign_in


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(locale="de-DE", color_scheme=request.param)
    yield context.new_page()
    context.close()


@pytest.fixture
def plain(browser: Browser) -> Iterator[Page]:
    """A browser that runs no scripts."""
    context = browser.new_context(locale="de-DE", java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def named(address: str) -> str:
    """The server under a name: an IP address has no passkeys."""
    return address.replace("127.0.0.1", "localhost")


class TestSignIn:
    def test_works_without_a_script_and_keeps_one_cookie(self, plain, address, data_dir):
        sign_in(plain, address, data_dir)

        expect(plain.get_by_role("heading", name="Mein Konto")).to_be_visible()
        (kept,) = plain.context.cookies()
        assert kept.get("name") == COOKIE
        assert (kept.get("httpOnly"), kept.get("secure"), kept.get("sameSite")) == (True, True, "Lax")

    def test_says_what_was_wrong_and_leaves_nobody_out(self, page, address):
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{address}/sign-in")
        assert findings(page) == []

        fill_in(page, "coordinator", "falsch")

        expect(page.get_by_role("alert").first).to_contain_text("falsch")
        assert findings(page) == []
        assert complaints == []

    def test_speaks_english_too(self, page, address):
        page.goto(f"{address}/sign-in?next=/account")

        page.get_by_role("link", name="English").click()

        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        expect(page.locator("html")).to_have_attribute("lang", "en")
        assert findings(page) == []

    def test_ends_with_a_button(self, plain, address, data_dir):
        sign_in(plain, address, data_dir, "auditor")
        plain.get_by_role("link", name="Abmelden").click()
        plain.get_by_role("button", name="Abmelden").click()

        expect(plain.get_by_role("heading", name="Abgemeldet")).to_be_visible()
        assert plain.context.cookies() == []


class TestSecondFactors:
    def test_of_an_app_are_set_up_and_asked_for(self, page, address, data_dir, request):
        role = "administrator" if "light" in request.node.name else "analyst"
        sign_in(page, address, data_dir, role)
        assert findings(page) == []
        password = password_of(data_dir, role)
        page.locator("#app-password").fill(password)
        page.get_by_role("button", name="App einrichten").click()
        assert findings(page) == []
        expect(page.locator(".qr svg")).to_be_visible()
        app = pyotp.TOTP(re.sub(r"\s", "", page.locator("code").inner_text()))
        page.get_by_label("Code").fill(app.now())
        page.get_by_role("button", name="Code prüfen").click()
        expect(page.get_by_role("status")).to_contain_text("eingerichtet")

        page.context.clear_cookies()
        page.goto(f"{address}/sign-in")
        fill_in(page, role, password)

        expect(page.get_by_role("heading", name="Zweiter Schritt")).to_be_visible()
        assert findings(page) == []

    def test_of_a_passkey_sign_in_alone(self, page, named, data_dir):
        device = page.context.new_cdp_session(page)
        device.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        device.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        sign_in(page, named, data_dir, "doctor")
        page.get_by_label("Name des Geräts").fill("Telefon")
        page.locator("#passkey-password").fill(password_of(data_dir, "doctor"))
        page.get_by_role("button", name="Passkey hinzufügen").click()
        expect(page.get_by_role("status")).to_contain_text("hinzugefügt")
        assert findings(page) == []
        page.context.clear_cookies()

        page.goto(f"{named}/sign-in?next=/account")
        page.get_by_role("button", name="Mit Passkey anmelden").click()

        expect(page.get_by_role("heading", name="Mein Konto")).to_be_visible()
        expect(page.locator("dd").first).to_have_text("demo-doctor")
