"""OSRM's server as our child: it starts, dies, comes back, goes over to new data, and never outlives us."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Thread, Timer

import httpx2
import numpy as np
import pytest

from careapp.roads import engine
from careapp.roads.engine import Engine, EngineFailed, Engines
from careapp.roads.manifest import NoRoads
from routing.travel.osrm import OsrmTravel
from routing.travel.source import Coordinates, Profile
from tests.careapp.roads.asking import ask, joined, seconds
from tests.careapp.roads.conftest import NOON
from tests.careapp.roads.extracts import crossing, write_grid
from tests.careapp.roads.test_process import is_gone

HOLDER = """
import sys, time
from pathlib import Path
from careapp.roads import engine
from careapp.roads.manifest import read_manifest
from routing.travel.source import Profile
manifest = read_manifest(Path(sys.argv[1]))
engine.running(manifest, Profile.CAR)
print(engine.running_pid(manifest, Profile.CAR), flush=True)
time.sleep(60)
"""


def wait_for(condition, *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def answers(base_url: str) -> bool:
    try:
        return bool(ask(base_url, f"nearest/v1/car/{joined((crossing(3, 3),))}")["code"] == "Ok")
    except httpx2.HTTPError:
        return False


class TestRunning:
    def test_answers_on_loopback_only(self, grid_manifest):
        address = engine.running(grid_manifest, Profile.CAR)

        assert address.startswith("http://127.0.0.1:")
        listening = listening_addresses(engine.running_pid(grid_manifest, Profile.CAR))
        assert listening == {f"127.0.0.1:{address.rpartition(':')[2]}"}

    def test_is_one_child_for_a_vehicle_and_a_slice(self, grid_manifest):
        first = engine.running(grid_manifest, Profile.CAR)
        again = engine.running(grid_manifest, Profile.CAR)
        others = {
            engine.running(grid_manifest, Profile.BICYCLE),
            engine.running(grid_manifest, Profile.CAR, "winter"),
        }

        assert again == first
        assert len(others | {first}) == 3

    def test_starts_one_child_for_many_who_ask_at_once(self, grid_manifest):
        addresses: list[str] = []
        threads = [
            Thread(target=lambda: addresses.append(engine.running(grid_manifest, Profile.CAR)))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(addresses) == 8
        assert len(set(addresses)) == 1

    def test_refuses_what_was_not_built(self, grid_manifest):
        with pytest.raises(NoRoads, match="no foot in the slice base"):
            engine.running(grid_manifest, Profile.FOOT)
        with pytest.raises(NoRoads, match="harvest"):
            engine.running(grid_manifest, Profile.CAR, "harvest")

    def test_says_why_damaged_data_do_not_start(self, builder, grid):
        manifest = builder(grid).manifest
        Path(f"{manifest.network(Profile.CAR)}.geometry").unlink()

        with pytest.raises(EngineFailed, match="does not start"):
            engine.running(manifest, Profile.CAR)

    def test_writes_nowhere_what_was_asked(self, grid_manifest, osrm_programs):
        with Engine(grid_manifest, Profile.CAR, "base", osrm_programs) as one:
            ask(one.start(), f"nearest/v1/car/{joined((crossing(3, 3),))}")

            assert one._program is not None
            assert one._program.tail() == ""

    def test_shares_its_port_with_nobody(self, grid_manifest):
        port = int(engine.running(grid_manifest, Profile.CAR).rpartition(":")[2])

        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))


class TestDeath:
    def test_of_the_child_is_mended_at_the_same_address(self, grid_manifest):
        address = engine.running(grid_manifest, Profile.CAR)
        expected = seconds(address, crossing(0, 0), crossing(5, 5))
        before = engine.running_pid(grid_manifest, Profile.CAR)

        os.kill(before, signal.SIGKILL)

        wait_for(lambda: is_gone(before))
        wait_for(lambda: answers(address))
        assert seconds(address, crossing(0, 0), crossing(5, 5)) == expected
        assert engine.running_pid(grid_manifest, Profile.CAR) != before

    def test_of_the_child_is_mended_for_who_asks_at_once(self, grid_manifest):
        address = engine.running(grid_manifest, Profile.CAR)
        before = engine.running_pid(grid_manifest, Profile.CAR)
        os.kill(before, signal.SIGKILL)
        assert is_gone(before)

        again = engine.running(grid_manifest, Profile.CAR)

        assert again == address
        assert answers(again)

    def test_in_the_middle_of_a_request_is_a_broken_answer_and_no_wrong_one(self, grid_manifest):
        address = engine.running(grid_manifest, Profile.CAR)
        pid = engine.running_pid(grid_manifest, Profile.CAR)
        os.kill(pid, signal.SIGSTOP)  # it has the request and does not answer
        killer = Timer(0.3, os.kill, (pid, signal.SIGKILL))
        killer.start()

        with pytest.raises(httpx2.TransportError):
            seconds(address, crossing(0, 0), crossing(5, 5))

        killer.join()
        wait_for(lambda: answers(address))

    def test_in_the_middle_of_a_matrix_is_not_seen_by_the_planner(self, grid_manifest):
        address = engine.running(grid_manifest, Profile.CAR)
        source = OsrmTravel(address, Profile.CAR, grid_manifest.data, radius_m=100, table_size=10)
        places = [
            Coordinates(latitude, longitude)
            for longitude, latitude in (crossing(column, row) for column in range(12) for row in range(3))
        ]
        expected = source.travel(places)
        pid = engine.running_pid(grid_manifest, Profile.CAR)
        os.kill(pid, signal.SIGSTOP)
        killer = Timer(0.3, os.kill, (pid, signal.SIGKILL))
        killer.start()

        found = source.travel(places)

        killer.join()
        assert engine.running_pid(grid_manifest, Profile.CAR) != pid
        assert np.array_equal(found.seconds, expected.seconds)
        assert np.array_equal(found.metres, expected.metres)

    def test_again_and_again_waits_longer_each_time(self, grid_manifest, osrm_programs):
        with Engine(grid_manifest, Profile.CAR, "base", osrm_programs) as one:
            one.start()
            waits = []
            for _ in range(3):
                os.kill(one.pid, signal.SIGKILL)
                wait_for(lambda: not one._lives())
                begun, starts = time.monotonic(), one.starts
                while one.starts == starts:
                    one.mend()
                waits.append(time.monotonic() - begun)

        # 0.2 s, 0.4 s, 0.8 s, and then the start itself
        assert [wait > least for wait, least in zip(waits, (0.2, 0.4, 0.8), strict=True)] == [True] * 3

    def test_of_ours_is_the_child_s_too(self, grid_manifest):
        parent = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(grid_manifest.folder)], stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert pid > 0

        parent.kill()
        parent.wait()
        parent.stdout.close()

        assert is_gone(pid)

    def test_leaves_nobody_after_an_orderly_end(self, grid_manifest):
        engine.running(grid_manifest, Profile.CAR)
        pid = engine.running_pid(grid_manifest, Profile.CAR)

        engine.stop_all()

        assert is_gone(pid)


class TestNewData:
    def test_get_a_child_of_their_own_while_the_old_one_answers(self, builder, grid, tmp_path):
        old = builder(grid).manifest
        engines = Engines()
        address = engines.running(old, Profile.CAR)
        faster = write_grid(tmp_path / "faster.osm.pbf", highway="primary")
        slow = seconds(address, crossing(1, 1), crossing(1, 9))[0][1]

        new = builder(faster, now=NOON + timedelta(hours=1)).manifest

        wait_for(lambda: (new.folder, Profile.CAR, "base") in engines._kept)
        fast = seconds(engines.running(new, Profile.CAR), crossing(1, 1), crossing(1, 9))[0][1]
        assert answers(address)
        assert fast is not None
        assert slow is not None
        assert fast < slow
        engines.stop()

    def test_end_the_old_child_when_nobody_asks_any_more(self, builder, grid, monkeypatch):
        monkeypatch.setattr(engine, "OLD_S", 0.5)
        old = builder(grid).manifest
        engines = Engines()
        engines.running(old, Profile.CAR)
        pid = engines.get(old, Profile.CAR, "base").pid

        builder(grid, now=NOON + timedelta(hours=1))

        assert is_gone(pid)
        wait_for(lambda: (old.folder, Profile.CAR, "base") not in engines._kept)
        engines.stop()


def listening_addresses(pid: int) -> set[str]:
    """Loopback sockets on which a process listens, out of /proc."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # a connection that ended meanwhile
            target = str(entry.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            address, _, port = fields[1].partition(":")
            found.add(f"{socket.inet_ntoa(bytes.fromhex(address)[::-1])}:{int(port, 16)}")
    return found
