"""What one more stop adds to a route, looked at without changing anything."""

import numpy as np
from numpy.typing import NDArray

from routing.search.compiling import kernel
from routing.search.kernels.breaks import break_code
from routing.search.kernels.codes import NEVER, OPTIONS, SPLIT, gap_of
from routing.search.kernels.hours import arrive
from routing.search.kernels.layout import (
    CODE,
    COUNT,
    DURATION,
    IDLE,
    LOCATION,
    N_BALANCE,
    N_IDLE,
    N_OVERTIME,
    N_SOFT,
    N_TRAVEL,
    N_WAITING,
    NO_LUNCH,
    NOW,
    O_LENGTH,
    PEAK,
    R_DEPART,
    R_DONE_AT,
    R_FROM,
    R_LEAVE_BY,
    R_LEG,
    R_START,
    R_START_BY,
    R_TO,
    R_WORK_IN,
    R_WORK_OUT,
    S_IDLE_LIMIT,
    S_MEAN,
    SOFT,
    T_IN,
    T_LEG,
    V_HOURS,
    V_LUNCH,
    V_OPTIONS,
    V_OVERTIME_FROM,
    WORK,
    Data,
    State,
    whole,
)
from routing.search.kernels.soft import (
    choose,
    per_minute,
    points_with,
    settle,
    soft_points,
    start_points,
)
from routing.search.kernels.timing import lay_out, sweep
from routing.search.kernels.trial import FULL, is_limited

FEW = 4
"""With fewer stops every break is tried anew."""


@kernel
def span_with(
    record: NDArray[np.int32], p: int, there: int, onward: int, duration: int, low: int, high: int
) -> int:
    """Return the shortest span of a route with one stop more before position p, or -1 if it comes too late.

    Args:
        record: Of the route.
        p: The position.
        there: Seconds of travel to the new stop.
        onward: Seconds of travel from it.
        duration: Of the new service.
        low: Its earliest start.
        high: Its latest.
    """
    start = max(low, record[p, R_DEPART] + there)
    next_start = start + duration + onward
    if start > high or next_start > record[p, R_START_BY]:
        return -1
    work_in = record[p, R_WORK_IN] + there
    work = work_in + duration + onward + record[p, R_WORK_OUT]
    by = min(whole(record[p, R_LEAVE_BY]), min(high, record[p, R_START_BY] - onward - duration) - work_in)
    done = max(whole(record[p, R_DONE_AT]), next_start + record[p, R_WORK_OUT])
    return whole(max(done - by, work))


@kernel
def finds_break(data: Data, state: State, r: int, p: int, s: int, low: int, high: int) -> bool:
    """Tell whether route r, with s before position p, has room for the break it needs."""
    k = lay_out(data, state, r, p, s, whole(0), low, high)
    return sweep(data, state.scratch, r, k) and break_code(data, state.scratch, r, k) != NEVER


@kernel
def is_by_stop(data: Data, r: int, tied: bool) -> bool:  # noqa: FBT001 - kernels take no keywords
    """Tell whether route r is looked at stop by stop: an insertion may then save some points of its times."""
    if data.number[N_SOFT] == 0:
        return False
    if data.number[N_WAITING] > 0 or data.vehicle[r, V_LUNCH] != NO_LUNCH or data.vehicle[r, V_HOURS] > 0:
        return True
    return bool(not tied and is_limited(data, r))


@kernel
def lay_out_with(
    data: Data,
    state: State,
    place: tuple[int, int, int, int],
    bounds: tuple[int, int],
    ways: tuple[int, int],
) -> int:
    """Write the stops of a route with one more, and the ways between them, into scratch; return how many."""
    r, p, s, window = place
    scratch, record = state.scratch, state.record[NOW, r]
    k = lay_out(data, state, r, p, s, window, bounds[0], bounds[1])
    for i in range(p):
        scratch[T_LEG, i] = record[i, R_LEG]
    scratch[T_LEG, p], scratch[T_LEG, p + 1] = ways
    for i in range(p + 2, k + 1):
        scratch[T_LEG, i] = record[i - 1, R_LEG]
    work = ways[0] + ways[1] - record[p, R_LEG] + data.service[s, DURATION]
    scratch[T_IN, k] = state.route[r, WORK] + work
    return k


