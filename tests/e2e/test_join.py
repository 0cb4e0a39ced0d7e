"""A patient comes by a link, in a real browser, with scripts and without.

The browser's requests are answered by the application at the hour of the consultation: no server listens.
"""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import select

from api.app import create_app
from api.dependencies import read_now
from careapp.calls.commands import admit, take_seat
from careapp.calls.models import Call, CallParticipant, ProviderKind
from careapp.config import Settings
from careapp.db import make_sessions
from careapp.tenancy import begin_as
from tests.careapp.calls.consultations import DURING, Consultation, a_consultation
from tests.e2e.pages import findings

HERE = "https://127.0.0.1"
PASSED_ON = ("accept", "accept-language", "content-type", "origin", "sec-fetch-site", "sec-fetch-mode")
ASKED_IN = {"de": "Sie werden hereingebeten.", "en": "You are asked in."}
AGREE = {"de": "Ich bin einverstanden", "en": "I agree"}


@pytest.fixture
def consultation(sqlite_engine, now) -> Consultation:
    return a_consultation(make_sessions(sqlite_engine), now)


@pytest.fixture
def secret(consultation: Consultation) -> str:
    """Of a link to a call that an external provider is to carry."""
    call_id = consultation.prepare(provider=ProviderKind.EXTERNAL)
    return consultation.invite(call_id).token


@pytest.fixture
def client(tmp_path, sqlite_engine) -> Iterator[TestClient]:
    app = create_app(Settings.read(data_dir=tmp_path), engine=sqlite_engine, runs_jobs=False)
    app.dependency_overrides[read_now] = lambda: DURING
    app.state.clock = lambda: DURING
    with TestClient(app, base_url=HERE, follow_redirects=False) as client:
        yield client


@pytest.fixture(params=[("de", True), ("en", True), ("de", False)], ids=["de", "en", "de without scripts"])
def page(browser: Browser, client: TestClient, request: pytest.FixtureRequest) -> Iterator[Page]:
    language, has_scripts = request.param
    context = browser.new_context(locale=language, java_script_enabled=has_scripts)

    def answer(route: Route) -> None:
        asked = route.request
        headers = {name: value for name, value in asked.headers.items() if name in PASSED_ON}
        content = asked.post_data_buffer
        found = client.request(asked.method, asked.url, headers=headers, content=content)
        kept = {name: value for name, value in found.headers.items() if name != "set-cookie"}  # the client's
        route.fulfill(status=found.status_code, headers=kept, body=found.content)

    context.route("**/*", answer)
    yield context.new_page()
    context.close()


def let_in(consultation: Consultation) -> None:
    with consultation.sessions.begin() as session:
        call_id = session.scalars(select(Call.id)).one()
        (patient,) = session.scalars(select(CallParticipant.id))
    with begin_as(consultation.sessions, consultation.doctor, DURING) as session:
        take_seat(session, call_id=call_id, viewer=consultation.doctor, now=DURING)
        admit(session, call_id=call_id, participant_id=patient, viewer=consultation.doctor, now=DURING)


class TestJoining:
    def test_leads_over_consent_and_waiting_room_to_the_call(self, page, consultation, secret, request):
        language, has_scripts = request.node.callspec.params["page"]
        asked: list[str] = []
        page.on("request", lambda each: asked.append(each.url))

        page.goto(f"{HERE}/join#{secret}")
        code = page.locator("#code")
        if has_scripts:
            expect(code).to_have_value(secret)
            assert "#" not in page.url  # nor in the history
            found = findings(page)
        else:
            code.fill(secret)
            found = []
        page.locator("form button").click()
        expect(page.locator("h1")).to_have_text({"de": "Einverständnis", "en": "Consent"}[language])
        found += findings(page) if has_scripts else []
        page.get_by_role("button", name=AGREE[language]).click()
        expect(page.get_by_role("status")).to_be_visible()
        found += findings(page) if has_scripts else []
        let_in(consultation)
        if has_scripts:  # looks by itself
            expect(page.get_by_role("status")).to_have_text(ASKED_IN[language], timeout=20_000)
        else:
            page.get_by_role("link", name="Nachsehen").click()
            expect(page.get_by_role("status")).to_have_text(ASKED_IN[language])

        assert found == []
        assert page.url.startswith(f"{HERE}/join/room")
        assert not any(secret in address for address in asked if "#" not in address)
