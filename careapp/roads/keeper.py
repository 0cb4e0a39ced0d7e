"""Keep the road data in step with the closures: a look every few seconds, other data where they differ.

Data with closures are made from those without: the same files, customised anew with speed 0 on every closed
piece of road, which takes seconds where a build takes minutes. They are never contracted, for that would take
minutes again. When the last closure is over, the data without are simply put in use again.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from careapp.access import SCHEDULER
from careapp.calendar import Calendar
from careapp.config import Settings
from careapp.db_errors import explain_database_error
from careapp.errors import CareError
from careapp.roads.areas import touched
from careapp.roads.build import link_slice
from careapp.roads.closures import due_closures
from careapp.roads.manifest import (
    Manifest,
    RoadsBusy,
    changing,
    find_manifest,
    hash_of,
    new_set,
    point_to,
    read_manifest,
    switch_to,
)
from careapp.roads.models import Closure
from careapp.roads.programs import Programs, get_programs
from careapp.roads.segments import Segments, read_segments
from careapp.roads.speeds import TABLE, write_closed
from careapp.roads.steps import Steps, Tell, full, is_full
from routing.travel.source import Profile

__all__ = ["RoadKeeper", "honour"]

logger = logging.getLogger(__name__)

LOOK_S: Final = 3.0
"""Seconds between two looks at the closures."""
MOST_WAIT_S: Final = 60.0
"""After a failure each look comes twice as late as the one before, at most so late."""


def _ignore(_step: str, _fraction: float, _detail: str) -> None:
    """Tell nobody."""


def honour(
    closures: Sequence[Closure], *, data_dir: Path, programs: Programs, now: datetime, tell: Tell = _ignore
) -> Manifest | None:
    """Put road data in use that honour exactly these closures; nothing is done if those in use do.

    Args:
        closures: All that are due.
        data_dir: Folder of our data.
        programs: OSRM's.
        now: This moment.
        tell: Told how far it is.

    Returns:
        The manifest of the data in use; None if none were built.

    Raises:
        RoadsBusy: Another process changes road data.
        BuildFailed: A program failed; the data in use stay.
        NoRoom: The disk is full.
    """
    wanted = tuple(sorted(str(closure.id) for closure in closures))
    current = find_manifest(data_dir)
    if current is None or current.closures == wanted:
        return current
    with changing(data_dir):
        current = find_manifest(data_dir)
        if current is None or current.closures == wanted:
            return current
        base = current if current.base is None else read_manifest(current.folder.parent / current.base)
        if not wanted:
            point_to(base.folder)
            return base
        with new_set(data_dir) as work:
            try:
                return switch_to(_make(base, closures, wanted, programs, work, now, tell), work)
            except OSError as error:
                if is_full(error):
                    raise full(work) from error
                raise


def _make(
    base: Manifest,
    closures: Sequence[Closure],
    wanted: tuple[str, ...],
    programs: Programs,
    work: Path,
    now: datetime,
    tell: Tell,
) -> Manifest:
    begun = time.monotonic()
    steps = Steps(tell, 1.0 + len(base.profiles) * len(base.slices), base.extract.file)
    for name in ("roads.npz", TABLE):
        (work / name).hardlink_to(base.folder / name)
    segments = read_segments(base.folder / "roads.npz")
    steps.skip(1.0)
    for profile in base.profiles:
        closed = _closed_to(profile, closures, segments)
        for slice_ in base.slices:
            source, target = base.folder / profile.value / slice_, work / profile.value / slice_
            if source.is_symlink():
                target.symlink_to(source.readlink())
                steps.skip(1.0)
                continue
            link_slice(source, target, without=("hsgr",))
            _customise(steps, programs, f"{profile.value}, {slice_}: customize", segments, closed, target)
    return base.model_copy(
        update={
            "data": hash_of(
                base=base.data, algorithm="mld", closures=sorted((c.parts() for c in closures), key=str)
            ),
            "built_at": now,
            "algorithm": "mld",
            "closures": wanted,
            "base": base.folder.name,
            "steps": tuple(steps.done),
            "seconds": round(time.monotonic() - begun, 2),
        }
    )


def _closed_to(profile: Profile, closures: Sequence[Closure], segments: Segments) -> NDArray[np.bool_]:
    closed = np.zeros(len(segments.start), dtype=np.bool_)
    for closure in closures:
        if profile.value in closure.profiles:
            closed |= touched(segments, closure.area)
    return closed


def _customise(
    steps: Steps,
    programs: Programs,
    name: str,
    segments: Segments,
    closed: NDArray[np.bool_],
    folder: Path,
) -> None:
    if not closed.any():
        steps.skip(1.0)
        return
    write_closed(folder / "closed.csv", segments, closed)
    # Of two lines about the same piece of road the later file's counts.
    files = [path for path in (folder / "speeds.csv", folder / "closed.csv") if path.exists()]
    options = [option for file in files for option in ("--segment-speed-file", str(file))]
    command = [programs.program("osrm-customize"), str(folder / "network.osrm"), *options]
    steps.run(name, command, weight=1.0, folder=folder)


class KeeperStopped(Exception):
    """The keeper was stopped in the middle of its work."""


class RoadKeeper:
    """A thread that looks at the closures and lets the road data honour them.

    Any number of processes may have one: whoever is first does the work, the others find it done.

    Args:
        sessions: Factory of reading sessions.
        settings: See `careapp.config`.
        now: Tells this moment.
    """

    def __init__(
        self, sessions: sessionmaker[Session], settings: Settings, now: Callable[[], datetime]
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._calendar = Calendar.of(settings)
        self._now = now
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work, name="road-keeper", daemon=True)

    def start(self) -> None:
        """Begin, where travel times come from road data of our own."""
        if self._settings.roads == "osrm":
            self._thread.start()

    def stop(self) -> None:
        """End; what is being customised is given up, and the data in use stay."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> Manifest | None:
        """Let the road data honour what is due now.

        Raises:
            As `honour`, or `ProgramsMissing`.
        """
        data_dir = self._settings.data_dir
        current = find_manifest(data_dir)
        if current is None:
            return None
        with self._sessions.begin() as session:
            closures = due_closures(session, viewer=SCHEDULER, calendar=self._calendar, now=self._now())
            session.expunge_all()
        if current.closures == tuple(sorted(str(closure.id) for closure in closures)):
            return current
        programs = get_programs(data_dir)
        found = honour(closures, data_dir=data_dir, programs=programs, now=self._now(), tell=self._tell)
        if found is not None:
            logger.info("road data %s are in use: %d closures", found.data[:12], len(found.closures))
        return found

    def _work(self) -> None:
        wait_s, told = LOOK_S, ""
        while not self._ends.is_set():
            try:
                self.look()
                wait_s, told = LOOK_S, ""
            except RoadsBusy:
                wait_s = LOOK_S  # by a build or another process' keeper: the next look sees what came of it
            except KeeperStopped:
                return
            except (CareError, SQLAlchemyError, OSError) as error:
                # The next look tries again; a closure that is not honoured shows in GET /api/roads.
                why = _sentence(error)
                if why != told:
                    logger.warning("closures are not honoured: %s", why)
                wait_s, told = min(2 * wait_s, MOST_WAIT_S), why
            self._ends.wait(wait_s)

    def _tell(self, _step: str, _fraction: float, _detail: str) -> None:
        if self._ends.is_set():
            raise KeeperStopped


def _sentence(error: Exception) -> str:
    if isinstance(error, SQLAlchemyError):
        return str(explain_database_error(error) or type(error).__name__)  # its own words may hold a row
    return str(error)
