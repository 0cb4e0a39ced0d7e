"""Whether a swept route has room for the break it needs.

With one break of length x in a given gap the same two ends stay the best ones: a later leaving and an earlier
return only loosen the bounds on how long one may work before and after the break. So each gap is decided
exactly by one comparison of intervals.
"""

import numpy as np
from numpy.typing import NDArray

from routing.search.compiling import kernel
from routing.search.kernels.layout import (
    BIG,
    O_LENGTH,
    O_SPAN,
    T_AT,
    T_BY,
    T_DURATION,
    T_EARLY,
    T_HIGH,
    T_IN,
    T_LATE,
    T_LEG,
    T_LOW,
    T_OUT,
    V_DAY,
    V_OPTIONS,
    V_SPAN,
    V_STRETCH,
    V_UNBROKEN,
    Data,
    whole,
)

NO_BREAK = 0
NEVER = -1
OPTIONS = 16  # a code is 1 + gap * OPTIONS + option


@kernel
def span_with_break(data: Data, scratch: NDArray[np.int64], r: int, k: int, gap: int, option: int) -> int:
    """Return the shortest span of a swept route with a break in a gap, or BIG if there is no room for it."""
    vehicle = data.vehicle[r]
    stretch, length = vehicle[V_STRETCH], data.option[r, option, O_LENGTH]
    if gap == 0:
        depart, work_in, before = scratch[T_LOW, k], whole(0), whole(BIG)
    else:
        depart = scratch[T_EARLY, gap - 1] + scratch[T_DURATION, gap - 1]
        work_in = scratch[T_IN, gap - 1] + scratch[T_DURATION, gap - 1]
        before = scratch[T_BY, gap - 1]
    reached = depart + scratch[T_LEG, gap] + length
    if reached > scratch[T_LATE, gap]:
        return BIG
    done = max(scratch[T_AT, gap], reached + scratch[T_OUT, gap])
    by = min(before, scratch[T_LATE, gap] - scratch[T_IN, gap] - length)
    span = max(done - by, scratch[T_IN, k] + length)
    if span > min(vehicle[V_SPAN], data.option[r, option, O_SPAN]):
        return BIG
    leave = min(by, done - scratch[T_IN, k] - length)
    earliest = max(depart, leave + work_in)
    latest = min(scratch[T_LATE, gap], done - scratch[T_OUT, gap]) - length
    if max(earliest, done - stretch - length) > min(latest, leave + stretch):
        return BIG
    return whole(span)


@kernel
def break_code(data: Data, scratch: NDArray[np.int64], r: int, k: int) -> int:
    """Return the breaks of a swept route as a code: NO_BREAK, NEVER, or gap and option of the break.

    The first that fits, or, where a day is limited, the one with the least work. T_DURATION at place k then
    holds the longest span it allows.
    """
    vehicle = data.vehicle[r]
    limited = vehicle[V_DAY] < BIG
    least, best = scratch[T_HIGH, k] + 1, whole(NEVER)
    work = scratch[T_IN, k]
    by = scratch[T_LATE, 0] - scratch[T_IN, 0]
    done = max(scratch[T_AT, 0], scratch[T_LOW, k] + work)
    span = max(done - by, work)
    if span > vehicle[V_SPAN]:
        return NEVER
    if span <= vehicle[V_UNBROKEN]:
        scratch[T_DURATION, k] = span if limited else min(vehicle[V_SPAN], vehicle[V_UNBROKEN])
        if not limited:
            return NO_BREAK
        if span < least:
            least, best = span, whole(NO_BREAK)
    for option in range(vehicle[V_OPTIONS]):
        length = data.option[r, option, O_LENGTH]
        cap = min(vehicle[V_SPAN], data.option[r, option, O_SPAN])
        if work + length > cap:
            continue
        for gap in range(k + 1):
            span = span_with_break(data, scratch, r, k, gap, option)
            if span == BIG:
                continue
            if not limited:
                scratch[T_DURATION, k] = cap
                return 1 + gap * OPTIONS + option
            if span - length < least:
                scratch[T_DURATION, k] = span
                least, best = span - length, 1 + gap * OPTIONS + option
    return best
