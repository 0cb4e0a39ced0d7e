"""Many book at once: `python -m tests.benchmarks.fhir_booking [sqlite] [postgresql]`, prints a table.

A served process of its own, real connections, and the slots of real schedules: 200 requests for one slot at
once, then 2400 for 200 slots, 200 of them at any moment. What must hold is checked, not only measured.
"""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from sqlalchemy import Engine, func, select

from api.database import open_sessions, opened
from careapp.appointments.models import Occupancy
from careapp.config import Settings
from careapp.consultations.models import Booking, Slot, SlotStatus
from careapp.migrate import upgrade
from tests import databases
from tests.benchmarks.service import Figure, careapp
from tests.benchmarks.tokens import bearer
from tests.careapp.worlds import a_doctor, a_patient, a_schedule, a_slot, an_organisation

AT_ONCE = 200
SLOTS = 200
ATTEMPTS = 2400
SEED = 1


class Served(NamedTuple):
    """Where the server answers, and the header with which it is asked."""

    address: str
    authorization: str


def figures(kinds: Sequence[str] = ("sqlite", "postgresql")) -> Iterator[Figure]:
    """Measure on each database, nothing there before."""
    for kind in kinds:
        with _served(kind) as (engine, server, slots, patients):
            one, *others = slots
            yield _figure(kind, engine, server, [(one, patient) for patient in patients[:AT_ONCE]], slots=1)
            chosen = random.Random(SEED)  # noqa: S311 -- an order of attempts, nothing secret
            wishes = [(slot, chosen.choice(patients)) for slot in others for _ in range(ATTEMPTS // SLOTS)]
            chosen.shuffle(wishes)
            yield _figure(kind, engine, server, wishes, slots=SLOTS)


def _figure(
    kind: str, engine: Engine, server: Served, wishes: Sequence[tuple[Any, Any]], *, slots: int
) -> Figure:
    begun = time.perf_counter()
    answers = asyncio.run(_ask(server, wishes))
    seconds = time.perf_counter() - begun
    codes = Counter(status for status, _, _ in answers)
    waits = sorted(wait for _, _, wait in answers)
    explained = all(body == "OperationOutcome" for status, body, _ in answers if status != 201)
    with open_sessions(engine)() as session:
        booked = session.scalar(select(func.count(func.distinct(Booking.slot_id)))) or 0
        busy = session.scalar(select(func.count()).where(Slot.status == SlotStatus.BUSY)) or 0
        taken = session.scalar(select(func.count()).select_from(Occupancy)) or 0
        everyone = session.scalar(select(func.count()).select_from(Booking)) or 0
    holds = (
        codes[201] == slots and set(codes) <= {201, 409} and explained and everyone == booked == busy == taken
    )
    said = ", ".join(f"{count} × {status}" for status, count in sorted(codes.items()))
    return Figure(
        f"{kind}: {len(wishes)} `$book` for {slots} slots, {AT_ONCE} at once: {said}",
        f"{seconds:.1f} s, {len(wishes) / seconds:.0f} a second; waits: median "
        f"{1000 * statistics.median(waits):.0f} ms, longest {1000 * waits[-1]:.0f} ms",
        f"{slots} × 201, else 4xx with OperationOutcome, no overlap: {'holds' if holds else 'BROKEN'}",
    )


async def _ask(server: Served, wishes: Sequence[tuple[Any, Any]]) -> list[tuple[int, str, float]]:
    limits = httpx2.Limits(max_connections=AT_ONCE)
    gate = asyncio.Semaphore(AT_ONCE)
    headers = {"Authorization": server.authorization}
    async with httpx2.AsyncClient(
        base_url=server.address, headers=headers, timeout=120, limits=limits
    ) as client:

        async def ask(slot: Any, patient: Any) -> tuple[int, str, float]:
            async with gate:
                begun = time.perf_counter()
                answer = await client.post("/fhir/Appointment/$book", json=_appointment(slot, patient))
                return answer.status_code, answer.json()["resourceType"], time.perf_counter() - begun

        return await asyncio.gather(*(ask(*wish) for wish in wishes))


def _appointment(slot: Any, patient: Any) -> dict[str, Any]:
    return {
        "resourceType": "Appointment",
        "status": "proposed",
        "start": slot.starts_at.isoformat(),
        "end": slot.ends_at.isoformat(),
        "slot": [{"reference": f"Slot/{slot.id}"}],
        "participant": [{"actor": {"reference": f"Patient/{patient.id}"}, "status": "accepted"}],
    }


@contextmanager
def _served(kind: str) -> Iterator[tuple[Engine, Served, list[Slot], list[Any]]]:
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = dict(os.environ)
        if kind == "postgresql":
            server = stack.enter_context(databases.postgresql_server())
            database = stack.enter_context(databases.migrated_database(server)).address
            environment["CAREAPP_DATABASE_URL"] = database
            settings = Settings.read(data_dir=Path(folder), database_url=database)
        else:
            settings = Settings.read(data_dir=Path(folder))
        engine = stack.enter_context(opened(settings))
        if kind == "sqlite":
            upgrade(engine)
        slots, patients = _world(engine)
        port = databases.free_port()
        process = subprocess.Popen(
            [*careapp(), "serve", "--port", str(port), "--data-dir", folder],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        stack.callback(process.wait, timeout=30)
        stack.callback(process.terminate)
        address = f"http://127.0.0.1:{port}"
        _wait_until_up(address, process)
        signed = bearer(Path(folder), environment, patients[0].organisation_id)
        yield engine, Served(address, signed), slots, patients


def _world(engine: Engine) -> tuple[list[Slot], list[Any]]:
    """Ten doctors with 20 slots of a quarter of an hour each, one more slot, and 200 patients."""
    tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    with open_sessions(engine).begin() as session:
        practice, service = an_organisation(session, name="Praxis"), an_organisation(session)
        patients = [a_patient(session, service) for _ in range(AT_ONCE)]
        schedules = [a_schedule(session, a_doctor(session, practice)) for _ in range(11)]
        times = [tomorrow + timedelta(minutes=15 * number) for number in range(SLOTS // 10)]
        slots = [a_slot(session, schedules[0], starts_at=tomorrow)]
        slots += [a_slot(session, each, starts_at=start) for each in schedules[1:] for start in times]
    return slots, patients


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx2.get(f"{address}/health/ready", timeout=10).raise_for_status()
        except httpx2.HTTPError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    print("| What | Measured | Asked |\n|---|---|---|", flush=True)
    for figure in figures(sys.argv[1:] or ("sqlite", "postgresql")):
        print(f"| {figure.what} | {figure.measured} | {figure.asked} |", flush=True)
