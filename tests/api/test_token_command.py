"""The commands `careapp token` and `careapp client`."""

import json

import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from joserfc.jwk import ECKey
from sqlalchemy import select

from api.app import create_app
from api.auth.bearer import bearer
from api.auth.viewers import SignedIn
from api.cli import main
from careapp.config import Settings
from careapp.db import make_engine, make_sessions
from careapp.organisations.models import Organisation
from tests.careapp.worlds import a_world


@pytest.fixture
def folder(tmp_path, sqlite_engine):
    """A data folder with a small care service and a practice."""
    with make_sessions(sqlite_engine).begin() as session:
        a_world(session)
    return tmp_path


@pytest.fixture
def run(folder):
    def run(*arguments):
        return CliRunner().invoke(main, [*arguments, "--data-dir", str(folder)])

    return run


@pytest.fixture
def ask(folder):
    app = create_app(Settings.read(data_dir=folder), runs_jobs=False)
    app.state.ways = (bearer,)

    @app.get("/whoami")
    async def who_am_i(viewer: SignedIn):
        return {
            "name": viewer.name,
            "role": viewer.role.value,
            "belongs": viewer.organisation_id is not None,
            "works": viewer.practitioner_id is not None,
            "scopes": sorted(viewer.scopes or ()),
        }

    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield lambda token: client.get("/whoami", headers={"Authorization": f"Bearer {token}"})


class TestToken:
    @pytest.mark.parametrize(
        ("role", "belongs", "works"),
        [
            ("coordinator", True, False),
            ("nurse", True, True),
            ("doctor", True, True),
            ("administrator", True, False),
            ("analyst", False, False),
            ("auditor", True, False),
            ("support", True, False),
        ],
    )
    def test_prints_a_token_of_a_role(self, run, ask, role, belongs, works):
        printed = run("token", "--role", role)

        assert ask(printed.stdout.strip()).json() == {
            "name": f"careapp-token-{role}",
            "role": role,
            "belongs": belongs,
            "works": works,
            "scopes": ["api.read", "api.write", "user/*.cruds"],
        }

    def test_prints_no_more_scopes_than_are_asked_for(self, run, ask):
        printed = run("token", "--role", "coordinator", "--scope", "user/Slot.rs?status=free api.read")

        assert ask(printed.stdout.strip()).json()["scopes"] == ["api.read", "user/Slot.rs?status=free"]

    @pytest.mark.parametrize(
        "asked",
        [
            (),
            ("--role", "nurse", "--client", "clinic"),
            ("--client", "unknown"),
            ("--role", "nurse", "--practitioner", "00000000-0000-0000-0000-000000000000"),
            ("--role", "auditor", "--organisation", "00000000-0000-0000-0000-000000000000"),
            ("--role", "system"),
        ],
    )
    def test_says_what_to_do_if_nobody_fits(self, run, asked):
        said = run("token", *asked)

        assert said.exit_code == 2
        assert "Traceback" not in said.output
        assert said.stdout == ""


class TestClients:
    @pytest.fixture
    def keys(self, tmp_path):
        path = tmp_path / "clinic.json"
        key = ECKey.generate_key("P-384", {"kid": "1", "use": "sig", "alg": "ES384"})
        path.write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
        return path

    def test_registers_lists_and_disables(self, run, ask, keys, folder):
        organisation = first_organisation(folder)

        added = run(
            "client", "add", "clinic", "--name", "Klinik", "--scope", "system/*.rs",
            "--jwks", str(keys), "--organisation", organisation,
        )  # fmt: skip
        listed = run("client", "list")
        printed = run("token", "--client", "clinic").stdout.strip()

        assert added.exit_code == 0, added.output
        assert "clinic  active  private_key_jwt  client_credentials  system/*.rs" in listed.stdout
        assert run("client", "disable", "clinic").exit_code == 0
        assert ask(printed).status_code == 401
        assert "disabled" in run("client", "list").stdout
        assert run("token", "--client", "clinic").exit_code == 2

    def test_gives_a_client_no_scope_that_it_was_not_given(self, run, ask, keys, folder):
        run(
            "client", "add", "clinic", "--name", "Klinik", "--scope", "system/Slot.rs",
            "--jwks", str(keys), "--organisation", first_organisation(folder),
        )  # fmt: skip

        printed = run("token", "--client", "clinic", "--scope", "system/*.cruds api.write").stdout.strip()

        said = ask(printed).json()
        assert (said["role"], said["scopes"]) == ("client", ["system/Slot.rs"])
        assert run("token", "--client", "clinic", "--scope", "user/*.cruds").exit_code == 2

    def test_renews_the_keys_that_sign(self, run, ask):
        before = run("token", "--role", "coordinator").stdout.strip()

        assert run("client", "renew-keys").exit_code == 0

        after = run("token", "--role", "coordinator").stdout.strip()
        assert before.split(".")[0] != after.split(".")[0]
        assert [ask(each).status_code for each in (before, after)] == [200, 200]

    def test_refuses_what_stolen_keys_have_signed(self, run, ask):
        before = run("token", "--role", "coordinator").stdout.strip()

        assert run("client", "renew-keys", "--forget-old").exit_code == 0

        assert ask(before).status_code == 401

    @pytest.mark.parametrize(
        "wrong",
        [
            ("--redirect", "http://elsewhere.example/back"),
            ("--redirect", "javascript:alert(1)"),
            ("--redirect", "https://app.example/back#here"),
            ("--redirect", "https://me@app.example/back"),
            ("--grant", "client_credentials"),
            ("--jwks-url", "file:///keys"),
            (),
        ],
    )
    def test_refuses_a_client_that_is_not_safe(self, run, wrong):
        said = run("client", "add", "app", "--name", "App", "--scope", "user/*.rs", *wrong)

        assert said.exit_code == 2
        assert "Traceback" not in said.output


def first_organisation(folder):
    engine = make_engine(Settings.read(data_dir=folder).database_address)
    with make_sessions(engine).begin() as session:
        found = session.scalars(select(Organisation.id).order_by(Organisation.id)).first()
    engine.dispose()
    return str(found)
