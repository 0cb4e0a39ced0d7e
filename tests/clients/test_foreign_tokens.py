"""Our resource server takes access tokens of oidc-provider, which others wrote."""

import fcntl
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from fastapi.testclient import TestClient
from httpx2 import Client

from api.app import create_app
from api.auth.bearer import bearer
from api.web_build import install
from careapp.config import Settings
from careapp.db import make_sessions
from tests.careapp.worlds import an_organisation
from tests.clients.conftest import HERE

AUDIENCE = "https://care.example/fhir"


@contextmanager
def provider(**arguments: object) -> Iterator[str]:
    """Run the provider; give its address."""
    with (HERE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        node = install(HERE)
    process = subprocess.Popen(
        [node, str(HERE / "oidc_tokens.mjs"), json.dumps(arguments)],
        cwd=HERE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def organisation(sqlite_engine):
    with make_sessions(sqlite_engine).begin() as session:
        return an_organisation(session).id


@pytest.fixture
def ask(tmp_path, sqlite_engine, organisation):
    """Fetch a token of a provider for some audience, and ask our service with it."""
    with ExitStack() as stack:

        def ask(audience=AUDIENCE, path="/api/me", **claims):
            said = {"role": "client", "organisation": "dienst-7"} | claims
            issuer = stack.enter_context(provider(claims=said, audience=audience))
            form = {
                "grant_type": "client_credentials",
                "client_id": "clinic",
                "client_secret": "a secret of nobody",
                "scope": "system/Slot.rs api.read",
                "resource": "urn:care",
            }
            token = stack.enter_context(Client()).post(f"{issuer}/token", data=form).json()["access_token"]
            entry = {
                "issuer": issuer,
                "jwks_url": f"{issuer}/jwks",
                "audiences": [AUDIENCE],
                "tenants": {"dienst-7": str(organisation)},
            }
            issuers = tmp_path / "issuers.json"
            issuers.write_text(json.dumps({"issuers": [entry]}))
            settings = Settings.read(data_dir=tmp_path, issuers=issuers, private_networks="127.0.0.0/8")
            app = create_app(settings, engine=sqlite_engine, runs_jobs=False)
            app.state.ways = (bearer,)
            service = stack.enter_context(TestClient(app, base_url="http://127.0.0.1"))
            return service.get(path, headers={"Authorization": f"Bearer {token}"})

        yield ask


class TestForeignTokens:
    def test_open_what_they_say(self, ask, organisation):
        said = ask().json()

        assert (said["name"], said["role"]) == ("clinic@127.0.0.1", "client")
        assert said["organisation"]["id"] == str(organisation)
        assert said["scopes"] == ["api.read", "system/Slot.rs"]

    def test_open_no_more(self, ask):
        assert ask(path="/fhir/Patient").status_code == 403

    def test_for_another_service_are_refused(self, ask):
        assert ask(audience="https://elsewhere.example").status_code == 401

    def test_of_another_organisation_are_refused(self, ask):
        assert ask(organisation="dienst-8").status_code == 401
