"""OSRM's server as our child: one for each vehicle and time slice in use, on loopback only.

`running` is all that others need. It starts the child on first need and returns its address once it answers;
from then on a thread looks after it: a child that died is started again at the same address, the data that a
build has put in use meanwhile get children of their own, and those of old data end when nobody asks any more.
No child outlives this process, even if that is killed (`careapp.roads.leash`). Each process has its own
children: the data are mapped into memory, so two of them share it.
"""

import atexit
import http.client
import json
import logging
import os
import re
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from careapp.errors import CareError, Unavailable
from careapp.roads.manifest import BASE, Manifest, NoRoads, find_manifest
from careapp.roads.process import Leashed
from careapp.roads.programs import Programs, get_programs
from routing.travel.source import Profile

__all__ = ["Engine", "EngineFailed", "Engines", "running", "running_pid", "stop_all"]

logger = logging.getLogger(__name__)

HOST: Final = "127.0.0.1"
START_LIMIT_S: Final = 120.0
"""How long a child may take to answer for the first time."""
ASK_EVERY_S: Final = 0.02
CONNECT_S: Final = 2.0
LOOK_S: Final = 0.2
"""Seconds between two looks at the children."""
LOOK_AT_DATA_S: Final = 1.0
FIRST_DELAY_S: Final = 0.2
MOST_DELAY_S: Final = 30.0
STEADY_S: Final = 60.0
"""A child that has lived so long is started again without a delay."""
OLD_S: Final = 120.0
"""How long a child on old data lives after the last request for it."""
IDLE_S: Final = 1800.0
MOST_PLACES: Final = 10_000
"""Of one matrix request; how much is asked at once is the client's choice."""
_ERROR: Final = re.compile(r"\[error\] (.*?)(?:\s*\S+\.[ch]pp:\d+)?$|what\(\):\s*(.*)$", re.MULTILINE)


class EngineFailed(Unavailable):
    """OSRM's server does not start on these data."""


class EngineStopped(EngineFailed):
    """It was ended on purpose."""


class Engine:
    """One `osrm-routed` and its port.

    The port is bound by us, not listened on, for as long as the engine exists: OSRM shares its port with
    whoever else asks for it, and then answers of two data sets would mix.

    Args:
        manifest: Of the data set.
        profile: Which vehicle.
        slice_: Which time slice.
        programs: Where `osrm-routed` is.

    Raises:
        NoRoads: The data set has no such vehicle or slice.
    """

    def __init__(self, manifest: Manifest, profile: Profile, slice_: str, programs: Programs) -> None:
        if profile not in manifest.profiles or slice_ not in manifest.slices:
            raise NoRoads(
                f"the road data have no {profile.value} in the slice {slice_}, only "
                f"{', '.join(manifest.profiles)} in {', '.join(manifest.slices)}: build them with both"
            )
        self.manifest = manifest
        self.profile = profile
        self.slice = slice_
        self.starts = 0
        self._programs = programs
        self._lock = threading.Lock()
        self._program: Leashed | None = None
        self._port = socket.socket()
        self._port.bind((HOST, 0))
        self._port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._began = 0.0
        self._delay_s = FIRST_DELAY_S
        self._next_try = 0.0
        self._is_stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The address, with or without somebody there."""
        return f"http://{HOST}:{self._port.getsockname()[1]}"

    @property
    def pid(self) -> int:
        """Number of the child's process; 0 without one."""
        program = self._program
        return 0 if program is None else program.pid

    def start(self) -> str:
        """Start the child unless it runs; return its address once it answers.

        Raises:
            EngineFailed: It ends at once, or does not answer; says why.
        """
        with self._lock:
            if not self._lives():
                self._start()
        return self.base_url

    def mend(self) -> None:
        """Start a child that has died again, with a growing delay if it keeps dying."""
        with self._lock:
            program, now = self._program, time.monotonic()
            if self._is_stopped or program is None or not program.has_ended:
                return
            if self._next_try == 0.0:
                logger.warning(
                    "the road engine for %s (%s) died: %s", self.profile, self.slice, self._story()
                )
                if now - self._began > STEADY_S:
                    self._delay_s = FIRST_DELAY_S
                self._next_try = now + self._delay_s
                self._delay_s = min(2 * self._delay_s, MOST_DELAY_S)
            if now < self._next_try:
                return
            try:
                self._start()
            except EngineFailed as failed:
                logger.warning("%s", failed)
                self._next_try = time.monotonic() + self._delay_s
                self._delay_s = min(2 * self._delay_s, MOST_DELAY_S)

    def stop(self) -> None:
        """End the child for good and give the port back."""
        with self._lock:
            self._is_stopped = True
            if self._program is not None:
                self._program.stop()
                self._program = None
            self._port.close()

    def _lives(self) -> bool:
        """Whether the child is there and listens; one that is busy does, one that just died does not."""
        if self._program is None or self._program.has_ended or self._program.is_dying:
            return False
        with socket.socket() as probe:
            probe.settimeout(CONNECT_S)
            return probe.connect_ex((HOST, self._port.getsockname()[1])) == 0

    def _start(self) -> None:
        if self._is_stopped:
            raise EngineStopped("the road engine was stopped: ask again")
        if self._program is not None:
            self._program.stop()
        port = str(self._port.getsockname()[1])
        self._program = Leashed(
            [
                *(self._programs.program("osrm-routed"), "--ip", HOST, "--port", port, "--mmap=1"),
                *(
                    "--algorithm",
                    self.manifest.algorithm.upper(),
                    "--threads",
                    str(max(2, os.cpu_count() or 1)),
                ),
                *("--max-table-size", str(MOST_PLACES)),
                *("--verbosity", "ERROR"),  # else it writes each request, and so where patients live
                str(self.manifest.network(self.profile, self.slice)),
            ]
        )
        self.starts += 1
        self._began, self._next_try = time.monotonic(), 0.0
        while not self._answers():
            if self._program.has_ended:
                raise EngineFailed(
                    f"the road engine for {self.profile} ({self.slice}) does not start: {self._story()}; "
                    "build the road data anew with `careapp roads build`"
                )
            if time.monotonic() > self._began + START_LIMIT_S:
                self._program.stop()
                raise EngineFailed(
                    f"the road engine for {self.profile} ({self.slice}) does not answer within "
                    f"{START_LIMIT_S:.0f} s: give the machine more memory or smaller road data"
                )
            time.sleep(ASK_EVERY_S)

    def _answers(self) -> bool:
        box = self.manifest.extract.bounds
        middle = f"{(box.west + box.east) / 2:.5f},{(box.south + box.north) / 2:.5f}"
        connection = http.client.HTTPConnection(HOST, self._port.getsockname()[1], timeout=5)
        try:
            connection.request("GET", f"/nearest/v1/{self.profile}/{middle}")
            return "code" in json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            connection.close()

    def _story(self) -> str:
        program = self._program
        if program is None:
            return "it was not started"
        words: list[str] = [ahead or back for ahead, back in _ERROR.findall(program.tail())]
        if words:
            return words[-1].strip()
        code = program.usage().code
        return f"it was ended by signal {-code}" if code < 0 else f"it ended with {code}"


