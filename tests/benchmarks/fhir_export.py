"""What an export of many Appointments takes: `python -m tests.benchmarks.fhir_export`, on both databases.

The worker runs as in production, as a child process; its memory is what the system counts at its peak.
"""

import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, insert, select

from api.database import open_sessions, opened
from api.worker_command import command_for
from careapp.access import SCHEDULER
from careapp.appointments.models import Appointment
from careapp.config import Settings
from careapp.db import make_sessions
from careapp.jobs import queue
from careapp.jobs.kinds import EXPORT
from careapp.migrate import upgrade
from careapp.records.models import Document
from careapp.sealing import contents
from fhir.operations.export import Order
from tests import databases
from tests.benchmarks.service import Figure
from tests.careapp.worlds import a_world

APPOINTMENTS = 100_000
ROWS_AT_ONCE = 5000
MEGABYTE = 1024

_APPOINTMENTS: Any = Appointment.__table__
_DOCUMENTS: Any = Document.__table__


def figures() -> Iterator[Figure]:
    """Measure an export on SQLite, then on PostgreSQL."""
    for name in ("SQLite", "PostgreSQL"):
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            settings = Settings.read(data_dir=folder, database_url=stack.enter_context(_address(name)))
            engine = stack.enter_context(opened(settings))
            if name == "SQLite":
                upgrade(engine)
            _fill(engine)
            seconds, megabytes, lines, size = _export(engine, settings)
        yield Figure(
            f"`$export` of {lines} Appointments ({size / 1e6:.0f} MB) on {name}, the worker's start included",
            f"{seconds:.1f} s, {megabytes:.0f} MB at its peak",
            "under 300 MB",
        )


@contextmanager
def _address(name: str) -> Iterator[str | None]:
    if name == "SQLite":
        yield None
        return
    with databases.postgresql_server() as server, databases.migrated_database(server) as made:
        yield made.address


def _fill(engine: Engine) -> None:
    """Copy one visit and its document very often, each under an id of its own."""
    with open_sessions(engine).begin() as session:
        visit = a_world(session).visits[0]
    with make_sessions(engine)() as session:
        row = session.execute(select(_APPOINTMENTS).where(Appointment.id == visit.id)).one()
        document = session.execute(
            select(_DOCUMENTS).where(Document.kind == "Appointment", Document.id == visit.id)
        ).one()
        written = contents.opened(session, "Appointment", visit.id, document.content)

        def copied(key: UUID) -> bytes:
            content = written.replace(str(visit.id).encode(), str(key).encode())
            return contents.sealed(session, "Appointment", key, visit.organisation_id, content)

        for _ in range(0, APPOINTMENTS, ROWS_AT_ONCE):
            keys = [uuid4() for _ in range(ROWS_AT_ONCE)]
            session.execute(insert(_APPOINTMENTS), [{**row._mapping, "id": key} for key in keys])
            session.execute(
                insert(_DOCUMENTS),
                [{**document._mapping, "id": key, "content": copied(key)} for key in keys],
            )
        session.commit()


def _export(engine: Engine, settings: Settings) -> tuple[float, float, int, int]:
    """Return seconds, megabytes, lines and bytes."""
    order = Order("system", None, ("Appointment",), None, None)
    sessions = open_sessions(engine)
    now = datetime.now(UTC)
    with sessions.begin() as session:
        arguments = order.as_arguments() | {"request": ""}
        queue.submit(session, kind=EXPORT, arguments=arguments, viewer=SCHEDULER, now=now)
    with sessions.begin() as session:
        job = queue.claim_next(session, now=now, lease=timedelta(minutes=5))
        assert job is not None
        key, token = job.id, job.token
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAREAPP_")}
    if settings.database_url is not None:
        environment["CAREAPP_DATABASE_URL"] = settings.database_url
    begun = time.perf_counter()
    subprocess.run(command_for(settings)(key, token), env=environment, check=True, capture_output=True)
    seconds = time.perf_counter() - begun
    lines, size = _written(engine, settings, key)
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / MEGABYTE, lines, size


def _written(engine: Engine, settings: Settings, key: UUID) -> tuple[int, int]:
    with make_sessions(engine)() as session:
        result = queue.get_job(session, job_id=key, viewer=SCHEDULER).result
    assert result is not None
    (file,) = result["files"]
    path = settings.exports_dir / result["folder"] / file["name"]
    with path.open("rb") as content:
        lines = sum(1 for _ in content)
    return lines, path.stat().st_size


if __name__ == "__main__":
    for figure in figures():
        print(f"| {figure.what} | {figure.measured} | {figure.asked} |", flush=True)
