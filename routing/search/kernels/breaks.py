"""Whether a swept route has room for the break it needs.

With one break of length x in a given gap the same two ends stay the best ones: a later leaving and an earlier
return only loosen the bounds on how long one may work before and after the break. So each gap is decided
exactly by one comparison of intervals. Breaks in parts (`splits`) are tried where no gap will do.
"""

import numpy as np
from numpy.typing import NDArray

from routing.search.compiling import kernel
from routing.search.kernels.codes import NEVER, NO_BREAK, OPTIONS
from routing.search.kernels.layout import (
    BIG,
    O_LENGTH,
    O_LUNCH,
    O_SPAN,
    T_AT,
    T_BY,
    T_CAP,
    T_DURATION,
    T_EARLY,
    T_IN,
    T_LATE,
    T_LEG,
    T_LOW,
    T_MOST,
    T_OUT,
    V_DAY,
    V_LEAVE_BY,
    V_LUNCH_FROM,
    V_LUNCH_TO,
    V_OPTIONS,
    V_SPAN,
    V_STRETCH,
    V_UNBROKEN,
    Data,
    whole,
)
from routing.search.kernels.splits import first_split


@kernel
def span_with_break(data: Data, scratch: NDArray[np.int64], r: int, k: int, gap: int, option: int) -> int:
    """Return the shortest span of a swept route with a break in a gap, or BIG if there is no room for it."""
    vehicle = data.vehicle[r]
    stretch, length = vehicle[V_STRETCH], data.option[r, option, O_LENGTH]
    low, high = whole(-BIG), whole(BIG)
    if data.option[r, option, O_LUNCH] == 1:
        low, high = whole(vehicle[V_LUNCH_FROM]), whole(vehicle[V_LUNCH_TO])
    if gap == 0:
        depart, work_in, before = whole(scratch[T_LOW, k]), whole(0), whole(vehicle[V_LEAVE_BY])
    else:
        depart = whole(scratch[T_EARLY, gap - 1] + scratch[T_DURATION, gap - 1])
        work_in = whole(scratch[T_IN, gap - 1] + scratch[T_DURATION, gap - 1])
        before = whole(min(scratch[T_BY, gap - 1], vehicle[V_LEAVE_BY]))
    reached = max(depart + scratch[T_LEG, gap], low) + length
    if depart > high or reached > scratch[T_LATE, gap]:
        return BIG
    done = max(scratch[T_AT, gap], reached + scratch[T_OUT, gap])
    by = min(before, scratch[T_LATE, gap] - scratch[T_IN, gap] - length, high - work_in)
    span = max(done - by, scratch[T_IN, k] + length)
    if span > min(vehicle[V_SPAN], data.option[r, option, O_SPAN]):
        return BIG
    leave = min(by, done - scratch[T_IN, k] - length)
    earliest = max(depart, low, leave + work_in)
    latest = min(high, min(scratch[T_LATE, gap], done - scratch[T_OUT, gap]) - length)
    if max(earliest, done - stretch - length) > min(latest, leave + stretch):
        return BIG
    return whole(span)


@kernel
def break_code(data: Data, scratch: NDArray[np.int64], r: int, k: int) -> int:
    """Return the breaks of a swept route as a code: NO_BREAK, NEVER, or gaps and option of the breaks.

    The first that fits, or, where a day is limited, the one with the least work; T_CAP then holds its span.
    Where no single break does, the first in parts.
    """
    vehicle = data.vehicle[r]
    limited = vehicle[V_DAY] < BIG
    least, best = scratch[T_MOST, k] + 1, whole(NEVER)
    work = scratch[T_IN, k]
    by = min(scratch[T_LATE, 0] - scratch[T_IN, 0], vehicle[V_LEAVE_BY])
    done = max(scratch[T_AT, 0], scratch[T_LOW, k] + work)
    span = max(done - by, work)
    if span > vehicle[V_SPAN]:
        return NEVER
    if span <= vehicle[V_UNBROKEN]:
        if not limited:
            return NO_BREAK
        if span < least:
            least, best = span, whole(NO_BREAK)
            scratch[T_CAP, k] = span
    for option in range(vehicle[V_OPTIONS]):
        length = data.option[r, option, O_LENGTH]
        if work + length > min(vehicle[V_SPAN], data.option[r, option, O_SPAN]):
            continue
        for gap in range(k + 1):
            span = span_with_break(data, scratch, r, k, gap, option)
            if span == BIG:
                continue
            if not limited:
                return 1 + gap * OPTIONS + option
            if span - length < least:
                least, best = span - length, 1 + gap * OPTIONS + option
                scratch[T_CAP, k] = span
    return best if best != NEVER else first_split(data, scratch, r, k)
