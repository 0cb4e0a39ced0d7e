"""Whether a sequence of stops has a legal timetable, breaks included.

A stretch of a route maps the time x at which it is entered to the time it is left: max(done_at, x + work),
allowed for x <= by. Such triples concatenate in constant time, so a route keeps one for what lies before and
one for what lies after each position, and an insertion is judged by joining three of them. The shortest span
of a route is max(done_at - by, work), reached by finishing as early and leaving as late as possible.
"""

import numpy as np
from numpy.typing import NDArray

from routing.search.compiling import kernel, woven
from routing.search.kernels.breaks import break_code
from routing.search.kernels.codes import NEVER, NO_BREAK, gap_of, rest_of
from routing.search.kernels.layout import (
    BIG,
    BOUND,
    CODE,
    COST,
    COUNT,
    DEMAND,
    DIRTY,
    DURATION,
    EARLIEST,
    END_LINK,
    FIRST_LINK,
    FREE,
    HIGHEST,
    HOME,
    IDLE,
    L_LEAST,
    L_MOST,
    L_NURSES,
    L_OTHER,
    LEFT,
    LINKED,
    LOAD,
    LOCATION,
    LOWER,
    MOVED,
    N_SOFT,
    N_TRAVEL,
    N_USE,
    NOW,
    PEAK,
    POSITION,
    R_DEPART,
    R_DONE_AT,
    R_FROM,
    R_LATE_ALL,
    R_LATE_NOW,
    R_LATE_OFF,
    R_LEAVE_BY,
    R_LEG,
    R_START,
    R_START_BY,
    R_TO,
    R_WORK_IN,
    R_WORK_OUT,
    ROUTE,
    SHARING,
    SOFT,
    T_AT,
    T_BY,
    T_CAP,
    T_DURATION,
    T_EARLY,
    T_HIGH,
    T_IN,
    T_LATE,
    T_LEG,
    T_LOCATION,
    T_LOW,
    T_MOST,
    T_OUT,
    T_PEAK,
    T_SERVICE,
    T_WINDOW,
    TIED,
    TOIL,
    TRIED,
    V_DAY,
    V_END,
    V_HOURS,
    V_KIND,
    V_LATEST,
    V_LEAVE_BY,
    V_OVERTIME_FROM,
    V_SHIFT,
    V_START,
    WINDOW,
    WORK,
    Data,
    State,
    whole,
)
from routing.search.kernels.record import is_plain, note_lateness, record_all, record_plain, run_through
from routing.search.kernels.rota import day_left, is_coupled, leaves_from
from routing.search.kernels.soft import (
    choose,
    settle,
    soft_points,
    window_points,
)


@kernel
def lay_out(data: Data, state: State, r: int, position: int, s: int, window: int, low: int, high: int) -> int:
    """Write the stops of route r into scratch, with s at `position` (none if negative); return how many.

    The place after them tells what the vehicle and other routes allow.
    """
    scratch = state.scratch
    k = 0
    for p in range(state.route[r, COUNT] + 1):
        if p == position:
            scratch[T_LOCATION, k] = data.service[s, LOCATION]
            scratch[T_DURATION, k] = data.service[s, DURATION]
            scratch[T_LOW, k] = low
            scratch[T_HIGH, k] = high
            scratch[T_SERVICE, k] = s
            scratch[T_WINDOW, k] = window
            k += 1
        if p < state.route[r, COUNT]:
            u = whole(state.sequence[r, p])
            scratch[T_LOCATION, k] = data.service[u, LOCATION]
            scratch[T_DURATION, k] = data.service[u, DURATION]
            scratch[T_LOW, k] = state.placed[u, LOWER]
            scratch[T_HIGH, k] = data.window[u, state.placed[u, WINDOW], 1]
            scratch[T_SERVICE, k] = u
            scratch[T_WINDOW, k] = state.placed[u, WINDOW]
            k += 1
    scratch[T_LOCATION, -1] = data.vehicle[r, V_START]
    scratch[T_LOCATION, k] = data.vehicle[r, V_END]
    scratch[T_LOW, k] = leaves_from(data, state, r)
    scratch[T_HIGH, k] = data.vehicle[r, V_LATEST]
    scratch[T_MOST, k] = day_left(data, state, r)
    scratch[T_CAP, k] = BIG
    return k


