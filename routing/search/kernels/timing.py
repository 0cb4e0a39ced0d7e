"""Whether a sequence of stops has a legal timetable, breaks included.

A stretch of a route maps the time x at which it is entered to the time it is left: max(done_at, x + work),
allowed for x <= by. Such triples concatenate in constant time, so a route keeps one for what lies before and
one for what lies after each position, and an insertion is judged by joining three of them. The shortest span
of a route is max(done_at - by, work), reached by finishing as early and leaving as late as possible.
"""

import numpy as np
from numpy.typing import NDArray

from routing.search.compiling import kernel
from routing.search.kernels.breaks import NEVER, NO_BREAK, OPTIONS, break_code
from routing.search.kernels.layout import (
    BIG,
    CODE,
    COST,
    COUNT,
    DEMAND,
    DIRTY,
    DURATION,
    EARLIEST,
    END_LINK,
    FIRST_LINK,
    HIGHEST,
    L_NURSES,
    L_OTHER,
    LATE_RATE,
    LOAD,
    LOCATION,
    LOWER,
    MOVED,
    N_OVERTIME,
    N_SOFT,
    N_TRAVEL,
    N_USE,
    N_WAITING,
    N_WISH,
    NOW,
    O_LENGTH,
    POSITION,
    R_DEPART,
    R_DONE_AT,
    R_FROM,
    R_LATE_ALL,
    R_LATE_NOW,
    R_LATE_OFF,
    R_LEAVE_BY,
    R_LEG,
    R_START_BY,
    R_TO,
    R_WORK_IN,
    R_WORK_OUT,
    ROUTE,
    SHARING,
    SOFT,
    T_AT,
    T_BY,
    T_DURATION,
    T_EARLY,
    T_HIGH,
    T_IN,
    T_LATE,
    T_LEG,
    T_LOCATION,
    T_LOW,
    T_OUT,
    T_SERVICE,
    T_WINDOW,
    TIED,
    TRIED,
    V_END,
    V_KIND,
    V_LATEST,
    V_OVERTIME_FROM,
    V_START,
    V_STRETCH,
    W_DUE,
    WINDOW,
    WISH_FROM,
    WISH_TO,
    WORK,
    Data,
    State,
    whole,
)
from routing.search.kernels.record import is_plain, note_lateness, record_all, record_plain, run_through
from routing.search.kernels.rota import day_left, is_coupled, leaves_from


