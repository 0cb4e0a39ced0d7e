"""How a change in one route moves the linked services of others.

Given routes, windows and breaks, all rules on times are lower bounds of the form t_b >= t_a + c, so the best
timetable is their least fixpoint. `LOWER` holds for each linked service the bound its partners put on it;
routes whose bounds rise are timed again until nothing rises, or until a service would start after its window.
"""

from routing.search.compiling import kernel, woven
from routing.search.kernels.codes import NEVER, NO_BREAK, rest_of
from routing.search.kernels.layout import (
    AFFECTED,
    BIG,
    CODE,
    COUNT,
    D_OTHER,
    DIFFERENT,
    DIRTY,
    EARLIEST,
    END_LINK,
    FIRST_LINK,
    FREE,
    HOME,
    L_LEAST,
    L_MOST,
    L_NURSES,
    L_OTHER,
    LEFT,
    LOWER,
    N_COUPLED,
    N_SHARING,
    NOW,
    POSITION,
    QUEUE,
    QUEUED,
    R_START_BY,
    ROUTE,
    SAME,
    SHARING,
    T_BY,
    T_EARLY,
    TIED,
    TOIL,
    V_LATER,
    V_MATES,
    V_NURSE,
    V_RANK,
    WINDOW,
    Data,
    State,
    whole,
)
from routing.search.kernels.record import is_plain, run_through
from routing.search.kernels.soft import settle
from routing.search.kernels.timing import is_timed, lay_out, pick, refresh, sweep


@kernel
def is_bound(data: Data, state: State, s: int) -> bool:
    """Tell whether a partner in a route has a say in when s starts."""
    for i in range(data.service[s, FIRST_LINK], data.service[s, END_LINK]):
        says = is_timed(data, i) or data.link[i, L_NURSES] == SHARING
        if says and state.placed[data.link[i, L_OTHER], ROUTE] >= 0:
            return True
    return False


@kernel
def nurse_fits(data: Data, state: State, s: int, r: int) -> bool:
    """Tell whether vehicle r may do s beside the partners of s that are in routes."""
    for i in range(data.service[s, FIRST_LINK], data.service[s, END_LINK]):
        other = state.placed[data.link[i, L_OTHER], ROUTE]
        if other < 0:
            continue
        same = data.vehicle[other, V_NURSE] == data.vehicle[r, V_NURSE]
        if data.link[i, L_NURSES] == SAME and not same:
            return False
        if data.link[i, L_NURSES] == DIFFERENT and same:
            return False
    return True


@kernel
def bounds_of(data: Data, state: State, s: int) -> tuple[int, int]:
    """Return the earliest and latest start that the placed partners leave to s before they move."""
    low, high = whole(-BIG), whole(BIG)
    for i in range(data.service[s, FIRST_LINK], data.service[s, END_LINK]):
        v = data.link[i, L_OTHER]
        r = state.placed[v, ROUTE]
        if r < 0:
            continue
        low = max(low, state.placed[v, EARLIEST] - data.link[i, L_MOST])
        start_by = whole(state.record[NOW, r, state.placed[v, POSITION], R_START_BY])
        high = min(high, start_by - data.link[i, L_LEAST])
    return low, high


@kernel
def save_bounds(data: Data, state: State, level: int) -> None:
    """Keep the bounds of all linked services and of all nurses with several shifts, to come back to."""
    linked = len(data.linked)
    for i in range(linked):
        state.old_bound[level, i, 0] = state.placed[data.linked[i], LOWER]
        state.old_bound[level, i, 1] = state.placed[data.linked[i], EARLIEST]
    if data.number[N_COUPLED] == 1:
        for r in range(len(data.vehicle)):
            state.old_bound[level, linked + r, 0] = state.route[r, HOME]
            state.old_bound[level, linked + r, 1] = state.route[r, TOIL]
            state.old_bound[level, linked + r, 2] = state.route[r, LEFT]