@kernel
def sweep(data: Data, scratch: NDArray[np.int64], r: int, k: int) -> bool:
    """Fill the forward and backward rows of scratch for the k stops in it; False if a time cannot be kept."""
    travel = data.travel[data.vehicle[r, V_KIND]]
    depart = scratch[T_LOW, k]
    if depart > data.vehicle[r, V_LEAVE_BY]:
        return False
    at = data.vehicle[r, V_START]
    work = whole(0)
    by = whole(data.vehicle[r, V_LEAVE_BY])
    for i in range(k):
        leg = whole(travel[at, scratch[T_LOCATION, i]])
        at = scratch[T_LOCATION, i]
        start = max(scratch[T_LOW, i], depart + leg)
        if start > scratch[T_HIGH, i]:
            return False
        work += leg
        by = min(by, scratch[T_HIGH, i] - work)
        scratch[T_LEG, i] = leg
        scratch[T_EARLY, i] = start
        scratch[T_IN, i] = work
        scratch[T_BY, i] = by
        work += scratch[T_DURATION, i]
        depart = start + scratch[T_DURATION, i]
    leg = whole(travel[at, data.vehicle[r, V_END]])
    late = scratch[T_HIGH, k]
    if depart + leg > late:
        return False
    scratch[T_LEG, k] = leg
    scratch[T_IN, k] = work + leg
    scratch[T_LATE, k] = late
    scratch[T_AT, k] = -BIG
    scratch[T_OUT, k] = 0
    for i in range(k - 1, -1, -1):
        out = scratch[T_OUT, i + 1] + scratch[T_LEG, i + 1] + scratch[T_DURATION, i]
        late = min(scratch[T_HIGH, i], late - scratch[T_LEG, i + 1] - scratch[T_DURATION, i])
        scratch[T_LATE, i] = late
        scratch[T_OUT, i] = out
        scratch[T_AT, i] = max(scratch[T_AT, i + 1], scratch[T_LOW, i] + out)
    return True


@woven
def pick(data: Data, state: State, r: int, k: int) -> int:
    """Return the break of a swept route as a code: the first that is legal; where times cost, the best."""
    if data.number[N_SOFT] == 1:
        return choose(data, state, r, k)
    return break_code(data, state.scratch, r, k)


@kernel
def pin(data: Data, state: State, r: int, k: int) -> None:
    """Fix the starts of those among k stops that are tied to stops of other routes, and route r if bound."""
    scratch = state.scratch
    if state.route[r, TIED] == BOUND:
        scratch[T_LOW, k] = state.route[r, LEFT]
        scratch[T_HIGH, k] = state.route[r, HOME]
        if data.vehicle[r, V_DAY] < BIG:
            scratch[T_MOST, k] = state.route[r, TOIL]
    for p in range(k):
        u = scratch[T_SERVICE, p]
        for i in range(data.service[u, FIRST_LINK], data.service[u, END_LINK]):
            if is_timed(data, i) and state.placed[data.link[i, L_OTHER], ROUTE] >= 0:
                scratch[T_LOW, p] = state.placed[u, EARLIEST]
                scratch[T_HIGH, p] = state.placed[u, EARLIEST]


@kernel
def is_timed(data: Data, link: int) -> bool:
    """Tell whether a link says anything on times, and not only on nurses."""
    return bool(data.link[link, L_LEAST] > -BIG or data.link[link, L_MOST] < BIG)


@woven
def time_stops(data: Data, state: State, r: int, k: int, plain: bool) -> bool:  # noqa: FBT001 - a kernel
    """Settle k swept stops with the cheapest break and note what that costs; False if there is none.

    Those of a `plain` vehicle that were run through are settled already.
    """
    scratch = state.scratch
    good, code = True, whole(NO_BREAK)
    if not plain:
        if state.route[r, TIED] != FREE:
            pin(data, state, r, k)
            good = sweep(data, scratch, r, k)
        code = choose(data, state, r, k) if good else whole(NEVER)
        good = code != NEVER and settle(data, state, r, k, code)
    state.route[r, CODE] = code
    points, highest = soft_points(data, state, r, k, code)
    state.route[r, SOFT] = points
    state.route[r, HIGHEST] = highest
    if data.vehicle[r, V_HOURS] > 0:
        state.route[r, PEAK] = scratch[T_PEAK, k]
        state.route[r, WORK] = scratch[T_IN, k]
    over = max(whole(0), scratch[T_EARLY, k] - data.vehicle[r, V_OVERTIME_FROM])
    state.route[r, IDLE] += over - scratch[T_IN, k] - rest_of(data, r, code)
    return bool(good)


