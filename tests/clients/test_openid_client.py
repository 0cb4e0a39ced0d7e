"""openid-client, which is certified by the OpenID Foundation, against our authorization server."""

from datetime import UTC, datetime

import pytest
from joserfc.jwk import ECKey

from careapp.config import Settings
from careapp.db import make_engine, make_sessions
from careapp.identity.clients import CREDENTIALS, NewClient, add_client
from careapp.migrate import upgrade
from tests.api import processes
from tests.careapp.identity.people import PASSWORD, an_account
from tests.careapp.worlds import an_organisation

BACK = "http://127.0.0.1/back"


@pytest.fixture
def key():
    return ECKey.generate_key("P-384", {"kid": "theirs", "use": "sig", "alg": "ES384"})


@pytest.fixture
def folder(tmp_path, key):
    """A data folder with a coordinator, an application and a clinic's system."""
    engine = make_engine(Settings.read(data_dir=tmp_path).database_address)
    upgrade(engine)
    now = datetime.now(UTC)
    app = NewClient("app", "Beispiel-App", "openid fhirUser offline_access user/*.rs", redirect_uris=[BACK])
    with make_sessions(engine).begin() as session:
        organisation = an_organisation(session)
        an_account(session, "erika", organisation=organisation)
        add_client(session, app, now=now)
        clinic = NewClient(
            "clinic",
            "Klinik",
            "system/Slot.rs",
            organisation_id=organisation.id,
            grant_types=[CREDENTIALS],
            jwks={"keys": [key.as_dict(private=False)]},
        )
        add_client(session, clinic, now=now)
    engine.dispose()
    return tmp_path


class TestOpenidClient:
    def test_signs_people_and_systems_in(self, folder, key, node_client):
        with processes.serving(folder) as server:
            said = node_client(
                "openid_client.mjs",
                address=server.address,
                login="erika",
                password=PASSWORD,
                backend="clinic",
                jwk=key.as_dict(private=True),
            )

        assert said["methods"] == ["S256"]
        assert (said["first"], said["asks"]) == (303, True)
        assert (said["claims"]["aud"], said["claims"]["iss"]) == ("app", server.address)
        assert said["user"]["sub"] == said["claims"]["sub"]
        assert (said["read"], said["renewed"]) == (200, 200)
        assert said["reused"] == said["family"] == said["replayed"] == "invalid_grant"
        assert said["revoked"] is None
        assert said["own"] == {"scope": "system/Slot.rs", "read": 200}
        assert said["introspected"]["active"]
        assert said["introspected"]["client_id"] == "clinic"
        assert said["widened"] == "invalid_scope"
