"""The real program in a process of its own, for what only a process shows: ports, signals, exit codes."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

READY = re.compile(r"careapp answers at (http://\S+)")


class Server(NamedTuple):
    """A running `careapp serve`."""

    process: subprocess.Popen[str]
    address: str
    data_dir: Path

    @property
    def port(self) -> str:
        return self.address.rpartition(":")[2]

    def stop(self, number: int, *, within_s: float) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(within_s)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "api.cli", *arguments]


def run(
    *arguments: str, data_dir: Path, timeout_s: float = 300, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run `careapp` to its end."""
    return subprocess.run(
        command(*arguments, "--data-dir", str(data_dir)),
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def token(data_dir: Path, *arguments: str) -> str:
    """Return a bearer token of `careapp token`, for the demo's coordinator unless somebody else is named."""
    printed = run("token", *(arguments or ("--role", "coordinator")), data_dir=data_dir)
    assert printed.returncode == 0, printed.stderr
    return printed.stdout.strip()


def environment(**settings: str) -> dict[str, str]:
    """Return our environment without its settings, but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAREAPP_")}
    return kept | settings


@contextmanager
def serving(data_dir: Path, *arguments: str, **settings: str) -> Iterator[Server]:
    """Serve a database on a free port until the block ends."""
    process = subprocess.Popen(
        command("serve", "--port", "0", "--data-dir", str(data_dir), *arguments),
        env=environment(**settings),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        for line in process.stderr:
            ready = READY.search(line)
            if ready:
                yield Server(process, ready[1], data_dir)
                break
        else:
            raise AssertionError(f"the server ended with {process.wait(5)} before it was ready")
    finally:
        process.kill()
        process.stderr.close()
        process.wait()
