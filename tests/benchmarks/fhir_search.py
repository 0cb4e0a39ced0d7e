"""Figures of FHIR search: what a searchset costs the server, beside a bare ASGI answer of the same machine.

python -m tests.benchmarks.fhir_search            SQLite, in a folder that is deleted afterwards
python -m tests.benchmarks.fhir_search ADDRESS    an empty, migrated PostgreSQL database
"""

import asyncio
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from api.database import open_sessions, opened
from careapp import clock
from careapp.config import Settings
from careapp.migrate import upgrade
from tests.benchmarks.tokens import bearer
from tests.careapp.worlds import a_patient, a_schedule, a_slot, a_visit, a_world
from tests.fhir.rows import a_plan, a_tour

SLOTS, APPOINTMENTS = 5000, 1600
CONNECTIONS, REQUESTS, BARE_REQUESTS = 16, 600, 8000
REPEATS = 30
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
START_WITHIN_S = 60


async def bare(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[Any]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Answer anything: the least that a server of this kind can do."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": f"{message['type']}.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


@dataclass(frozen=True)
class Server:
    """A process that answers on a port of this machine."""

    process: subprocess.Popen[bytes]
    port: int
    authorization: str = ""

    def cpu_s(self) -> float:
        """Processor seconds that the process has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND

    def memory_mb(self) -> float:
        """Memory that it occupies now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


@contextmanager
def running(*command: str, environment: dict[str, str], authorization: str = "") -> Iterator[Server]:
    """Start a server with `--port N` after its command; stop it at the end."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + START_WITHIN_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    raise
                time.sleep(0.05)
        yield Server(process, port, authorization)
    finally:
        process.terminate()
        process.wait(timeout=30)


async def ask(server: Server, path: str, requests: int, connections: int) -> list[tuple[float, int]]:
    """Ask for a path over some connections that stay open; return seconds and bytes of each answer."""
    left, found, port = requests, [], server.port
    signed = f"Authorization: {server.authorization}\r\n" if server.authorization else ""

    async def one_connection() -> None:
        nonlocal left
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while left > 0:
            left -= 1
            begun = time.perf_counter()
            writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{signed}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode("latin-1"))
            length = next(
                int(line.partition(b":")[2])
                for line in head.lower().split(b"\r\n")
                if line.startswith(b"content-length")
            )
            await reader.readexactly(length)
            found.append((time.perf_counter() - begun, length))
        writer.close()

    await asyncio.gather(*(one_connection() for _ in range(connections)))
    return found


def measure(server: Server, path: str, requests: int, connections: int) -> tuple[float, float, float]:
    """Return processor milliseconds of the server per request, the median wait in ms, and kB of an answer."""
    asyncio.run(ask(server, path, 2 * connections, connections))
    begun = server.cpu_s()
    answers = asyncio.run(ask(server, path, requests, connections))
    cpu = (server.cpu_s() - begun) / len(answers)
    return (
        1000 * cpu,
        1000 * statistics.median(seconds for seconds, _ in answers),
        statistics.median(size for _, size in answers) / 1000,
    )


def fill(settings: Settings) -> UUID:
    """Write slots of some schedules, and visits of a day most of them in tours; return whose these are."""
    # Free slots of the past are removed, so these begin tomorrow.
    first = (clock.now() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    with opened(settings) as engine:
        upgrade(engine)
        with open_sessions(engine).begin() as session:
            return _fill(session, first)


def _fill(session: Session, first: datetime) -> UUID:
    world = a_world(session)
    schedules = [a_schedule(session, world.doctor) for _ in range(10)]
    for number in range(SLOTS):
        minutes = 15 * (number // 10)
        a_slot(session, schedules[number % 10], starts_at=first + timedelta(minutes=minutes))
    patients = [a_patient(session, world.organisation) for _ in range(100)]
    plan = a_plan(session)
    visits = [a_visit(session, patients[number % 100]) for number in range(APPOINTMENTS)]
    for number, shift in enumerate(world.shifts):
        nurse = world.nurses[number]
        a_tour(session, nurse, visits[number::2][:700], plan=plan, shift=shift, is_published=True)
    return world.organisation.id


def main(address: str | None) -> None:
    """Print a table."""
    with tempfile.TemporaryDirectory() as folder:
        used = address or f"sqlite:///{folder}/careapp.sqlite"
        organisation = fill(Settings.read(data_dir=Path(folder), database_url=used))
        careapp = str(Path(sys.executable).with_name("careapp"))
        settings = {"CAREAPP_DATABASE_URL": used, "CAREAPP_DATA_DIR": folder}
        uvicorn = [sys.executable, "-m", "uvicorn", "tests.benchmarks.fhir_search:bare", "--no-access-log"]
        with running(*uvicorn, environment={}) as server:
            bare_ms, _, _ = measure(server, "/", BARE_REQUESTS, CONNECTIONS)
        print("| What | Server CPU, ms | Median wait, ms | kB | Asked |\n|---|---|---|---|---|")
        print(f"| bare ASGI answer, {CONNECTIONS} connections | {bare_ms:.3f} | - | - | - |", flush=True)
        signed = bearer(Path(folder), settings, organisation)
        with running(careapp, "serve", environment=settings, authorization=signed) as server:
            for kind, query in (
                ("Slot", "_count=50"),
                ("Slot", "status=free&start=ge2026&_count=50"),
                ("Appointment", "date=2026-03-03&_count=50"),
                ("Appointment", "date=2026-03-03&_count=50&_include=Appointment:patient"),
                ("Slot", "schedule.actor:Practitioner.name=a,b,c,d,e&_count=50"),
            ):
                cpu, wait, size = measure(server, f"/fhir/{kind}?{query}", REQUESTS, CONNECTIONS)
                print(
                    f"| {kind}?{query}, {CONNECTIONS} connections | {cpu:.2f} = {cpu / bare_ms:.0f} x bare "
                    f"| {wait:.1f} | {size:.0f} | 60 x bare |",
                    flush=True,
                )
            for kind in ("Slot", "Appointment"):
                before = server.memory_mb()
                cpu, wait, size = measure(server, f"/fhir/{kind}?_count=1000", REPEATS, 1)
                after_some = server.memory_mb()
                measure(server, f"/fhir/{kind}?_count=1000", 4 * REPEATS, 1)
                print(
                    f"| {kind}?_count=1000, one at a time | {cpu:.1f} | {wait:.1f} | {size:.0f} | 100 ms |\n"
                    f"| memory before, after {REPEATS}, after {5 * REPEATS} of them | "
                    f"{before:.0f}, {after_some:.0f}, {server.memory_mb():.0f} MB | - | - | flat |",
                    flush=True,
                )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
