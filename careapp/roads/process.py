"""A program of OSRM as a child process that cannot outlive us, and what it used."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

LEASH: Final = Path(__file__).with_name("leash.py")
_TAIL_BYTES: Final = 100_000


@dataclass(frozen=True)
class Usage:
    """What a program that has ended used.

    Attributes:
        code: Exit code, or the negative number of the signal that ended it.
        cpu_seconds: Processor time of all its threads.
        peak_bytes: Most memory that it held at once.
    """

    code: int
    cpu_seconds: float
    peak_bytes: int


class Leashed:
    """One running program. It ends with `stop`, with the block, or with this process, however that ends.

    Args:
        command: Program and arguments; the program's full path.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- open as long as the program runs; stop() ends it
        reads, writes = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 -- the command is our own program's
                [sys.executable, "-I", "-S", str(LEASH), str(writes), *command],
                stdin=subprocess.PIPE,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                pass_fds=(writes,),
                start_new_session=True,  # a Ctrl-C at the terminal reaches us only
            )
        finally:
            os.close(writes)
        self._report = os.fdopen(reads, "rb")
        self._lines: list[dict[str, Any]] = []
        self._read_to = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def has_ended(self) -> bool:
        """Whether the program is gone."""
        return self._process.poll() is not None

    @property
    def pid(self) -> int:
        """Number of the program's process; waits the moment until it has one, 0 if it never had one."""
        if not self._lines and (line := self._report.readline()):
            self._lines.append(json.loads(line))
        return int(self._lines[0]["pid"]) if self._lines else 0

    @property
    def is_dying(self) -> bool:
        """Whether the program was ended, even if its last threads and their sockets are still there."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
        except OSError:  # gone; or a system without these files, where `has_ended` will tell
            return self.has_ended
        return state in "ZX"

    def stop(self) -> None:
        """End the program, gently at first, and forget its log; returns when it is gone."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process.wait()
        self._report.close()
        self._log.close()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, at most so long; return whether it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_s)
        return self.has_ended

    def usage(self) -> Usage:
        """Tell what the program used; once it has ended."""
        _ = self.pid
        if len(self._lines) == 1 and (line := self._report.readline()):
            self._lines.append(json.loads(line))
        if len(self._lines) < 2:  # the leash itself was killed, and so the program
            return Usage(-9, 0.0, 0)
        return Usage(**self._lines[1])

    def new_text(self) -> str:
        """Return what the program has written since the last call."""
        descriptor = self._log.fileno()
        chunk = os.pread(descriptor, _TAIL_BYTES, self._read_to)
        self._read_to += len(chunk)
        return chunk.decode(errors="replace")

    def tail(self) -> str:
        """Return the end of what the program has written."""
        descriptor = self._log.fileno()
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode(errors="replace")
