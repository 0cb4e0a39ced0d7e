"""Figures of the service as its users meet it: the demo from nothing, the server's start, FHIR searches."""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from routing.check import violations
from routing.search import warm_up
from routing.solver import solve
from tests.benchmarks.days import a_day
from tests.benchmarks.tokens import bearer

DEMO_SEED = 1
REPEATS = 30


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    Attributes:
        what: What was measured.
        measured: The figure, with its unit.
        asked: What it must reach.
    """

    what: str
    measured: str
    asked: str


def figures() -> Iterator[Figure]:
    """Measure one after the other, in a data folder and with a compile cache that are empty at first."""
    yield first_plan()
    with tempfile.TemporaryDirectory() as folder:
        data, cache = Path(folder) / "data", Path(folder) / "cache"
        seconds, plan = demo(data, cache)
        yield Figure(
            f"`careapp demo --no-serve`, nothing there before, compile included ({plan['assigned']} of "
            f"{plan['visits']} visits placed, {len(plan['violations'])} violations)",
            f"{seconds:.1f} s",
            "under 60 s, valid",
        )
        seconds, _ = demo(data, cache)
        yield Figure("the same again, everything there", f"{seconds:.1f} s", "-")
        with server(data, cache) as (_, seconds):
            yield Figure("`careapp serve`, start until it answers", f"{seconds:.2f} s", "under 3 s")
        larger = Path(folder) / "larger"
        seconds, plan = demo(larger, cache, "--visits", "1200", "--limit", "5")
        yield Figure(f"the demo with {plan['visits']} visits, 5 s of search", f"{seconds:.1f} s", "-")
        with server(larger, cache) as (client, _):
            client.headers["Authorization"] = bearer(larger, {})
            for kind in ("Slot", "Appointment"):
                yield search(client, kind)


def first_plan() -> Figure:
    """Measure the first valid plan of a generated day, the compiled search being ready."""
    day = a_day(300, 25, DEMO_SEED)
    warm_up()
    plan = solve(day, 0, seed=DEMO_SEED)
    left_out, faults = len(plan.unassigned), len(violations(day, plan))
    return Figure(
        f"first plan of 300 visits and 25 nurses, warm ({left_out} services left out, {faults} violations)",
        f"{plan.seconds:.2f} s",
        "within 2 s, valid",
    )


def demo(data: Path, cache: Path, *options: str) -> tuple[float, dict[str, list[object]]]:
    """Run the demo in a process of its own; return wall seconds and its JSON object."""
    begun = time.perf_counter()
    answer = subprocess.run(
        [
            *careapp(),
            "demo",
            "--no-serve",
            "--json",
            "--data-dir",
            str(data),
            "--seed",
            str(DEMO_SEED),
            *options,
        ],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        check=True,
        stdout=subprocess.PIPE,
    )
    seconds = time.perf_counter() - begun
    found: dict[str, list[object]] = json.loads(answer.stdout)
    return seconds, found


def careapp() -> list[str]:
    """Return the command `careapp` of this environment."""
    return [str(Path(sys.executable).with_name("careapp"))]


@contextmanager
def server(data: Path, cache: Path) -> Iterator[tuple[httpx2.Client, float]]:
    """Serve a data folder; yield a client and the seconds until the server answered."""
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    begun = time.perf_counter()
    process = subprocess.Popen(
        [*careapp(), "serve", "--port", str(port), "--data-dir", str(data)],
        env={**os.environ, "NUMBA_CACHE_DIR": str(cache)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            while True:
                try:
                    client.get("/health/ready").raise_for_status()
                    break
                except httpx2.TransportError:
                    if process.poll() is not None or time.perf_counter() - begun > 60:
                        raise
                    time.sleep(0.02)
            yield client, time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait(timeout=30)


def search(client: httpx2.Client, kind: str) -> Figure:
    """Measure a searchset of a thousand, as a client on the same machine sees it."""
    waits = []
    for _ in range(REPEATS):
        begun = time.perf_counter()
        answer = client.get(f"/fhir/{kind}", params={"_count": "1000"}).raise_for_status()
        waits.append(time.perf_counter() - begun)
    entries = len(answer.json()["entry"])
    size = len(answer.content) / 1e6
    return Figure(
        f"`GET /fhir/{kind}?_count=1000` ({entries} entries, {size:.1f} MB), median of {REPEATS}",
        f"{1000 * statistics.median(waits):.0f} ms",
        "under 150 ms",
    )
