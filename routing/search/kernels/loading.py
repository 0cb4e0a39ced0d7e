"""A plan taken over as it was: the one to begin with, or a piece of the present one."""

from routing.search.compiling import kernel, woven
from routing.search.kernels.insertion import keeps_order, place, put
from routing.search.kernels.layout import (
    BEST_COUNT,
    BEST_START,
    BEST_WINDOW,
    BIG,
    COUNT,
    DEMAND,
    DIRTY,
    END_LINK,
    END_SERVICE,
    FIRST_LINK,
    FIRST_SERVICE,
    HOME,
    K_BEST,
    LOAD,
    PENALTY,
    ROUTE,
    S_ABSENT,
    S_COST,
    TOIL,
    V_CAPACITY,
    Data,
    State,
    whole,
)
from routing.search.kernels.links import (
    nurse_fits,
    propagate,
    push,
    refresh_dirty,
    relax,
    restore_bounds,
    save_bounds,
)
from routing.search.kernels.recreate import take_back
from routing.search.kernels.ruin import save_route
from routing.search.kernels.timing import refresh


@kernel
def start_empty(data: Data, state: State) -> None:
    """Take everything out of all routes."""
    state.number[S_COST] = 0
    for visit in range(len(data.visit)):
        state.absent[visit] = visit
        state.number[S_COST] += data.visit[visit, PENALTY]
    state.number[S_ABSENT] = len(data.visit)
    for r in range(len(data.vehicle)):
        for p in range(state.route[r, COUNT]):
            state.placed[state.sequence[r, p], ROUTE] = -1
        state.route[r, COUNT] = 0
        state.route[r, HOME] = -BIG
        state.route[r, TOIL] = 0
    for r in range(len(data.vehicle)):
        refresh(data, state, whole(r))


@woven
def append(data: Data, state: State, r: int, s: int) -> None:
    """Put s at the end of route r in the window written for it, if the rules allow it there."""
    end = state.route[r, COUNT]
    fits = data.extra[s, r] >= 0 and nurse_fits(data, state, s, r) and end < state.sequence.shape[1]
    if state.route[r, LOAD] + data.service[s, DEMAND] > data.vehicle[r, V_CAPACITY]:
        fits = False
    if not fits or not keeps_order(data, state, r, end, s):
        return
    save_route(state, r)
    save_bounds(data, state, whole(1))
    if not place(data, state, r, end, s, whole(state.placed[s, BEST_WINDOW])):
        take_back(state, s)
        restore_bounds(data, state, whole(1))
        refresh_dirty(data, state)


@woven
def lay(data: Data, state: State) -> None:
    """Put the stops of the plan written where the best one is kept into its routes.

    What is linked begins when it began there, if that is known: with a start of its own each route has room
    for its break.
    """
    for r in range(len(data.vehicle)):
        carried = whole(0)
        for p in range(state.flag[BEST_COUNT, r]):
            s = whole(state.kept[K_BEST, r, p])
            window, end = whole(state.placed[s, BEST_WINDOW]), state.route[r, COUNT]
            fits = data.extra[s, r] >= 0 and carried + data.service[s, DEMAND] <= data.vehicle[r, V_CAPACITY]
            if not fits or end == state.sequence.shape[1] or not nurse_fits(data, state, s, r):
                continue
            if keeps_order(data, state, r, end, s):
                carried += data.service[s, DEMAND]
                low = whole(data.window[s, window, 0])
                if data.service[s, FIRST_LINK] < data.service[s, END_LINK]:
                    low = max(low, whole(state.placed[s, BEST_START]))
                put(state, r, end, s, window, low)
                state.flag[DIRTY, r] = 1


@kernel
def list_absent(data: Data, state: State) -> None:
    """List the visits that are not whole in the routes; what is there of one is taken out."""
    absent = whole(0)
    for visit in range(len(data.visit)):
        done = True
        for i in range(data.visit[visit, FIRST_SERVICE], data.visit[visit, END_SERVICE]):
            done = done and state.placed[data.member[i], ROUTE] >= 0
        if done:
            state.number[S_COST] -= data.visit[visit, PENALTY]
            continue
        for i in range(data.visit[visit, FIRST_SERVICE], data.visit[visit, END_SERVICE]):
            take_back(state, whole(data.member[i]))
        state.absent[absent] = visit
        absent += 1
    state.number[S_ABSENT] = absent


@woven
def load(data: Data, state: State) -> None:
    """Take over the plan written where the best one is kept, but for the visits that it cannot hold.

    At first whole: stop by stop, breaks take other gaps on the way, and what is linked may find no time.
    """
    lay(data, state)
    list_absent(data, state)
    tail = whole(0)
    for r in range(len(data.vehicle)):
        if state.flag[DIRTY, r] == 1:
            tail = push(state, tail, whole(r))
    if propagate(data, state, tail) and refresh_dirty(data, state):
        return
    start_empty(data, state)
    for r in range(len(data.vehicle)):
        for p in range(state.flag[BEST_COUNT, r]):
            append(data, state, r, whole(state.kept[K_BEST, r, p]))
    list_absent(data, state)
    if not relax(data, state):  # where a detour is shorter than the way, less may take longer
        start_empty(data, state)