@kernel
def restore_bounds(data: Data, state: State, level: int) -> None:
    """Come back to the bounds kept at this level."""
    linked = len(data.linked)
    for i in range(linked):
        state.placed[data.linked[i], LOWER] = state.old_bound[level, i, 0]
        state.placed[data.linked[i], EARLIEST] = state.old_bound[level, i, 1]
    if data.number[N_COUPLED] == 1:
        for r in range(len(data.vehicle)):
            state.route[r, HOME] = state.old_bound[level, linked + r, 0]
            state.route[r, TOIL] = state.old_bound[level, linked + r, 1]
            state.route[r, LEFT] = state.old_bound[level, linked + r, 2]


@kernel
def push(state: State, tail: int, r: int) -> int:
    """Put route r into the queue unless it waits there; return the new tail."""
    if state.flag[QUEUED, r] == 0:
        state.flag[QUEUED, r] = 1
        state.flag[QUEUE, tail % state.flag.shape[1]] = r
        tail += 1
    return tail


@kernel
def push_partners(data: Data, state: State, tail: int, s: int) -> int:
    """Queue the routes of the placed partners of s."""
    for i in range(data.service[s, FIRST_LINK], data.service[s, END_LINK]):
        other = state.placed[data.link[i, L_OTHER], ROUTE]
        if other >= 0:
            tail = push(state, tail, other)
    return tail


@kernel
def raise_partners(data: Data, state: State, tail: int, u: int) -> int:
    """Pass the new earliest start of u on to its partners; return the new tail, or -1 if a window closes."""
    for i in range(data.service[u, FIRST_LINK], data.service[u, END_LINK]):
        v = data.link[i, L_OTHER]
        if state.placed[v, ROUTE] < 0:
            continue
        bound = state.placed[u, EARLIEST] + data.link[i, L_LEAST]
        if bound <= state.placed[v, LOWER]:
            continue
        if bound > data.window[v, state.placed[v, WINDOW], 1]:
            return -1
        state.placed[v, LOWER] = bound
        tail = push(state, tail, state.placed[v, ROUTE])
    return tail


@kernel
def push_later(data: Data, state: State, tail: int, r: int) -> int:
    """Queue the routes that wait for that of vehicle r; return the new tail."""
    for i in range(data.vehicle[r, V_LATER], data.vehicle[r, V_MATES]):
        tail = push(state, tail, data.duty[i, D_OTHER])
    if data.number[N_SHARING] == 1:
        for p in range(state.route[r, COUNT]):
            u = whole(state.sequence[r, p])
            for i in range(data.service[u, FIRST_LINK], data.service[u, END_LINK]):
                other = state.placed[data.link[i, L_OTHER], ROUTE]
                if data.link[i, L_NURSES] != SHARING or other < 0:
                    continue
                if data.vehicle[other, V_RANK] > data.vehicle[r, V_RANK]:
                    tail = push(state, tail, other)
    return tail


@kernel
def note_duty(state: State, r: int, home: int, left: int, toil: int) -> bool:
    """Store when route r is out and how much it works; tell whether it is back later than before."""
    later = home > state.route[r, HOME]
    state.route[r, HOME] = home
    state.route[r, LEFT] = left
    state.route[r, TOIL] = toil
    return bool(later)


@kernel
def drain(state: State, head: int, tail: int) -> None:
    """Empty the queue."""
    while head < tail:
        state.flag[QUEUED, state.flag[QUEUE, head % state.flag.shape[1]]] = 0
        head += 1


@woven
def retime(data: Data, state: State, r: int) -> bool:
    """Bring the starts of route r in scratch up to date, its break too; False if it has no timetable."""
    code = whole(NO_BREAK)
    if is_plain(data, r):
        state.route[r, CODE] = code
        return run_through(data, state, r)
    k = lay_out(data, state, r, whole(-1), whole(0), whole(0), whole(0), whole(0))
    if not sweep(data, state.scratch, r, k):
        return False
    code = pick(data, state, r, k)
    if code == NEVER or not settle(data, state, r, k, code):
        return False
    state.route[r, CODE] = code
    return True