@kernel
def tie_of(data: Data, state: State, r: int, u: int) -> int:
    """Return how stop u of route r ties it to other routes."""
    tie = whole(FREE)
    for i in range(data.service[u, FIRST_LINK], data.service[u, END_LINK]):
        other = state.placed[data.link[i, L_OTHER], ROUTE]
        if data.link[i, L_NURSES] == SHARING and other >= 0 and other != r:
            return BOUND
        if is_timed(data, i) and other >= 0:
            tie = whole(LINKED)
    return tie


@kernel
def refresh(data: Data, state: State, r: int) -> bool:
    """Bring record, cost and break code of route r up to date; False if it has no timetable."""
    scratch = state.scratch
    k = state.route[r, COUNT]
    state.flag[DIRTY, r] = 0
    state.flag[MOVED, r] = 1
    state.flag[TRIED, r] = 1
    state.route[r, TIED] = BOUND if is_coupled(data, r) else FREE
    for c in (LOAD, WORK, HIGHEST, SOFT, PEAK):
        state.route[r, c] = 0
    state.route[r, IDLE] = data.vehicle[r, V_SHIFT]
    record = state.record[NOW, r]
    if k == 0:
        record[0, R_FROM] = data.vehicle[r, V_START]
        record[0, R_DEPART] = leaves_from(data, state, r)
        record[0, R_WORK_IN] = 0
        record[0, R_LEAVE_BY] = data.vehicle[r, V_LEAVE_BY]
        record[0, R_TO] = data.vehicle[r, V_END]
        record[0, R_START_BY] = data.vehicle[r, V_LATEST]
        record[0, R_DONE_AT] = -(2**30)
        record[0, R_WORK_OUT] = 0
        record[0, R_LATE_ALL] = 0
        record[0, R_LATE_OFF] = 0
        record[0, R_LATE_NOW] = 0
        record[0, R_LEG] = 0  # who does not leave does not travel
        state.route[r, CODE] = NO_BREAK
        state.route[r, COST] = 0
        return True
    plain = is_plain(data, r)
    if plain:
        if not run_through(data, state, r):
            return False
        record_plain(data, state, r)
    else:
        lay_out(data, state, r, whole(-1), whole(0), whole(0), whole(0), whole(0))
        if not sweep(data, scratch, r, k):
            return False
        record_all(data, state, r, k)
    cost = data.number[N_USE] + data.number[N_TRAVEL] * scratch[T_LEG, k]
    for p in range(k):
        u = whole(state.sequence[r, p])
        state.placed[u, POSITION] = p
        state.route[r, LOAD] += data.service[u, DEMAND]
        state.route[r, TIED] = max(state.route[r, TIED], tie_of(data, state, r, u))
        cost += data.number[N_TRAVEL] * scratch[T_LEG, p] + data.extra[u, r]
        cost += window_points(data, r, u, state.placed[u, WINDOW])
    state.route[r, WORK] = scratch[T_IN, k]
    good = True
    if data.number[N_SOFT] == 1:
        good = time_stops(data, state, r, k, plain)
        note_lateness(data, state, r, k)
        cost += state.route[r, SOFT]
    else:
        state.route[r, CODE] = NO_BREAK if plain else break_code(data, scratch, r, k)
        good = bool(state.route[r, CODE] != NEVER)
    for p in range(k + 1):
        record[p, R_START] = scratch[T_EARLY, p]
        if data.vehicle[r, V_HOURS] > 0 and p > 0:
            rest = rest_of(data, r, state.route[r, CODE]) if gap_of(state.route[r, CODE]) < p else whole(0)
            free = scratch[T_EARLY, p - 1] + scratch[T_DURATION, p - 1] - rest
            record[p, R_DEPART] = max(whole(record[p, R_DEPART]), free)
    state.route[r, COST] = cost
    return good


@kernel
def note_earliest(data: Data, state: State, r: int) -> None:
    """Store the swept or settled start of each linked stop of route r."""
    for p in range(state.route[r, COUNT]):
        u = whole(state.sequence[r, p])
        if data.service[u, FIRST_LINK] < data.service[u, END_LINK]:
            state.placed[u, EARLIEST] = state.scratch[T_EARLY, p]
