"""Ctrl-C ends the search, not the program: what it has found is not lost."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interrupted"]


@contextmanager
def interrupted() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether somebody pressed Ctrl-C in the block; pressed again it raises."""
    pressed = False

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            signal.default_int_handler(number, frame)
        pressed = True

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
