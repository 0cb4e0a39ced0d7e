"""What routes of the same nurse or with the same things leave to one: when it leaves, how much it works."""

from routing.search.compiling import kernel
from routing.search.kernels.layout import (
    BIG,
    COUNT,
    D_GAP,
    D_OTHER,
    END_LINK,
    FIRST_LINK,
    HOME,
    L_NURSES,
    L_OTHER,
    N_SHARING,
    ROUTE,
    SHARING,
    TOIL,
    V_DAY,
    V_EARLIER,
    V_EARLIEST,
    V_END_MATES,
    V_LATER,
    V_MATES,
    V_RANK,
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
    if data.number[N_SHARING] == 1:
        for p in range(state.route[r, COUNT]):
            u = whole(state.sequence[r, p])
            for i in range(data.service[u, FIRST_LINK], data.service[u, END_LINK]):
                other = state.placed[data.link[i, L_OTHER], ROUTE]
                if data.link[i, L_NURSES] != SHARING or other < 0:
                    continue
                if data.vehicle[other, V_RANK] < data.vehicle[r, V_RANK]:
                    time = max(time, state.route[other, HOME])
    return whole(time)


@kernel
def day_left(data: Data, state: State, r: int) -> int:
    """Return how much vehicle r may work beside the other shifts of its nurse on the same day."""
    left = data.vehicle[r, V_DAY]
    for i in range(data.vehicle[r, V_MATES], data.vehicle[r, V_END_MATES]):
        left -= state.route[data.duty[i, D_OTHER], TOIL]
    return whole(left)
