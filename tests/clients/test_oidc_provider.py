"""People sign in with us through oidc-provider, which others wrote."""

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Client, Response
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from api.app import create_app
from api.auth.cookie import COOKIE, STEP_COOKIE, cookie
from api.web_build import install
from careapp.config import Settings
from careapp.identity.models import WebSession
from tests.api.browsers import SECURE, browsing, token_of
from tests.careapp.worlds import an_organisation
from tests.clients.conftest import HERE

CALLBACK = "/sign-in/external/callback"


class Peer:
    """A running provider, and our service that signs people in through it."""

    def __init__(self, stack: ExitStack, engine: Engine, tmp_path, **asked: Any) -> None:
        self._stack, self._engine, self._folder = stack, engine, tmp_path
        with (HERE / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            node = install(HERE)
        with Session(engine) as session:
            self.organisation_id = str(an_organisation(session).id)
            session.commit()
        claims = {"sub": "4711", "role": "pdl", "organisation": "dienst-7"} | asked.pop("claims", {})
        redirects = {"redirect": f"{SECURE}{CALLBACK}", "afterwards": f"{SECURE}/signed-out"}
        process = subprocess.Popen(
            [node, str(HERE / "oidc_provider.mjs"), json.dumps(redirects | asked | {"claims": claims})],
            cwd=HERE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        stack.callback(process.wait)
        stack.callback(process.kill)
        assert process.stdout is not None
        stack.enter_context(process.stdout)
        self.issuer = process.stdout.readline().strip()
        self.browser = stack.enter_context(Client(follow_redirects=False, timeout=60))

    def service(self, **changes: Any) -> TestClient:
        """Start our service; `changes` are of the issuer's entry."""
        secret, issuers = self._folder / "secret", self._folder / "issuers.json"
        secret.write_text("a secret of nobody\n")
        entry: dict[str, Any] = {
            "issuer": self.issuer,
            "jwks_url": f"{self.issuer}/jwks",
            "audiences": ["careapp"],
            "roles": {"pdl": "coordinator"},
            "tenants": {"dienst-7": self.organisation_id},
            "sign_in": {"client_id": "careapp", "client_secret_file": str(secret)},
        }
        sign_in = entry["sign_in"] | changes.pop("sign_in", {})
        issuers.write_text(json.dumps({"issuers": [entry | changes | {"sign_in": sign_in}]}))
        app: FastAPI = create_app(
            Settings.read(data_dir=self._folder, issuers=issuers), engine=self._engine, runs_jobs=False
        )
        app.state.ways = (cookie,)
        return self._stack.enter_context(browsing(app))

    def through(self, service: TestClient, next_address: str = "/account") -> Response:
        """Leave, let the provider sign in, and come back."""
        return service.get(self.until_back(service, next_address))

    def until_back(self, service: TestClient, next_address: str = "/account") -> str:
        """Leave and let the provider sign in; return the address by which the browser comes back."""
        left = service.get("/sign-in/external", params={"next": next_address})
        assert left.status_code == 302, left.text
        address = left.headers["location"]
        while not address.startswith(SECURE):
            answer = self.browser.get(address)
            assert answer.is_redirect, answer.text
            address = str(answer.url.join(answer.headers["location"]))
        return address.removeprefix(SECURE)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def peer(stack, sqlite_engine, tmp_path) -> Peer:
    return Peer(stack, sqlite_engine, tmp_path)


class TestSignIn:
    def test_goes_through_the_provider_and_back(self, peer):
        service = peer.service()

        done = peer.through(service, "/map?date=2026-03-03")

        assert (done.status_code, done.headers["location"]) == (303, "/map?date=2026-03-03")
        me = service.get("/api/me").json()
        assert (me["role"], me["organisation"]["id"]) == ("coordinator", peer.organisation_id)
        assert me["name"].startswith("4711@")
        assert me["login"] is None
        assert "Anmeldedienst" in service.get("/account").text

    def test_asks_with_code_pkce_state_and_nonce(self, peer):
        left = peer.service().get("/sign-in/external")

        asked = parse_qs(urlsplit(left.headers["location"]).query)
        assert asked["response_type"] == ["code"]
        assert asked["code_challenge_method"] == ["S256"]
        assert all(len(asked[name][0]) >= 20 for name in ("state", "nonce", "code_challenge"))
        assert asked["redirect_uri"] == [f"{SECURE}{CALLBACK}"]

    def test_keeps_the_tokens_from_the_browser_and_sealed(self, peer, sqlite_engine):
        service = peer.service()
        done = peer.through(service)

        assert "eyJ" not in done.text + str(done.headers)
        with Session(sqlite_engine) as session:
            kept = session.scalars(select(WebSession.tokens_sealed)).one()
        assert kept is not None
        assert b"eyJ" not in kept

    def test_ends_at_the_provider_too(self, peer):
        service = peer.service()
        peer.through(service)
        page = service.get("/sign-out")

        answer = service.post("/sign-out", data={"csrf_token": token_of(page)})

        assert f"form-action 'self' {peer.issuer}" in page.headers["content-security-policy"]
        address = urlsplit(answer.headers["location"])
        assert f"{address.scheme}://{address.netloc}" == peer.issuer
        said = parse_qs(address.query)
        assert said["post_logout_redirect_uri"] == [f"{SECURE}/signed-out"]
        assert said["id_token_hint"][0].startswith("eyJ")
        assert peer.browser.get(answer.headers["location"]).status_code == 200
        assert service.get("/api/me").status_code == 401

    def test_is_refused_without_a_role_of_ours(self, peer):
        service = peer.service(roles={"arzt": "doctor"})

        assert peer.through(service).status_code == 403
        assert COOKIE not in service.cookies

    def test_is_refused_without_an_organisation_of_ours(self, peer):
        assert peer.through(peer.service(tenants={"dienst-8": peer.organisation_id})).status_code == 403

    def test_needs_the_proof_that_is_asked_for(self, stack, sqlite_engine, tmp_path):
        peer = Peer(stack, sqlite_engine, tmp_path, acr="two-factor")
        assert peer.through(peer.service(sign_in={"acr": "two-factor"})).status_code == 303

        assert peer.through(peer.service(sign_in={"acr": "three-factor"})).status_code == 403

    def test_is_offered_on_the_page(self, peer):
        page = peer.service().get("/sign-in?next=/account")

        assert 'href="/sign-in/external?next=%2Faccount"' in page.text


class TestAttacks:
    def test_coming_back_twice_is_refused(self, peer):
        service = peer.service()
        back = peer.until_back(service)
        step = service.cookies[STEP_COOKIE]
        assert service.get(back).status_code == 303
        service.cookies.clear()
        service.cookies.set(STEP_COOKIE, step, domain="127.0.0.1")

        assert service.get(back).status_code == 403

    def test_coming_back_in_another_browser_is_refused(self, peer):
        # An attacker's answer in a victim's browser would sign the victim in as the attacker.
        service = peer.service()
        back = peer.until_back(service)
        victim = TestClient(service.app, base_url=SECURE, follow_redirects=False)
        victim.get("/sign-in/external")

        assert victim.get(back).status_code == 403
        assert COOKIE not in victim.cookies

    def test_a_changed_state_is_refused(self, peer):
        service = peer.service()

        assert service.get(peer.until_back(service).replace("state=", "state=x")).status_code == 403

    def test_a_code_of_another_sign_in_is_refused(self, peer):
        # Its verifier and nonce are others (PKCE, OpenID Connect Core 3.1.2.1).
        service = peer.service()
        first = parse_qs(urlsplit(peer.until_back(service)).query)["code"][0]
        second = parse_qs(urlsplit(peer.until_back(service)).query)
        query = {"code": first, "state": second["state"][0]}

        assert service.get(CALLBACK, params=query).status_code == 403

    def test_a_provider_of_another_name_is_not_believed(self, peer):
        service = peer.service(issuer=peer.issuer.replace("127.0.0.1", "localhost"))

        assert service.get("/sign-in/external").status_code == 503

    def test_a_provider_that_is_away_harms_nobody(self, peer):
        service = peer.service(issuer="http://127.0.0.1:9", jwks_url="http://127.0.0.1:9/jwks")

        assert service.get("/sign-in/external").status_code == 503
        assert service.get("/sign-in").status_code == 200

    def test_what_is_no_answer_of_the_provider_is_refused(self, peer):
        service = peer.service()
        service.get("/sign-in/external")

        answer = service.get(CALLBACK, params={"error": "access_denied", "error_description": "<b>no</b>"})

        assert answer.status_code == 403
        assert "<b>no" not in answer.text
