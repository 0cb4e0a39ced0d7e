"""Travel that is slower at some hours, from how much slower it is."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from routing.errors import InvalidTravel
from routing.matrices import Band, Travel
from routing.units import LATEST, UNREACHABLE, Seconds

__all__ = ["with_factors"]

USUAL = 1000
"""The factor, in thousandths, of the hours for which the matrix holds as it is."""


def with_factors(travel: Travel, factors: Iterable[tuple[Seconds, int]]) -> Travel:
    """Return the same travel with a factor for each part of the day.

    Rush hours from 7 to 9 and from 16 to 18 o'clock, in which ways take two fifths longer::

        with_factors(travel, [(7 * HOUR, 1400), (9 * HOUR, 1000), (16 * HOUR, 1400), (18 * HOUR, 1000)])

    Args:
        travel: What it is at usual hours, before the first of the parts too.
        factors: Pairs of the second at which a part starts and its factor in thousandths, in rising order.
            Seconds are rounded up. Parts with the same factor share the memory of their matrix.

    Raises:
        InvalidTravel: A factor is not positive, a way becomes too long, or the parts do not rise.
    """
    matrices = {USUAL: travel.seconds}
    bands = []
    for start, factor in factors:
        if factor <= 0:
            raise InvalidTravel(f"travel from {start} s on: the factor {factor} is not from 1 up")
        if factor not in matrices:
            matrices[factor] = _slower(travel.seconds, factor)
        bands.append(Band(start, matrices[factor]))
    return replace(travel, bands=tuple(bands))


def _slower(seconds: NDArray[np.int32], factor: int) -> NDArray[np.int32]:
    """Return seconds by a factor in thousandths, rounded up; what leads nowhere still does."""
    more = -(-seconds.astype(np.int64) * factor // USUAL)
    more[seconds == UNREACHABLE] = 0
    if more.max(initial=0) > LATEST:
        raise InvalidTravel(f"travel by the factor {factor}: a way takes longer than {LATEST} s")
    return np.where(seconds == UNREACHABLE, seconds, more.astype(np.int32))