@kernel
def propagate(data: Data, state: State, tail: int) -> bool:
    """Time the queued routes, and those they move, until nothing moves; False if there is no timetable.

    On False the bounds are part-way: the caller restores them.
    """
    head = whole(0)
    for _ in range(40 * (state.flag.shape[1] + 8)):
        if head == tail:
            return True
        r = whole(state.flag[QUEUE, head % state.flag.shape[1]])
        head += 1
        state.flag[QUEUED, r] = 0
        state.flag[DIRTY, r] = 1
        k = state.route[r, COUNT]
        if k == 0:
            note_duty(state, r, whole(-BIG), whole(-BIG), whole(0))
            continue
        if not retime(data, state, r):
            drain(state, head, tail)
            return False
        if data.number[N_COUPLED] == 1:
            home, left = state.scratch[T_EARLY, k], state.scratch[T_BY, k]
            if note_duty(state, r, home, left, home - left - rest_of(data, r, state.route[r, CODE])):
                tail = push_later(data, state, tail, r)
        for p in range(k):
            u = whole(state.sequence[r, p])
            if data.service[u, FIRST_LINK] == data.service[u, END_LINK]:
                continue
            state.placed[u, EARLIEST] = state.scratch[T_EARLY, p]
            new_tail = raise_partners(data, state, tail, u)
            if new_tail < 0:
                drain(state, head, tail)
                return False
            tail = new_tail
    drain(state, head, tail)
    return False


@woven
def mark_affected(data: Data, state: State) -> int:
    """Queue the routes whose starts may fall: the dirty ones, and those that theirs had raised.

    Returns:
        How many wait in the queue.
    """
    tail = whole(0)
    for r in range(len(data.vehicle)):
        state.flag[AFFECTED, r] = 0
        if state.flag[DIRTY, r] == 1:
            tail = push(state, tail, whole(r))
    head = whole(0)
    while head < tail:
        r = whole(state.flag[QUEUE, head])
        head += 1
        state.flag[AFFECTED, r] = 1
        tail = push_later(data, state, tail, r)
        for p in range(state.route[r, COUNT]):
            u = whole(state.sequence[r, p])
            for i in range(data.service[u, FIRST_LINK], data.service[u, END_LINK]):
                v = data.link[i, L_OTHER]
                bound = state.placed[u, EARLIEST] + data.link[i, L_LEAST]
                if state.placed[v, ROUTE] < 0 or state.placed[v, LOWER] != bound:
                    continue
                if bound > data.window[v, state.placed[v, WINDOW], 0]:
                    tail = push(state, tail, state.placed[v, ROUTE])
    return tail


@kernel
def relax(data: Data, state: State) -> bool:
    """Time all routes anew whose starts may fall after something was taken out; False if that fails."""
    tail = mark_affected(data, state)
    for j in range(tail):
        r = whole(state.flag[QUEUE, j])
        note_duty(state, r, whole(-BIG), whole(-BIG), whole(0))
        for p in range(state.route[r, COUNT]):
            u = whole(state.sequence[r, p])
            low = data.window[u, state.placed[u, WINDOW], 0]
            for i in range(data.service[u, FIRST_LINK], data.service[u, END_LINK]):
                v = data.link[i, L_OTHER]
                if state.placed[v, ROUTE] >= 0 and state.flag[AFFECTED, state.placed[v, ROUTE]] == 0:
                    low = max(low, state.placed[v, EARLIEST] - data.link[i, L_MOST])
            state.placed[u, LOWER] = low
            if data.service[u, FIRST_LINK] < data.service[u, END_LINK]:
                state.placed[u, EARLIEST] = low
    return propagate(data, state, tail) and refresh_dirty(data, state)


@kernel
def refresh_dirty(data: Data, state: State) -> bool:
    """Bring the records of all routes that moved up to date."""
    good = True
    for r in range(len(data.vehicle)):
        if state.flag[DIRTY, r] == 1:
            good = refresh(data, state, r) and good
    return good


@kernel
def ties(state: State, r: int) -> bool:
    """Tell whether a move in route r may move other routes."""
    return bool(state.route[r, TIED] != FREE)
