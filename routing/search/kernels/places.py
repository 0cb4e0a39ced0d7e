"""Where a service fits best.

Where a place may cost more than its way (lateness, breaks, links to other routes), all places are noted first
with what they cost at least; then the most promising are looked at closely, until the next one cannot be the
best any more.
"""

import numpy as np
from numpy.typing import NDArray

from routing.search.compiling import kernel
from routing.search.kernels.added import (
    balance_points,
    idle_points,
    is_by_stop,
    least_points,
    span_with,
)
from routing.search.kernels.insertion import keeps_order, more_points, next_blink
from routing.search.kernels.layout import (
    BIG,
    COUNT,
    DEMAND,
    DURATION,
    END_LINK,
    FIRST,
    FIRST_LINK,
    LOAD,
    LOCATION,
    N_HIGHEST,
    N_NEAR,
    N_ORDERS,
    N_SCAN_ALL,
    N_SOFT,
    N_TRAVEL,
    N_USE,
    NOW,
    ONE,
    P_KNOWN,
    P_POINTS,
    P_POSITION,
    P_ROUTE,
    P_WAY,
    P_WINDOW,
    PEAK,
    R_DEPART,
    R_FROM,
    R_LATE_ALL,
    R_LATE_NOW,
    R_LATE_OFF,
    R_LEG,
    R_START,
    R_START_BY,
    R_TO,
    ROUTE,
    S_BLINK,
    S_HIGHEST,
    S_ITERATION,
    S_PLACES,
    S_STAMP,
    S_THOROUGH,
    SOFT,
    V_CAPACITY,
    V_EARLIEST,
    V_KIND,
    V_LATEST,
    V_NEXT,
    V_SPAN,
    V_UNBROKEN,
    W_DUE,
    WINDOWS,
    Data,
    State,
    whole,
)
from routing.search.kernels.links import bounds_of, is_bound, nurse_fits, ties
from routing.search.kernels.soft import per_minute, start_points, window_points
from routing.search.kernels.trial import FULL

_STRIDE = 8


@kernel
def passed_over(record: NDArray[np.int32], count: int, time: int) -> int:
    """Return a position before which all stops have to start before `time`, though not the last such one."""
    p = whole(0)
    while p + _STRIDE < count and record[p + _STRIDE, R_START_BY] < time:
        p += _STRIDE
    return p


@kernel
def scan(
    data: Data, state: State, r: int, s: int, window: int, bounds: tuple[int, int], least: int, level: int
) -> tuple[int, int]:
    """Find the cheapest position of s in route r that costs less than `least`.

    Positions that may cost more than their way are only noted, in `place` at that level; at level
    `FIRST` all are.

    Returns:
        Points added and position; position -1 if there is none.
    """
    low, high = bounds
    extra = whole(data.extra[s, r]) + window_points(data, r, s, window)
    vehicle = data.vehicle[r]
    travel_from = data.travel[vehicle[V_KIND], data.service[s, LOCATION]]
    travel_to = data.travel_to[vehicle[V_KIND], data.service[s, LOCATION]]
    duration = data.service[s, DURATION]
    weight = data.number[N_TRAVEL]
    record = state.record[NOW, r]
    count = state.route[r, COUNT]
    best = whole(-1)
    full = count == state.sequence.shape[1]
    if full or state.route[r, LOAD] + data.service[s, DEMAND] > vehicle[V_CAPACITY]:
        return least, best
    if count == 0:
        extra += data.number[N_USE]
    linked = data.service[s, FIRST_LINK] < data.service[s, END_LINK] and is_bound(data, state, s)
    tied = ties(state, r) or linked
    special = data.number[N_SOFT] == 1 or tied
    by_stop = is_by_stop(data, r, tied)
    savings = state.route[r, SOFT] - state.route[r, PEAK] if by_stop else whole(0)
    for p in range(passed_over(record, count, low + duration), count + 1):
        if record[p, R_START_BY] < low + duration:
            continue
        if record[p, R_DEPART] > high:
            break
        if overlooks(state) or (data.number[N_ORDERS] == 1 and not keeps_order(data, state, r, p, s)):
            continue
        ways = whole(travel_to[record[p, R_FROM]]), whole(travel_from[record[p, R_TO]])
        detour = ways[0] + ways[1] - whole(record[p, R_LEG])
        points = detour * weight + extra
        if special:
            points += work_points(data, state, r, detour + duration)
        if points - savings >= least:
            continue
        span = span_with(record, p, ways[0], ways[1], duration, low, high)
        if span < 0 or span > vehicle[V_SPAN]:
            continue
        closely = special or span > vehicle[V_UNBROKEN]
        if closely or level == FIRST:
            at_least = points + least_of_times(
                data, state, (r, p, s, window), low, ways, span if by_stop else whole(-1)
            )
            if at_least < least:
                note_place(state, level, (at_least, points), (r, p, window), not closely)
            continue
        least, best = points, p
    return least, best


