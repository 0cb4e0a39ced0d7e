"""Databases, sessions, the hour and the viewer: what most tests ask for."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import Viewer, ViewerRole
from careapp.calendar import Calendar
from careapp.db import make_sessions
from careapp.migrate import upgrade
from tests import databases, needs
from tests.canary import Canary
from tests.keys import open_engine, put_keys
from tests.roads_programs import osrm_programs

__all__ = ["osrm_programs"]  # pytest finds fixtures here


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run fail that has printed a patient's name."""
    parser.addoption("--canary", action="store_true", help="Fail if a patient's name was printed.")


def pytest_configure(config: pytest.Config) -> None:
    """Read along what tests print."""
    config.pluginmanager.register(Canary(fails=config.getoption("--canary", default=False)), "canary")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Address of a PostgreSQL server, one for each test process."""
    with databases.postgresql_server() as address:
        yield address


@pytest.fixture(scope="session")
def _postgresql_database(postgresql_server: str) -> Iterator[databases.Migrated]:
    with databases.migrated_database(postgresql_server) as database:
        yield database


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "careapp.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture
def sqlite_engine(_sqlite_template: Path, tmp_path: Path) -> Iterator[Engine]:
    """A migrated, empty SQLite database."""
    path = tmp_path / "careapp.sqlite"
    shutil.copyfile(_sqlite_template, path)
    put_keys(tmp_path)
    engine = open_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql_owner(_postgresql_database: databases.Migrated) -> Iterator[Engine]:
    """A migrated, empty PostgreSQL database, as whoever migrates it."""
    engine = open_engine(_postgresql_database.owner)
    databases.empty(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def postgresql_engine(
    _postgresql_database: databases.Migrated, postgresql_owner: Engine, tmp_path: Path
) -> Iterator[Engine]:
    """A migrated, empty PostgreSQL database, as the server that works with it."""
    del postgresql_owner  # has emptied it
    put_keys(tmp_path)
    engine = open_engine(_postgresql_database.address)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """A migrated, empty database of each kind."""
    chosen: Engine = request.getfixturevalue(f"{request.param}_engine")
    return chosen


@pytest.fixture
def owner_engine(request: pytest.FixtureRequest, engine: Engine) -> Engine:
    """The database of `engine`, as whoever may change its tables."""
    if engine.dialect.name == "sqlite":
        return engine
    owner: Engine = request.getfixturevalue("postgresql_owner")
    return owner


@pytest.fixture(params=["sqlite", "postgresql"])
def new_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database of each kind without any table."""
    if request.param == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path / 'new.sqlite'}")
        yield engine
        engine.dispose()
        return
    with databases.created_database(request.getfixturevalue("postgresql_server")) as address:
        engine = open_engine(address)
        yield engine
        engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    """Factory of writing sessions."""
    return make_sessions(engine)


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """A writing transaction: the test commits it, or it is rolled back."""
    with sessions() as session:
        yield session


@pytest.fixture
def now() -> datetime:
    """Monday, 2 March 2026, 18:00 in Berlin."""
    return datetime(2026, 3, 2, 17, tzinfo=UTC)


@pytest.fixture
def viewer() -> Viewer:
    """A coordinator of the whole region."""
    return Viewer("coordinator", ViewerRole.SYSTEM)


@pytest.fixture
def calendar() -> Calendar:
    """Local days and holidays of North Rhine-Westphalia."""
    return Calendar(ZoneInfo("Europe/Berlin"), "DE-NW")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what could not be run on this machine."""
    needs.tell(terminalreporter)
