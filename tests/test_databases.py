"""The launcher of PostgreSQL itself: from the system's programs and from the wheel's."""

import os

import psycopg
import pytest

from careapp.db import make_engine
from careapp.migrate import require_current
from tests import databases


@pytest.mark.parametrize("find", [databases.system_programs, databases.wheel_programs])
def test_each_kind_of_programs_serves_our_migrations(find):
    programs = find()
    if programs is None:
        # Not on this machine; then the other kind must be, or there would be no server at all.
        assert databases.find_programs()
        return

    with databases.launched(programs) as server, databases.migrated_database(server) as made:
        engine = make_engine(made.address)
        require_current(engine)
        engine.dispose()

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(databases.plain(server), connect_timeout=2)


def test_programs_in_a_private_folder_serve_too(tmp_path):
    # As root the server runs as somebody else, who cannot enter a folder such as /root (nor pytest's own).
    programs = databases.wheel_programs()
    if programs is None:
        assert databases.find_programs()
        return
    private = databases.copied(programs, tmp_path)
    tmp_path.chmod(0o700)

    with databases.launched(private) as server, psycopg.connect(databases.plain(server)) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_an_address_in_the_environment_comes_first(monkeypatch):
    monkeypatch.setenv("CARE_TEST_DATABASE_URL", "postgresql+psycopg://somewhere/else")

    with databases.postgresql_server() as address:
        assert address == os.environ["CARE_TEST_DATABASE_URL"]


def test_without_any_server_the_run_fails(monkeypatch):
    monkeypatch.setattr(databases, "system_programs", lambda: None)
    monkeypatch.setattr(databases, "wheel_programs", lambda: None)

    with pytest.raises(RuntimeError, match="CARE_TEST_DATABASE_URL"):
        databases.find_programs()