@kernel
def lay_out(data: Data, state: State, r: int, position: int, s: int, window: int, low: int, high: int) -> int:
    """Write the stops of route r into scratch, with s at `position` (none if negative); return how many.

    At the place after them, T_LOW holds the earliest leaving and T_HIGH the most work.
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
    scratch[T_LOW, k] = leaves_from(data, state, r)
    scratch[T_HIGH, k] = day_left(data, state, r)
    return k


@kernel
def sweep(data: Data, scratch: NDArray[np.int64], r: int, k: int) -> bool:
    """Fill the forward and backward rows of scratch for the k stops in it; False if a time cannot be kept."""
    travel = data.travel[data.vehicle[r, V_KIND]]
    depart = scratch[T_LOW, k]
    at = data.vehicle[r, V_START]
    work = whole(0)
    by = whole(BIG)
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
    late = data.vehicle[r, V_LATEST]
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


@kernel
def per_minute(rate: int, seconds: int) -> int:
    """Return the points of so many seconds at a rate per minute, rounded up."""
    return (rate * seconds + 59) // 60


@kernel
def start_points(data: Data, s: int, window: int, start: int) -> int:
    """Return the points of lateness and wish when s starts then."""
    points = whole(0)
    late = start - data.window[s, window, W_DUE]
    if late > 0:
        points += per_minute(data.service[s, LATE_RATE], late)
    if data.number[N_WISH] > 0:
        off = max(data.service[s, WISH_FROM] - start, start - data.service[s, WISH_TO])
        if off > 0:
            points += per_minute(data.number[N_WISH], off)
    return points


@kernel
def soft_points(data: Data, state: State, r: int, k: int, code: int) -> tuple[int, int]:
    """Return the points of the times of k settled stops, and the largest lateness among them."""
    scratch = state.scratch
    points, highest = whole(0), whole(0)
    for i in range(k):
        s, window = scratch[T_SERVICE, i], scratch[T_WINDOW, i]
        points += start_points(data, s, window, scratch[T_EARLY, i])
        highest = max(highest, scratch[T_EARLY, i] - data.window[s, window, W_DUE])
    over = scratch[T_EARLY, k] - data.vehicle[r, V_OVERTIME_FROM]
    if over > 0:
        points += per_minute(data.number[N_OVERTIME], over)
    if data.number[N_WAITING] > 0:
        gap, length = whole(-1), whole(0)
        if code > 0:
            gap = (code - 1) // OPTIONS
            length = data.option[r, (code - 1) % OPTIONS, O_LENGTH]
        way = scratch[T_LEG, 0] + (length if gap == 0 else whole(0))
        leave = max(scratch[T_BY, k], scratch[T_EARLY, 0] - way)
        wait = scratch[T_EARLY, k] - leave - scratch[T_IN, k] - length
        points += per_minute(data.number[N_WAITING], wait)
    return points, highest


@kernel
def refresh(data: Data, state: State, r: int) -> bool:
    """Bring record, cost and break code of route r up to date; False if it has no timetable."""
    scratch = state.scratch
    k = state.route[r, COUNT]
    state.flag[DIRTY, r] = 0
    state.flag[MOVED, r] = 1
    state.flag[TRIED, r] = 1
    state.route[r, TIED] = is_coupled(data, r)
    for c in (LOAD, WORK, HIGHEST, SOFT):
        state.route[r, c] = 0
    record = state.record[NOW, r]
    if k == 0:
        record[0, R_FROM] = data.vehicle[r, V_START]
        record[0, R_DEPART] = leaves_from(data, state, r)
        record[0, R_WORK_IN] = 0
        record[0, R_LEAVE_BY] = 2**30
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
    code = whole(NO_BREAK)
    if plain:
        if not run_through(data, state, r):
            return False
        record_plain(data, state, r)
    else:
        lay_out(data, state, r, whole(-1), whole(0), whole(0), whole(0), whole(0))
        if not sweep(data, scratch, r, k):
            return False
        record_all(data, state, r, k)
        code = break_code(data, scratch, r, k)
    state.route[r, CODE] = code
    good = code != NEVER
    cost = data.number[N_USE] + data.number[N_TRAVEL] * scratch[T_LEG, k]
    for p in range(k):
        u = whole(state.sequence[r, p])
        state.placed[u, POSITION] = p
        state.route[r, LOAD] += data.service[u, DEMAND]
        for i in range(data.service[u, FIRST_LINK], data.service[u, END_LINK]):
            other = state.placed[data.link[i, L_OTHER], ROUTE]
            if other >= 0 and (other != r or data.link[i, L_NURSES] != SHARING):
                state.route[r, TIED] = 1
        cost += data.number[N_TRAVEL] * scratch[T_LEG, p] + data.extra[u, r]
    state.route[r, WORK] = scratch[T_IN, k]
    if good and data.number[N_SOFT] == 1:
        good = plain or settle(data, state, r, k, code)
        points, highest = soft_points(data, state, r, k, code)
        state.route[r, SOFT] = points
        state.route[r, HIGHEST] = highest
        note_lateness(data, state, r, k)
        cost += points
    state.route[r, COST] = cost
    return good


@kernel
def settle(data: Data, state: State, r: int, k: int, code: int) -> bool:
    """Raise T_EARLY of k swept stops to the least times that keep span and break; False if none do.

    At place k, T_EARLY then holds the return, T_BY the least leaving and T_OUT the length of the break.
    """
    scratch = state.scratch
    vehicle = data.vehicle[r]
    gap, length = whole(-1), whole(0)
    cap = scratch[T_DURATION, k]
    if code > 0:
        gap = (code - 1) // OPTIONS
        length = data.option[r, (code - 1) % OPTIONS, O_LENGTH]
    leave = scratch[T_LOW, k]
    pause = whole(-BIG)
    for _ in range(64):
        time = leave
        for i in range(k + 1):
            reached = time + scratch[T_LEG, i]
            if i == gap:
                pause = max(pause, time)
                reached = max(reached + length, pause + length)
            if i < k:
                start = max(scratch[T_LOW, i], reached)
                if start > scratch[T_HIGH, i]:
                    return False
                scratch[T_EARLY, i] = start
                time = start + scratch[T_DURATION, i]
            else:
                time = reached
        if time > vehicle[V_LATEST]:
            return False
        new_leave = max(leave, time - cap)
        new_pause = pause
        if gap >= 0:
            new_leave = max(new_leave, pause - vehicle[V_STRETCH])
            new_pause = max(pause, time - vehicle[V_STRETCH] - length)
        if new_leave == leave and new_pause == pause:
            scratch[T_EARLY, k] = time
            scratch[T_BY, k] = leave
            scratch[T_OUT, k] = length
            return True
        leave, pause = new_leave, new_pause
    return False


@kernel
def note_earliest(data: Data, state: State, r: int) -> None:
    """Store the swept or settled start of each linked stop of route r."""
    for p in range(state.route[r, COUNT]):
        u = whole(state.sequence[r, p])
        if data.service[u, FIRST_LINK] < data.service[u, END_LINK]:
            state.placed[u, EARLIEST] = state.scratch[T_EARLY, p]
