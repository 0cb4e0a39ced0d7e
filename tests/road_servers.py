"""Real road servers for tests, on a small network that the tests make themselves.

OSRM's programs come from `tests.roads_programs`; Valhalla's out of its wheel, fetched once for each
machine like those. Both listen on loopback only and die with the test process.
"""

import json
import platform
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path

import osmium

from careapp.roads.process import Leashed
from careapp.roads.programs import Programs
from routing.travel.source import Coordinates, Profile
from tests.databases import free_port
from tests.needs import cannot_run
from tests.roads_programs import LEFT_OUT, cache_folder

SIDE = 12
SOUTH, WEST = 51.0, 8.0
STEP_NORTH, STEP_EAST = 0.004, 0.006
"""Degrees between crossings: 445 m and 420 m."""

ONE_WAY_ROW, FAST_ROW = 3, 6

VALHALLA = "3.9.1"
VALHALLA_SHA256 = "7b49c5e5f86cefd555b473aaaf34df3305889d30aa889b8abd3b4c2acc622271"
"""Of the wheel for Linux on x86_64; its programs are not Python."""


def crossing(row: int, column: int) -> Coordinates:
    """A crossing of the network, counted from the south and the west."""
    return Coordinates(round(SOUTH + row * STEP_NORTH, 6), round(WEST + column * STEP_EAST, 6))


ISLAND = Coordinates(51.080, 8.03)
"""On roads that no other road reaches."""

NOWHERE = Coordinates(51.2, 8.4)
"""25 km from the next road."""


def write_network(path: Path) -> None:
    """Write a grid of residential roads: one eastward only, one fast; and a small island."""
    node = osmium.osm.mutable.Node
    way = osmium.osm.mutable.Way
    numbers = {(row, column): 1 + row * SIDE + column for row in range(SIDE) for column in range(SIDE)}
    writer = osmium.SimpleWriter(str(path))
    for (row, column), number in numbers.items():
        place = crossing(row, column)
        writer.add_node(node(id=number, version=1, location=(place.longitude, place.latitude), tags={}))
    corners = [(0, 0), (0, 0.01), (0.01, 0.01), (0.01, 0)]
    for number, (north, east) in enumerate(corners, 1001):
        corner = (ISLAND.longitude + east, ISLAND.latitude + north)
        writer.add_node(node(id=number, version=1, location=corner, tags={}))
    for line in range(SIDE):
        tags = {"highway": "residential", "name": f"Reihe {line}"}
        if line == ONE_WAY_ROW:
            tags["oneway"] = "yes"
        if line == FAST_ROW:
            tags |= {"highway": "primary", "maxspeed": "100"}
        eastward = [numbers[line, other] for other in range(SIDE)]
        writer.add_way(way(id=1 + 2 * line, version=1, nodes=eastward, tags=tags))
        northward = [numbers[other, line] for other in range(SIDE)]
        street = {"highway": "residential", "name": f"Spalte {line}"}
        writer.add_way(way(id=2 + 2 * line, version=1, nodes=northward, tags=street))
    ring = [1001, 1002, 1003, 1004, 1001]
    writer.add_way(way(id=301, version=1, nodes=ring, tags={"highway": "residential"}))
    writer.close()


@contextmanager
def osrm_server(programs: Programs, extract: Path, profile: Profile, folder: Path) -> Iterator[str]:
    """Build an extract for a profile and serve it; yield the server's address."""
    base = folder / f"{profile}.osrm"
    name = str(base)
    for command in (
        ["osrm-extract", "-p", str(programs.rules(profile)), "-t", "1", "-o", name, str(extract)],
        ["osrm-partition", "-t", "1", name],
        ["osrm-customize", "-t", "1", name],
    ):
        run([programs.program(command[0]), *command[1:]])
    port = free_port()
    options = ["-i", "127.0.0.1", "-p", str(port), "-t", "1", "-a", "mld", name]
    with Leashed([programs.program("osrm-routed"), *options]) as server:
        wait_until_up(port, server)
        yield f"http://127.0.0.1:{port}"


@contextmanager
def valhalla_server(site: Path, extract: Path, folder: Path) -> Iterator[str]:
    """Build an extract and serve it; yield the server's address. `site` is the unpacked wheel."""
    port = free_port()
    # Sockets' paths must be short.
    with tempfile.TemporaryDirectory(prefix="valhalla-") as sockets:
        made = subprocess.run(
            [sys.executable, site / "valhalla" / "valhalla_build_config.py",
             "--mjolnir-tile-dir", folder / "tiles", "--mjolnir-concurrency", "1",
             "--mjolnir-timezone", "", "--mjolnir-admin", "", "--mjolnir-landmarks", "",
             "--mjolnir-tile-extract", "", "--mjolnir-traffic-extract", "",
             "--httpd-service-listen", f"tcp://127.0.0.1:{port}"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        config = folder / "valhalla.json"
        config.write_text(made.stdout.replace("ipc:///tmp/", f"ipc://{sockets}/"))
        assert json.loads(config.read_text())["httpd"]["service"]["listen"] == f"tcp://127.0.0.1:{port}"
        binaries = site / "valhalla" / "bin"
        run([str(binaries / "valhalla_build_tiles"), "-c", str(config), str(extract)])
        with Leashed([str(binaries / "valhalla_service"), str(config), "1"]) as server:
            wait_until_up(port, server)
            yield f"http://127.0.0.1:{port}"


@cache
def valhalla_site() -> Path | str:
    """Return the folder of Valhalla's unpacked wheel, or why there is none."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return "Valhalla's programs are known for Linux on x86_64 only"
    target = cache_folder() / "programs" / f"valhalla-{VALHALLA}"
    if (target / "valhalla" / "bin" / "valhalla_service").exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as name:
        scratch = Path(name)
        answer = subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--no-deps",
             "--only-binary", ":all:", "--python-version", "3.12", "--abi", "abi3",
             "--platform", "manylinux_2_28_x86_64", "--dest", scratch, f"pyvalhalla=={VALHALLA}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        wheels = list(scratch.glob("*.whl"))
        if answer.returncode != 0 or not wheels:
            return f"Valhalla's programs cannot be fetched with pip (exit code {answer.returncode})"
        if sha256(wheels[0].read_bytes()).hexdigest() != VALHALLA_SHA256:
            return "Valhalla's wheel from the index is not the one that we know"
        with zipfile.ZipFile(wheels[0]) as archive:
            archive.extractall(scratch / "site")
        for program in (scratch / "site" / "valhalla" / "bin").iterdir():
            program.chmod(0o755)
        try:
            (scratch / "site").rename(target)
        except OSError:
            assert target.exists()  # another test process was faster
    return target


def required_valhalla() -> Path:
    """Return Valhalla's folder; without it leave the test out loudly, or fail under `CI=true`."""
    found = valhalla_site()
    if not isinstance(found, Path):
        cannot_run(f"{LEFT_OUT}: {found}")
    return found


def run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


def wait_until_up(port: int, server: Leashed) -> None:
    deadline = time.monotonic() + 60
    while not server.has_ended and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"a road server did not start: {server.tail()[-2000:]}")
