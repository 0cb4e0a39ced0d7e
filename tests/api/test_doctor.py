"""`careapp doctor`: what is unsafe, in sentences, with an exit code."""

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import make_url

from api.cli import main
from api.edge.database_findings import findings_of_database
from api.edge.findings import Severity, findings_of_files, findings_of_settings
from careapp.config import Settings
from careapp.keys import Keyring
from careapp.migrate import upgrade
from careapp.row_security import role_faults
from tests.careapp.identity.people import an_account
from tests.careapp.worlds import an_organisation

PUBLIC = {"public_url": "https://care.example"}
HERE = "postgresql+psycopg://care:long-and-random@127.0.0.1/care"
AWAY = "postgresql+psycopg://care:long-and-random@db.example/care"


def judged(**settings: object) -> dict[str, Severity]:
    """What was found of each setting; the worst counts."""
    found: dict[str, Severity] = {}
    for each in findings_of_settings(Settings.read(**settings)):
        order = list(Severity)
        worst = min(found.get(each.what, each.severity), each.severity, key=order.index)
        found[each.what] = worst
    return found


@pytest.fixture
def _somebody(monkeypatch):
    """Not root; whatever starts a PostgreSQL must still see who runs the tests."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


class TestSettings:
    def test_of_a_fresh_machine_are_good(self):
        assert set(judged().values()) == {Severity.GOOD}

    @pytest.mark.parametrize(
        ("settings", "what", "severity"),
        [
            (PUBLIC | {"proxies": "10.0.0.0/8"}, "CAREAPP_PROXIES", Severity.UNSAFE),
            (PUBLIC | {"proxies": "0.0.0.0/0"}, "CAREAPP_PROXIES", Severity.UNSAFE),
            (PUBLIC | {"proxies": "::/0"}, "CAREAPP_PROXIES", Severity.UNSAFE),
            (PUBLIC, "CAREAPP_DATABASE_URL", Severity.DOUBTFUL),
            (PUBLIC | {"requests_per_viewer": 100_000}, "CAREAPP_REQUESTS_PER_VIEWER", Severity.DOUBTFUL),
            (PUBLIC | {"log_level": "DEBUG"}, "CAREAPP_LOG_LEVEL", Severity.UNSAFE),
            ({"log_level": "DEBUG"}, "CAREAPP_LOG_LEVEL", Severity.DOUBTFUL),
            ({"database_url": AWAY}, "CAREAPP_DATABASE_URL", Severity.UNSAFE),
            ({"database_url": f"{AWAY}?sslmode=require"}, "CAREAPP_DATABASE_URL", Severity.DOUBTFUL),
            (
                {"database_url": "postgresql+psycopg://care:care@db.example/care?sslmode=verify-full"},
                "CAREAPP_DATABASE_URL",
                Severity.UNSAFE,
            ),
            ({"roads_url": "http://roads.example"}, "CAREAPP_ROADS_URL", Severity.UNSAFE),
            ({"roads_url": "https://router.project-osrm.org"}, "CAREAPP_ROADS_URL", Severity.UNSAFE),
            ({"geocoder_url": "http://10.0.0.8:8088"}, "CAREAPP_GEOCODER_URL", Severity.DOUBTFUL),
            ({"geocoder_url": "http://nominatim:8088"}, "CAREAPP_GEOCODER_URL", Severity.DOUBTFUL),
            (
                {"subscription_hosts": "https://a.example, http://b.example"},
                "CAREAPP_SUBSCRIPTION_HOSTS",
                Severity.UNSAFE,
            ),
            ({"private_networks": "127.0.0.0/8"}, "CAREAPP_PRIVATE_NETWORKS", Severity.UNSAFE),
            ({"private_networks": "0.0.0.0/0"}, "CAREAPP_PRIVATE_NETWORKS", Severity.UNSAFE),
            ({"private_networks": "169.254.169.254"}, "CAREAPP_PRIVATE_NETWORKS", Severity.UNSAFE),
            ({"private_networks": "10.0.0.0/8"}, "CAREAPP_PRIVATE_NETWORKS", Severity.DOUBTFUL),
        ],
    )
    def test_that_are_not_are_named(self, settings, what, severity):
        assert judged(**settings)[what] is severity

    @pytest.mark.parametrize(
        "settings",
        [
            PUBLIC | {"database_url": HERE},
            {"database_url": f"{AWAY}?sslmode=verify-full"},
            {"roads_url": "http://127.0.0.1:5000"},
            {"geocoder_url": "https://photon.example"},
            {"private_networks": "10.1.2.0/24, fd00:1::/64"},
        ],
    )
    def test_that_are_careful_are_good(self, settings):
        assert set(judged(**settings).values()) == {Severity.GOOD}


@pytest.mark.usefixtures("_somebody")
class TestFiles:
    def test_that_others_may_read_are_named(self, tmp_path):
        settings = Settings.read(data_dir=tmp_path, **PUBLIC)
        settings.keys_path.parent.mkdir()
        settings.keys_path.write_text("{}")
        tmp_path.chmod(0o755)
        settings.keys_path.chmod(0o644)

        found = {each.what: each for each in findings_of_files(settings)}

        assert found["data folder"].severity is Severity.UNSAFE
        assert f"chmod 700 {tmp_path}" in found["data folder"].sentence

    def test_that_are_closed_are_good(self, tmp_path):
        tmp_path.chmod(0o700)

        found = list(findings_of_files(Settings.read(data_dir=tmp_path)))

        assert [each.severity for each in found] == [Severity.GOOD]

    def test_are_everybodys_if_root_runs_the_program(self, tmp_path, monkeypatch):
        monkeypatch.setattr(os, "geteuid", lambda: 0)

        found = {
            each.what: each.severity for each in findings_of_files(Settings.read(data_dir=tmp_path, **PUBLIC))
        }

        assert found["user"] is Severity.UNSAFE

    def test_of_a_keyring_elsewhere_are_looked_at_too(self, tmp_path):
        keys = tmp_path / "keys.json"
        settings = Settings.read(data_dir=tmp_path / "data", keys_file=keys, **PUBLIC)
        Keyring.open(settings)
        assert list(findings_of_files(settings)) == []

        keys.chmod(0o640)

        assert [each.what for each in findings_of_files(settings)] == ["CAREAPP_KEYS_FILE"]


class TestDatabase:
    def test_that_answers_is_good(self, sqlite_engine, settings):
        assert [each.severity for each in findings_of_database(settings, sqlite_engine)] == [Severity.GOOD]

    def test_of_its_owner_holds_nobody_apart(self, new_engine, settings):
        upgrade(new_engine)

        found = [
            each for each in findings_of_database(settings, new_engine) if each.severity is Severity.UNSAFE
        ]

        faults = role_faults(new_engine)
        assert bool(faults) is (new_engine.dialect.name == "postgresql")
        for fault in faults:
            assert any(fault in each.sentence for each in found)

    def test_that_may_lose_what_was_acknowledged_is_unsafe(self, postgresql_engine, settings):
        with postgresql_engine.connect() as connection:
            is_off = connection.exec_driver_sql("SHOW fsync").scalar_one() == "off"

        sentences = " ".join(each.sentence for each in findings_of_database(settings, postgresql_engine))

        assert ("fsync is off" in sentences) is is_off

    def test_without_tables_is_told(self, new_engine, settings):
        (found,) = findings_of_database(settings, new_engine)

        assert found.severity is Severity.UNSAFE
        assert "careapp migrate" in found.sentence

    def test_with_sign_ins_of_the_demo_is_unsafe_in_public(self, session, engine, settings, tmp_path):
        an_account(session, is_demo=True)
        session.commit()

        public = findings_of_database(Settings.read(data_dir=tmp_path, **PUBLIC), engine)
        here = findings_of_database(settings, engine)

        assert ("accounts", Severity.UNSAFE) in [(each.what, each.severity) for each in public]
        assert "accounts" not in [each.what for each in here]

    def test_with_invented_people_is_doubtful_in_public(self, session, engine, tmp_path):
        an_organisation(session)
        session.commit()

        public = findings_of_database(Settings.read(data_dir=tmp_path, **PUBLIC), engine)

        assert any("invented" in each.sentence for each in public)


@pytest.mark.usefixtures("_somebody")
class TestCommand:
    @pytest.fixture
    def doctor(self, monkeypatch):
        def run(data_dir: Path, *arguments: str, **settings: str):
            for name, value in settings.items():
                monkeypatch.setenv(f"CAREAPP_{name.upper()}", value)
            return CliRunner().invoke(main, ("doctor", "--data-dir", str(data_dir), *arguments))

        return run

    def test_ends_well_on_a_fresh_machine(self, doctor, tmp_path):
        ended = doctor(tmp_path / "none")

        assert (ended.exit_code, ended.stderr) == (0, "")
        assert "unsafe" not in ended.output
        assert not (tmp_path / "none").exists()

    def test_ends_with_one_if_something_is_unsafe(self, doctor, tmp_path, sqlite_engine):
        tmp_path.chmod(0o755)

        ended = doctor(tmp_path, "--json", **PUBLIC)

        found = json.loads(ended.output)
        assert ended.exit_code == 1
        assert found["is_unsafe"] is True
        assert found["findings"][0]["severity"] == "unsafe"
        assert all(
            each["sentence"][0].islower() or each["sentence"][0].isupper() for each in found["findings"]
        )

    def test_ends_with_two_if_the_settings_are_refused(self, doctor, tmp_path):
        ended = doctor(tmp_path, host="0.0.0.0")  # noqa: S104 -- the point

        assert ended.exit_code == 2
        assert "CAREAPP_PUBLIC_URL" in ended.stderr

    def test_says_no_secret(self, doctor, tmp_path):
        address = make_url("postgresql+psycopg://care:hunter2hunter2@127.0.0.1:1/care")

        ended = doctor(tmp_path, database_url=address.render_as_string(hide_password=False))

        assert ended.exit_code == 1
        assert "hunter2" not in ended.output + ended.stderr
