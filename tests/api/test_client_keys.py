"""Clients that publish their keys: we ask the registered address, and no other."""

import pytest
from joserfc.jwk import ECKey

from api.auth.bearer import bearer
from api.auth.cookie import cookie
from careapp.config import Settings
from careapp.identity.clients import CREDENTIALS, NewClient, add_client
from tests.api.browsers import browsing
from tests.api.issuers import publishing
from tests.api.oauth import App, assertion
from tests.careapp.worlds import an_organisation


@pytest.fixture
def engine(sqlite_engine):
    return sqlite_engine


@pytest.fixture
def settings(tmp_path):
    return Settings.read(data_dir=tmp_path, private_networks="127.0.0.0/8")


@pytest.fixture
def publisher():
    with publishing() as server:
        server.keys = [ECKey.generate_key("P-384", {"kid": "first", "use": "sig"})]
        yield server


@pytest.fixture
def ask(app, session, publisher, now):
    organisation = an_organisation(session)
    clinic = NewClient(
        "clinic",
        "Klinik",
        "system/Slot.rs",
        organisation_id=organisation.id,
        grant_types=[CREDENTIALS],
        jwks_url=f"{publisher.address}/jwks",
    )
    add_client(session, clinic, now=now)
    session.commit()
    app.state.ways = (bearer, cookie)
    with browsing(app) as browser:

        def ask(key=None, **changes):
            proof = assertion(key or publisher.keys[0], "clinic", now, **changes)
            return (
                App(browser)
                .send("/oauth/token", grant_type=CREDENTIALS, scope="system/Slot.rs", **proof)
                .json()
            )

        yield ask


class TestPublishedKeys:
    def test_prove_the_client(self, ask, publisher):
        assert ask()["scope"] == "system/Slot.rs"
        assert ask()["scope"] == "system/Slot.rs"
        assert publisher.asked == 1

    def test_are_asked_for_again_after_half_a_minute(self, ask, publisher, monkeypatch):
        ask()
        publisher.keys = [ECKey.generate_key("P-384", {"kid": "second", "use": "sig"})]

        assert ask()["error"] == "invalid_client"
        monkeypatch.setattr("api.auth.server.client_keys.monotonic", lambda: 1e9)
        assert ask()["scope"] == "system/Slot.rs"

    def test_are_not_asked_for_at_every_forgery(self, ask, publisher):
        for number in range(10):
            assert ask(ECKey.generate_key("P-384", {"kid": f"{number}"}))["error"] == "invalid_client"

        assert publisher.asked == 1

    @pytest.mark.parametrize(
        ("status", "body"),
        [(500, None), (302, None), (200, b"[]"), (200, b'{"keys": [{}]}'), (200, b"x" * 2_000_000)],
    )
    def test_are_none_if_they_cannot_be_read(self, ask, publisher, status, body):
        publisher.status, publisher.body = status, body

        assert ask()["error"] == "invalid_client"
        assert publisher.asked == 1

    def test_are_kept_while_the_client_is_away(self, ask, publisher, monkeypatch):
        ask()
        publisher.status = 500
        monkeypatch.setattr("api.auth.server.client_keys.monotonic", lambda: 1e9)

        assert ask()["scope"] == "system/Slot.rs"