@kernel
def work_points(data: Data, state: State, r: int, work: int) -> int:
    """Return what so much more work in route r costs beyond its way."""
    return whole(balance_points(data, state, r, work) + idle_points(data, state, r, work))


@kernel
def overlooks(state: State) -> bool:
    """Tell whether the next position is one of those overlooked on purpose."""
    state.number[S_BLINK] -= 1
    if state.number[S_BLINK] > 0:
        return False
    next_blink(state)
    return True


@kernel
def least_of_times(
    data: Data,
    state: State,
    where: tuple[int, int, int, int],
    low: int,
    ways: tuple[int, int],
    span: int,
) -> int:
    """Return the points that times cost at least if a stop is put in.

    `where` is route, position, service and its window; `ways` are the seconds to it and from it; `span` is
    the shortest of a route that is looked at stop by stop, else -1.
    """
    if data.number[N_SOFT] == 0:
        return 0
    if span >= 0:
        return least_points(data, state, where, low, ways, span)
    r, p, s, window = where
    record = state.record[NOW, r, p]
    start = max(low, record[R_DEPART] + ways[0])
    points = start_points(data, s, window, start)
    late = start - data.window[s, window, W_DUE] - state.number[S_HIGHEST]
    if late > 0:
        points += per_minute(data.number[N_HIGHEST], late)
    delay = start + data.service[s, DURATION] + ways[1] - record[R_START]
    if delay > 0 and record[R_LATE_ALL] > 0:
        points += max(record[R_LATE_ALL] * delay // 60 - record[R_LATE_OFF], record[R_LATE_NOW] * delay // 60)
    return whole(points)


@kernel
def note_place(
    state: State,
    level: int,
    points: tuple[int, int],
    where: tuple[int, int, int],
    known: bool,  # noqa: FBT001 - kernels take no keywords
) -> None:
    """Add a place to look at: what it costs at least, and its way; route, position and window."""
    i = state.number[S_PLACES + level]
    place = state.place[level]
    place[P_POINTS, i], place[P_WAY, i] = points
    place[P_ROUTE, i], place[P_POSITION, i], place[P_WINDOW, i] = where
    place[P_KNOWN, i] = known
    state.number[S_PLACES + level] = i + 1


@kernel
def first_place(state: State, level: int) -> int:
    """Return which of the places noted costs least as far as is known, or -1 if there are none."""
    points = state.place[level, P_POINTS]
    first = whole(-1)
    for i in range(state.number[S_PLACES + level]):
        if first < 0 or points[i] < points[first]:
            first = whole(i)
    return first


@kernel
def drop_place(state: State, level: int, i: int) -> None:
    """Strike a place out."""
    last = state.number[S_PLACES + level] - 1
    for c in range(state.place.shape[1]):
        state.place[level, c, i] = state.place[level, c, last]
    state.number[S_PLACES + level] = last


@kernel
def drop_route(state: State, level: int, r: int) -> None:
    """Strike out all places in route r."""
    for i in range(state.number[S_PLACES + level] - 1, -1, -1):
        if state.place[level, P_ROUTE, i] == r:
            drop_place(state, level, whole(i))


@kernel
def look_closely(
    data: Data, state: State, s: int, bounds: tuple[int, int], level: int, i: int, least: int
) -> int:
    """Return the points of a noted place, or `FULL` if it has no timetable or costs at least `least`."""
    place = state.place[level, :, i]
    r, p, window = place[P_ROUTE], place[P_POSITION], place[P_WINDOW]
    low = max(data.window[s, window, 0], bounds[0])
    high = min(data.window[s, window, 1], bounds[1])
    kind, here = data.vehicle[r, V_KIND], data.service[s, LOCATION]
    there = whole(data.travel_to[kind, here, state.record[NOW, r, p, R_FROM]])
    onward = whole(data.travel[kind, here, state.record[NOW, r, p, R_TO]])
    linked = data.service[s, FIRST_LINK] < data.service[s, END_LINK] and is_bound(data, state, s)
    tied = ties(state, r) or linked
    more = more_points(
        data, state, (r, p, s, window), (low, high), (there, onward), tied, least - place[P_WAY]
    )
    points = place[P_WAY] + more
    return whole(points if more != FULL and points < least else FULL)


@kernel
def idle_like(data: Data, state: State, r: int) -> int:
    """Return the first idle vehicle like r, or the last like it.

    Within an iteration the walk goes on where it ended before.
    """
    if r < 0:
        return r
    other = r
    if state.idle[r, 1] == state.number[S_ITERATION]:
        other = state.idle[r, 0]
    while state.route[other, COUNT] > 0 and data.vehicle[other, V_NEXT] >= 0:
        other = data.vehicle[other, V_NEXT]
    state.idle[r, 0], state.idle[r, 1] = other, state.number[S_ITERATION]
    return other


@kernel
def bounds_for(data: Data, state: State, s: int) -> tuple[int, int]:
    """Return the earliest and latest start that placed partners leave to s, if there are any."""
    if data.service[s, FIRST_LINK] == data.service[s, END_LINK]:
        return whole(-BIG), whole(BIG)
    return bounds_of(data, state, s)


@kernel
def list_places(
    data: Data, state: State, s: int, bounds: tuple[int, int], least: int, level: int
) -> tuple[int, int, int, int]:
    """Look for places of s that cost less than `least`; note those that have to be looked at closely.

    Looks into all routes, or, on large days once the first plan is built, into those near s.

    Returns:
        Points, route, position, window of the cheapest place that is known; route -1 if there is none.
    """
    best = least, whole(-1), whole(-1), whole(0)
    linked = data.service[s, FIRST_LINK] < data.service[s, END_LINK]
    scan_all = state.number[S_THOROUGH] == 1 or data.number[N_SCAN_ALL] == 1
    neighbours = whole(0) if scan_all else min(data.near.shape[1], data.number[N_NEAR])
    others = len(data.vehicle) if scan_all else data.near_vehicle.shape[1]
    state.number[S_STAMP] += 1
    state.number[S_PLACES + level] = 0
    for i in range(neighbours + others):
        r = whole(i)
        if i < neighbours:
            r = state.placed[data.near[s, i], ROUTE]
        elif not scan_all:
            r = idle_like(data, state, whole(data.near_vehicle[s, i - neighbours]))
        if r < 0 or state.seen[r] == state.number[S_STAMP]:
            continue
        state.seen[r] = state.number[S_STAMP]
        if data.extra[s, r] < 0 or (linked and not nurse_fits(data, state, s, r)):
            continue
        for w in range(data.service[s, WINDOWS]):
            low = max(data.window[s, w, 0], bounds[0])
            high = min(data.window[s, w, 1], bounds[1])
            if low > high or low > data.vehicle[r, V_LATEST] or high < data.vehicle[r, V_EARLIEST]:
                continue
            points, position = scan(data, state, r, s, whole(w), (low, high), best[0], level)
            if position >= 0:
                best = points, r, position, whole(w)
    return best


@kernel
def best_place(data: Data, state: State, s: int, least: int) -> tuple[int, int, int, int]:
    """Find the cheapest place of s that costs less than `least` points, among those of `list_places`.

    Returns:
        Points, route, position, window; route -1 if there is none.
    """
    bounds = bounds_for(data, state, s)
    best = list_places(data, state, s, bounds, least, whole(ONE))
    place = state.place[ONE]
    while True:
        i = first_place(state, whole(ONE))
        if i < 0 or place[P_POINTS, i] >= best[0]:
            return best
        points = look_closely(data, state, s, bounds, whole(ONE), i, best[0])
        if points < best[0]:
            best = points, place[P_ROUTE, i], place[P_POSITION, i], place[P_WINDOW, i]
        drop_place(state, whole(ONE), i)
