"""One program after the other, with progress, figures, and an error that says what happened."""

import errno
import re
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from careapp.errors import Unavailable
from careapp.roads.manifest import Step
from careapp.roads.process import Leashed
from careapp.roads.segments import BadExtract

__all__ = ["BuildFailed", "NoRoom", "Steps", "Tell", "require_room"]

LOOK_S: Final = 0.2
LEAST_FREE: Final = 20_000_000
"""Bytes: with less the disk counts as full."""
_PERCENT: Final = re.compile(r"(\d{1,3})%")
_ERROR: Final = re.compile(r"\[error\] (.*?)(?:\s*\S+\.[ch]pp:\d+)?$|what\(\):\s*(.*)$", re.MULTILINE)

Tell = Callable[[str, float, str], None]
"""Is told the step, how far all is from 0 to 1, and a detail."""


class BuildFailed(Unavailable):
    """A program of OSRM failed; the data in use stay as they are."""


class NoRoom(Unavailable):
    """The disk is full, or would be."""


@dataclass
class Steps:
    """Runs the programs of a build.

    Attributes:
        tell: Told how far it is.
        total: How many weights of steps there will be.
        extract: The file's name, for messages.
        done: The steps so far.
    """

    tell: Tell
    total: float
    extract: str
    done: list[Step] = field(default_factory=list)
    _passed: float = 0.0

    def run(self, name: str, command: Sequence[str], *, weight: float, folder: Path) -> None:
        """Run one program to its end; it ends with an error or an interrupt of ours.

        Args:
            name: What is being done, e.g. "car: contract".
            command: Program and arguments.
            weight: How long it takes compared to the others.
            folder: Where it writes.

        Raises:
            BadExtract: The extract is damaged or holds no road for this vehicle.
            NoRoom: The disk is full.
            BuildFailed: Anything else.
        """
        begun = time.monotonic()
        self.tell(name, self._passed / self.total, "")
        with Leashed(command) as program:
            percent = 0
            while not program.wait(LOOK_S):
                percent = max([percent, *map(int, _PERCENT.findall(program.new_text()))])
                part = min(percent, 100) / 100
                self.tell(
                    name, (self._passed + weight * part) / self.total, f"{percent} %" if percent else ""
                )
            usage, text = program.usage(), program.tail()
        if usage.code != 0:
            raise self._judged(name, usage.code, text, folder)
        self.note(name, time.monotonic() - begun, usage.cpu_seconds, usage.peak_bytes, weight=weight)

    def note(self, name: str, seconds: float, cpu_seconds: float, peak_bytes: int, *, weight: float) -> None:
        """Count a step as done."""
        self._passed += weight
        self.done.append(
            Step(
                name=name, seconds=round(seconds, 2), cpu_seconds=round(cpu_seconds, 2), peak_bytes=peak_bytes
            )
        )
        self.tell(name, min(1.0, self._passed / self.total), "")

    def skip(self, weight: float) -> None:
        """Count what need not be done."""
        self._passed += weight

    def _judged(self, name: str, code: int, text: str, folder: Path) -> Exception:
        words = [ahead or back for ahead, back in _ERROR.findall(text)]
        why = words[-1].strip() if words else f"it ended with {code}"
        if shutil.disk_usage(folder).free < LEAST_FREE or "No space left" in text:
            return full(folder)
        if "no edges" in why:
            kind = name.partition(":")[0]
            return BadExtract(f"{self.extract} holds no road for the vehicle {kind}: choose another extract")
        if "PBF error" in why or "osmium" in text:
            return BadExtract(f"{self.extract} is damaged or no extract ({why}): fetch it again")
        if code == -9:
            return BuildFailed(
                f"{name}: the program was killed, most likely for want of memory: choose a smaller extract "
                "or a machine with more; the road data in use stay as they are"
            )
        return BuildFailed(f"{name}: {why}; the road data in use stay as they are")


def full(folder: Path) -> NoRoom:
    """Return the error that the disk is full."""
    return NoRoom(
        f"the disk with {folder.parents[1]} is full: make room, or choose another folder with --data-dir; "
        "the road data in use stay as they are"
    )


def require_room(folder: Path, *, needed: int) -> None:
    """Refuse to begin what cannot end.

    Args:
        folder: Where it will be written.
        needed: Bytes, roughly.

    Raises:
        NoRoom: There is less.
    """
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise NoRoom(
            f"building needs about {needed / 1e9:.1f} GB, the disk has {free / 1e9:.1f} GB free: make room, "
            "name fewer vehicles or slices, or choose another folder with --data-dir"
        )


def is_full(error: OSError) -> bool:
    """Whether an error of ours says that the disk is full."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}
