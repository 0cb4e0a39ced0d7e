"""Compile the search where it can be stopped: in a process of its own. See `python -m routing.search`."""

import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

from routing.search.compiling import keeps_code
from routing.search.engine import compiled, warm_up
from routing.search.kernels.anneal import advance

__all__ = ["Compiling", "make_ready"]

LOOK_EVERY_S = 0.1


class Compiling:
    """The compiler at work beside us; leaving the block ends it.

    It stores what it makes, so that `warm_up` has only to load it. A compile that fails is not ours to judge:
    whoever needs the search compiles it again and says why not.
    """

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "routing.search"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()

    def is_over(self, within_s: float) -> bool:
        """Wait so long at most; tell whether the compiler is done."""
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True


def make_ready(cancel: Callable[[], bool] | None = None) -> bool:
    """Compile the search, or load it from disk; False if it was cancelled before it was there.

    Args:
        cancel: Asked ten times a second while the compiler works. None: nobody wants to stop it.
    """
    if cancel is not None and not compiled() and keeps_code(advance):
        with Compiling() as compiling:
            while not compiling.is_over(LOOK_EVERY_S):
                if cancel():
                    return False
    warm_up()
    return True
