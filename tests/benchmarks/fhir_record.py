"""What the record costs: searches with and without it in turns.

`python -m tests.benchmarks.fhir_record [DATABASE]`.

The record waits for the disk, so the data lie in a temporary folder on one; `TMPDIR` names another. Without a
database's address SQLite is measured.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from fastapi import FastAPI

from api.app import create_app
from api.recording import Recording
from careapp.config import Settings
from tests.benchmarks.fhir_search import CONNECTIONS, Server, ask, fill, running
from tests.benchmarks.tokens import bearer

ROUNDS, REQUESTS = 3, 300
SEARCHES = ("Slot?_count=50", "Appointment?date=2026-03-03&_count=50")


def recorded() -> FastAPI:
    """The application as it is."""
    return create_app(Settings.read())


def unrecorded() -> FastAPI:
    """The application without what records looks."""
    app = create_app(Settings.read())
    kept = [each for each in app.user_middleware if getattr(each.cls, "__name__", "") != Recording.__name__]
    app.user_middleware = kept
    return app


def look(server: Server, path: str) -> tuple[float, float, float]:
    """Return answers in a second, processor milliseconds of each, and the median wait in milliseconds."""
    asyncio.run(ask(server, path, 2 * CONNECTIONS, CONNECTIONS))
    cpu, begun = server.cpu_s(), time.perf_counter()
    answers = asyncio.run(ask(server, path, REQUESTS, CONNECTIONS))
    seconds, cpu = time.perf_counter() - begun, server.cpu_s() - cpu
    waits = [wait for wait, _ in answers]
    return REQUESTS / seconds, 1000 * cpu / REQUESTS, 1000 * statistics.median(waits)


def main(address: str | None) -> None:
    """Print a table: medians of the rounds, and of their ratios."""
    with tempfile.TemporaryDirectory() as folder:
        used = address or f"sqlite:///{folder}/careapp.sqlite"
        organisation = fill(Settings.read(data_dir=Path(folder), database_url=used))
        settings = {"CAREAPP_DATABASE_URL": used, "CAREAPP_DATA_DIR": folder}

        signed = bearer(Path(folder), settings, organisation)

        def served(name: str) -> list[str]:
            module = f"tests.benchmarks.fhir_record:{name}"
            return [sys.executable, "-m", "uvicorn", "--factory", module, "--no-access-log"]

        with (
            running(*served("recorded"), environment=settings, authorization=signed) as with_record,
            running(*served("unrecorded"), environment=settings, authorization=signed) as without,
        ):
            print("| Search | | Answers a second | Server CPU, ms | Median wait, ms |\n|---|---|---|---|---|")
            for query in SEARCHES:
                path = f"/fhir/{query}"
                rounds = [(look(with_record, path), look(without, path)) for _ in range(ROUNDS)]
                for number, name in enumerate(("recorded", "not recorded")):
                    rate, cpu, wait = (
                        statistics.median(each[number][column] for each in rounds) for column in range(3)
                    )
                    print(f"| {query} | {name} | {rate:.0f} | {cpu:.2f} | {wait:.1f} |")
                rate, cpu, wait = (
                    statistics.median(each[0][column] / each[1][column] for each in rounds)
                    for column in range(3)
                )
                print(f"| {query} | ratio | {rate:.2f} | {cpu:.2f} | {wait:.2f} |", flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else None)
