"""Ways that depend on the hour: the definition of `routing.matrices.Travel` for the kernels.

`Data.travel` holds the least seconds of each way, so that whatever is read from it is a bound; what a way
really takes is said here, once it is known when she sets out.
"""

from routing.search.compiling import kernel
from routing.search.kernels.layout import (
    B_MATRIX,
    B_START,
    V_HOURS,
    V_KIND,
    Data,
    whole,
)

WHOLE_WAY = 2**32
LONGEST = 2**29  # a longer way leads nowhere


@kernel
def arrive(data: Data, r: int, origin: int, destination: int, leaves: int) -> int:
    """Return when vehicle r is there if it sets out then."""
    bands = data.band[data.vehicle[r, V_KIND]]
    last = data.vehicle[r, V_HOURS]
    here = whole(0)
    while here < last and bands[here + 1, B_START] <= leaves:
        here += 1
    left, time = whole(WHOLE_WAY), leaves
    while True:
        way = whole(data.by_band[bands[here, B_MATRIX], origin, destination])
        if way > LONGEST:
            return time + way
        needed = (left * way + WHOLE_WAY - 1) >> 32
        if here == last or time + needed <= bands[here + 1, B_START]:
            return whole(time + needed)
        here += 1
        left -= ((bands[here, B_START] - time) * WHOLE_WAY + way - 1) // way
        time = bands[here, B_START]


@kernel
def leave_by(data: Data, r: int, origin: int, destination: int, arrives: int) -> int:
    """Return the last second at which vehicle r sets out so as to be there by a time."""
    kind = data.vehicle[r, V_KIND]
    if data.vehicle[r, V_HOURS] == 0:
        return whole(arrives - data.travel[kind, origin, destination])
    most = whole(0)
    for here in range(data.vehicle[r, V_HOURS] + 1):
        most = max(most, whole(data.by_band[data.band[kind, here, B_MATRIX], origin, destination]))
    low, high = arrives - most, arrives - whole(data.travel[kind, origin, destination])
    while low < high:
        middle = (low + high + 1) // 2
        if arrive(data, r, origin, destination, middle) <= arrives:
            low = middle
        else:
            high = middle - 1
    return whole(low)
