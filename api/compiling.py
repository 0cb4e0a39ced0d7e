"""Compile the search in a process of its own while something else is done."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LOOK_EVERY_S = 0.2


@contextmanager
def compiling(on_wait: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Begin to compile; the block gets a function that waits for the end.

    A compile that fails is not ours to judge: whoever needs the search compiles it again and says why not.

    Args:
        on_wait: Called a few times a second while somebody waits.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "careapp.warm_up"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def wait() -> None:
        while True:
            try:
                process.wait(LOOK_EVERY_S)
            except subprocess.TimeoutExpired:
                on_wait()
            else:
                return

    try:
        yield wait
    finally:
        process.terminate()
        process.wait()
