"""Compile the search while something else is done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from routing.search import Compiling

LOOK_EVERY_S = 0.2


@contextmanager
def compiling(on_wait: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """Begin to compile; the block gets a function that waits for the end.

    Args:
        on_wait: Called a few times a second while somebody waits.
    """
    with Compiling() as compiler:

        def wait() -> None:
            while not compiler.is_over(LOOK_EVERY_S):
                on_wait()

        yield wait