@dataclass
class _Kept:
    """An engine and when somebody last asked for it."""

    engine: Engine
    asked_at: float


_Key = tuple[Path, Profile, str]


class Engines:
    """All engines of one process, and the thread that looks after them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[_Key, _Kept] = {}
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None

    def running(self, manifest: Manifest, profile: Profile, slice_: str = BASE) -> str:
        """Return the address of an engine that answers; see the module's function."""
        try:
            return self.get(manifest, profile, slice_).start()
        except EngineStopped:  # between our look and the start, because nobody had asked for long
            return self.get(manifest, profile, slice_).start()

    def get(self, manifest: Manifest, profile: Profile, slice_: str) -> Engine:
        """Return the engine, not started yet if it is new."""
        key = (manifest.folder, profile, slice_)
        programs = None if key in self._kept else get_programs(manifest.data_dir)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                programs = programs or get_programs(manifest.data_dir)
                kept = self._kept[key] = _Kept(Engine(manifest, profile, slice_, programs), 0.0)
            kept.asked_at = time.monotonic()
            if self._thread is None:
                self._thread = threading.Thread(target=self._look_after, name="road-engines", daemon=True)
                self._thread.start()
            return kept.engine

    def stop(self) -> None:
        """End all engines and the thread."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            kept = list(self._kept.values())
            self._kept.clear()
        for each in kept:
            each.engine.stop()

    def _look_after(self) -> None:
        looked_at_data = 0.0
        while not self._ends.wait(LOOK_S):
            for kept in list(self._kept.values()):
                kept.engine.mend()
            if time.monotonic() >= looked_at_data + LOOK_AT_DATA_S:
                looked_at_data = time.monotonic()
                try:
                    self._follow_data()
                except CareError as error:  # damaged data or no programs: whoever asks next is told
                    logger.warning("%s", error)

    def _follow_data(self) -> None:
        """Start engines on data that are in use now, end those on data that are no more."""
        for key, kept in list(self._kept.items()):
            manifest, now = kept.engine.manifest, time.monotonic()
            current = find_manifest(manifest.data_dir)
            is_old = current is not None and current.folder != key[0]
            if now - kept.asked_at > (OLD_S if is_old else IDLE_S):
                with self._lock:
                    self._kept.pop(key, None)
                kept.engine.stop()
            elif current is not None and is_old and (current.folder, *key[1:]) not in self._kept:
                with suppress(NoRoads):  # the new data have no such vehicle or slice
                    self.running(current, key[1], key[2])


_ENGINES: dict[int, Engines] = {}
_ENGINES_LOCK: Final = threading.Lock()


def _engines() -> Engines:
    """Return the engines of this process: those of the one that forked us are not ours."""
    with _ENGINES_LOCK:
        return _ENGINES.setdefault(os.getpid(), Engines())


def running(manifest: Manifest, profile: Profile, slice_: str = BASE) -> str:
    """Return the address of an OSRM server on loopback that answers for these data.

    It is started on first need, which takes less than a second; asked again it costs nothing. A caller whose
    request fails because the server just died asks again: here first, then there.

    Args:
        manifest: Of the data set, from `manifest.current_manifest`.
        profile: Which vehicle.
        slice_: Which time slice.

    Returns:
        E.g. `http://127.0.0.1:41234`.

    Raises:
        NoRoads: The data have no such vehicle or slice.
        EngineFailed: It does not start.
        ProgramsMissing: OSRM's programs are not here and cannot be had.
    """
    return _engines().running(manifest, profile, slice_)


def running_pid(manifest: Manifest, profile: Profile, slice_: str = BASE) -> int:
    """Return the number of the server's process; 0 without one."""
    return _engines().get(manifest, profile, slice_).pid


def stop_all() -> None:
    """End all servers of this process; whoever asks later gets new ones."""
    with _ENGINES_LOCK:
        engines = _ENGINES.pop(os.getpid(), None)
    if engines is not None:
        engines.stop()


atexit.register(stop_all)
