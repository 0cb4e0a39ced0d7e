"""An application asks for access, in a real browser: the page leads on to another server."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api import processes
from tests.api.issuers import Provider, publishing
from tests.api.oauth import challenge_of
from tests.e2e.pages import findings
from tests.e2e.people import fill_in, password_of


@pytest.fixture(scope="module")
def app(data_dir):
    """An application that is registered."""
    made = processes.run(
        "client", "add", "app", "--name", "Beispiel-App", "--redirect", "http://127.0.0.1/back",
        "--scope", "launch/patient patient/*.rs user/*.rs offline_access", data_dir=data_dir,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return "app"


@pytest.fixture
def elsewhere() -> Iterator[Provider]:
    """The application's server: another origin."""
    with publishing() as server:
        yield server


@pytest.fixture(params=[True, False], ids=["with scripts", "without"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(locale="de-DE", java_script_enabled=request.param)
    yield context.new_page()
    context.close()


def asked(address: str, elsewhere: Provider, **changes: str) -> str:
    query = {
        "response_type": "code",
        "client_id": "app",
        "redirect_uri": f"{elsewhere.address}/back",
        "scope": "launch/patient patient/*.rs",
        "state": "abc",
        "code_challenge": challenge_of("v" * 43),
        "code_challenge_method": "S256",
    } | changes
    return f"{address}/oauth/authorize?{urlencode(query)}"


def arrived(page: Page, elsewhere: Provider) -> dict[str, str]:
    page.wait_for_url(f"{elsewhere.address}/back?*")
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


class TestConsent:
    def test_leads_from_sign_in_over_the_question_to_the_application(
        self, page, address, data_dir, app, elsewhere, request
    ):
        page.goto(asked(address, elsewhere))
        fill_in(page, "coordinator", password_of(data_dir, "coordinator"))

        expect(page.get_by_role("heading", name="Zugriff erlauben?")).to_be_visible()
        if "without" not in request.node.name:
            assert findings(page) == []
        page.get_by_label("Um wen geht es?").select_option(index=1)
        page.get_by_role("button", name="Erlauben").click()

        said = arrived(page, elsewhere)
        assert said["code"]
        assert (said["state"], said["iss"]) == ("abc", address)

    def test_takes_no_for_an_answer(self, page, address, data_dir, app, elsewhere):
        page.goto(asked(address, elsewhere, scope="user/*.rs"))
        fill_in(page, "coordinator", password_of(data_dir, "coordinator"))

        page.get_by_role("button", name="Ablehnen").click()

        assert arrived(page, elsewhere)["error"] == "access_denied"

    def test_sends_nobody_to_a_stranger(self, page, address, app, elsewhere):
        page.goto(asked(address, elsewhere, redirect_uri="https://evil.example/"))

        expect(page.get_by_role("heading", name="So geht es nicht weiter")).to_be_visible()
