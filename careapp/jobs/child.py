"""A child process that does one job: start it, stop it, tell how it ended."""

import os
import re
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from uuid import UUID

TERM_GRACE_S = 3.0
"""How long a child may take after SIGTERM, before SIGKILL."""
_TAIL_BYTES = 20_000
_FRAMES = 4


class Child:
    """One process with its own process group: an interrupt reaches us only, and all of it can be stopped.

    Args:
        command: Program and arguments.
        job_id: The job it does.
        token: The token it does it with.
    """

    def __init__(self, command: list[str], *, job_id: UUID, token: int) -> None:
        self.job_id = job_id
        self.token = token
        self._asked_at: float | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- open as long as the child lives; close() ends it
        self._process = subprocess.Popen(  # noqa: S603 -- the command is our own program's
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,
        )

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def stop_after(self, grace_s: float) -> None:
        """Call it repeatedly: after some seconds since the first call SIGTERM, then SIGKILL."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()
        waited_s = time.monotonic() - self._asked_at
        if waited_s >= grace_s + TERM_GRACE_S:
            self._signal(signal.SIGKILL)
        elif waited_s >= grace_s:
            self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGTERM, some seconds, SIGKILL; returns when the process is gone."""
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(TERM_GRACE_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def close(self) -> None:
        """Drop what it has written."""
        self._errors.close()

    def story(self) -> str:
        """Tell how the process ended: its exit code or signal, and where in our code."""
        code = self._process.returncode
        if code == 0:
            end = "its worker ended without a result"
        elif code < 0:
            end = f"its worker was ended by {signal.Signals(-code).name}"
        else:
            end = f"its worker ended with exit code {code}"
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _TAIL_BYTES))
        where = where_it_failed(self._errors.read().decode(errors="replace"))
        return f"{end}: {where}" if where else end

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)


def where_it_failed(text: str) -> str:
    """Reduce a traceback to the error's class and the last places, e.g. `KeyError at day.py:17 plan_day`.

    An error's message is left out: it may quote a row, and so a patient.
    """
    frames = re.findall(r'^\s*File "(?:.*[/\\])?([^"/\\]+)", line (\d+),? in (\S+)', text, re.MULTILINE)
    kinds = re.findall(r"^(?:Fatal Python error: [\w ]+|[A-Za-z_][\w.]*)(?=:|$)", text, re.MULTILINE)
    places = ", ".join(f"{name}:{line} {function}" for name, line, function in reversed(frames[-_FRAMES:]))
    if not frames:
        return ""
    return f"{kinds[-1]} at {places}" if kinds else places
