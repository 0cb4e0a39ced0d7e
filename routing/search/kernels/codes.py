"""The breaks of a route as one number.

`NO_BREAK`, or 1 + gap * OPTIONS + option for one break, or, from `SPLIT` on, option and the gaps of three
parts, fourteen bits each; where there are two, the third gap is that of the second.
"""

from routing.search.compiling import kernel
from routing.search.kernels.layout import O_LENGTH, O_LUNCH, Data, whole

NO_BREAK = 0
NEVER = -1
OPTIONS = 16
GAP_BITS = 14
MOST_GAPS = 2**GAP_BITS
SPLIT = 2 ** (3 * GAP_BITS)


@kernel
def gap_of(code: int) -> int:
    """Return the gap the first break lies in, -1 for no break."""
    if code >= SPLIT:
        return gap_of_part(code, whole(0))
    return whole((code - 1) // OPTIONS) if code > 0 else whole(-1)


@kernel
def gap_of_part(code: int, part: int) -> int:
    """Return the gap a part of a split break lies in."""
    return whole((code >> (GAP_BITS * (2 - part))) & (MOST_GAPS - 1))


@kernel
def option_of(code: int) -> int:
    """Return the row of `Data.option` that a code of breaks stands for."""
    return whole(code >> (3 * GAP_BITS)) if code >= SPLIT else whole((code - 1) % OPTIONS)


@kernel
def rest_of(data: Data, r: int, code: int) -> int:
    """Return how long the breaks are together that a code stands for."""
    return whole(data.option[r, option_of(code), O_LENGTH]) if code > 0 else whole(0)


@kernel
def is_lunch(data: Data, r: int, code: int) -> bool:
    """Tell whether one of the breaks that a code stands for is lunch."""
    return bool(code > 0 and data.option[r, option_of(code), O_LUNCH] > 0)