@kernel
def own_points(data: Data, state: State, r: int, p: int, k: int) -> tuple[int, int]:
    """Return what the times of route r cost more, laid out with a new stop at place p; and its most lateness.

    The break keeps its place between its neighbours, so that not every gap has to be tried; if the new stop
    comes beside it, it is tried on both sides. Short routes, those where it has no place so, and those whose
    break is split take the cheapest gap.
    """
    code = state.route[r, CODE]
    cut = code >= SPLIT
    if not cut and code > 0 and gap_of(code) > p:
        code += OPTIONS
    elif not cut and code > 0 and gap_of(code) == p and k >= FEW:
        before = points_with(data, state, r, k, code)
        if points_with(data, state, r, k, code + OPTIONS) < before:
            code += OPTIONS
    if k < FEW or cut:
        code = choose(data, state, r, k)
    if code == NEVER or not settle(data, state, r, k, code):
        code = choose(data, state, r, k)
        if code == NEVER or not settle(data, state, r, k, code):
            return whole(FULL), whole(0)
    points, highest = soft_points(data, state, r, k, code)
    return points - state.route[r, SOFT], highest


@kernel
def longest_rest(data: Data, r: int) -> int:
    """Return how long the longest break is that vehicle r may take."""
    longest = whole(0)
    for option in range(data.vehicle[r, V_OPTIONS]):
        longest = max(longest, data.option[r, option, O_LENGTH])
    return longest


@kernel
def least_points(
    data: Data, state: State, place: tuple[int, int, int, int], low: int, ways: tuple[int, int], span: int
) -> int:
    """Return what an insertion changes at least in the points of the times of its route.

    `span` is the shortest with the new stop and without a break; what of it is neither work nor a break is
    waiting. Where travel depends on the hour, other ways are taken to last as long as they do.
    """
    r, p, s, window = place
    record = state.record[NOW, r, p]
    start = max(low, whole(record[R_DEPART]) + ways[0])
    done = start + data.service[s, DURATION] + ways[1] + record[R_WORK_OUT]
    points = per_minute(data.number[N_OVERTIME], max(whole(0), done - data.vehicle[r, V_OVERTIME_FROM]))
    if data.vehicle[r, V_HOURS] > 0:
        points += state.route[r, PEAK] + more_peak(data, state, place, low, ways)
    elif data.number[N_WAITING] > 0:
        work = state.route[r, WORK] + ways[0] + ways[1] - record[R_LEG] + data.service[s, DURATION]
        wait = span - work - longest_rest(data, r)
        points += per_minute(data.number[N_WAITING], max(whole(0), wait))
    return whole(start_points(data, s, window, start) + points - state.route[r, SOFT])


@kernel
def more_peak(
    data: Data, state: State, place: tuple[int, int, int, int], low: int, ways: tuple[int, int]
) -> int:
    """Return what the ways to a new stop and from it, instead of the way there was, cost beyond their least.

    If she sets out as soon as she can: at the beginning of a route just in time.
    """
    r, p, s, _ = place
    record = state.record[NOW, r]
    leaves, more = whole(record[p, R_DEPART]), whole(0)
    for step in range(3):
        origin = data.service[s, LOCATION] if step == 2 else whole(record[p, R_FROM])
        destination = data.service[s, LOCATION] if step == 1 else whole(record[p, R_TO])
        if step == 0:  # the way there was
            usual = leaves if p > 0 else max(leaves, whole(record[p, R_START]) - record[p, R_LEG])
            more = record[p, R_LEG] + usual - arrive(data, r, origin, destination, usual)
            if state.route[r, COUNT] == 0:
                more = whole(0)
            leaves = leaves if p > 0 else max(leaves, low - ways[0])
            continue
        there = arrive(data, r, origin, destination, leaves)
        more += there - leaves - ways[step - 1]
        leaves = max(low, there) + data.service[s, DURATION]
    return whole(data.number[N_TRAVEL] * more)


@kernel
def balance_points(data: Data, state: State, r: int, work: int) -> int:
    """Return what so much more work in route r costs, the mean as it stands."""
    if data.number[N_BALANCE] == 0:
        return whole(0)
    before = state.route[r, WORK] - state.number[S_MEAN]
    return per_minute(data.number[N_BALANCE], abs(before + work)) - per_minute(
        data.number[N_BALANCE], abs(before)
    )


@kernel
def idle_points(data: Data, state: State, r: int, work: int) -> int:
    """Return what so much more work in route r costs, 0 or less, by idle time beyond the limit.

    The limit is drawn anew each time and counts for all routes: those from which stops were taken have to
    come back under it, each of them, for the longest idle time to be there.
    """
    if data.number[N_IDLE] == 0:
        return whole(0)
    before = max(whole(0), state.route[r, IDLE] - state.number[S_IDLE_LIMIT])
    after = max(whole(0), state.route[r, IDLE] - work - state.number[S_IDLE_LIMIT])
    return whole((after - before) * data.number[N_IDLE] // 60)
