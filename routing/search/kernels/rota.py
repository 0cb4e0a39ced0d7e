"""What the other routes of a nurse leave to one: when it may leave, and how long it may work."""

from routing.search.compiling import kernel
from routing.search.kernels.layout import (
    BIG,
    D_GAP,
    D_OTHER,
    HOME,
    TOIL,
    V_DAY,
    V_EARLIER,
    V_EARLIEST,
    V_END_MATES,
    V_LATER,
    V_MATES,
    Data,
    State,
    whole,
)


@kernel
def is_coupled(data: Data, r: int) -> bool:
    """Tell whether other routes may bind that of vehicle r, or the limit of a day."""
    return bool(data.vehicle[r, V_EARLIER] < data.vehicle[r, V_END_MATES] or data.vehicle[r, V_DAY] < BIG)


@kernel
def leaves_from(data: Data, state: State, r: int) -> int:
    """Return when vehicle r may leave at the earliest: after the returns it waits for."""
    time = data.vehicle[r, V_EARLIEST]
    for i in range(data.vehicle[r, V_EARLIER], data.vehicle[r, V_LATER]):
        time = max(time, state.route[data.duty[i, D_OTHER], HOME] + data.duty[i, D_GAP])
    return whole(time)


@kernel
def day_left(data: Data, state: State, r: int) -> int:
    """Return how much vehicle r may work beside the other shifts of its nurse on the same day."""
    left = data.vehicle[r, V_DAY]
    for i in range(data.vehicle[r, V_MATES], data.vehicle[r, V_END_MATES]):
        left -= state.route[data.duty[i, D_OTHER], TOIL]
    return whole(left)
