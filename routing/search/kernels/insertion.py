"""Where a service fits best, and putting it there or taking it out."""

import numpy as np

from routing.search.compiling import kernel
from routing.search.kernels.added import (
    balance_points,
    finds_break,
    idle_points,
    is_by_stop,
    lay_out_with,
    least_points,
    most_savings,
    own_points,
    span_with,
)
from routing.search.kernels.layout import (
    AFTER,
    BEFORE,
    BIG,
    COUNT,
    DEMAND,
    DURATION,
    EARLIEST,
    END_LINK,
    FIRST_LINK,
    LOAD,
    LOCATION,
    LOWER,
    N_HIGHEST,
    N_NEAR,
    N_ORDERS,
    N_SCAN_ALL,
    N_SOFT,
    N_TRAVEL,
    N_USE,
    NOW,
    R_FROM,
    R_LEG,
    R_TO,
    ROUTE,
    S_BLINK,
    S_HIGHEST,
    S_LIMITED,
    S_STAMP,
    S_THOROUGH,
    V_CAPACITY,
    V_EARLIEST,
    V_KIND,
    V_LATEST,
    V_NEXT,
    V_SPAN,
    V_UNBROKEN,
    WINDOW,
    WINDOWS,
    Data,
    State,
    whole,
)
from routing.search.kernels.links import (
    bounds_of,
    is_bound,
    nurse_fits,
    propagate,
    push,
    push_partners,
    refresh_dirty,
    restore_bounds,
    save_bounds,
    ties,
)
from routing.search.kernels.rng import unit
from routing.search.kernels.soft import (
    per_minute,
    window_points,
)
from routing.search.kernels.timing import (
    note_earliest,
    refresh,
)
from routing.search.kernels.trial import FULL, ripple, trial

_BLINK = 0.01  # share of positions overlooked on purpose; Christiaens and Vanden Berghe 2020


@kernel
def next_blink(state: State) -> None:
    """Draw after how many positions the next one is overlooked."""
    state.number[S_BLINK] = whole(np.log(1.0 - unit(state.random)) / np.log(1.0 - _BLINK)) + 1


@kernel
def put(state: State, r: int, position: int, s: int, window: int, low: int) -> None:
    """Write s into route r; records are not brought up to date."""
    count = state.route[r, COUNT]
    for p in range(count, position, -1):
        state.sequence[r, p] = state.sequence[r, p - 1]
    state.sequence[r, position] = s
    state.route[r, COUNT] = count + 1
    state.placed[s, ROUTE] = r
    state.placed[s, WINDOW] = window
    state.placed[s, LOWER] = low
    state.placed[s, EARLIEST] = low


@kernel
def take(state: State, r: int, position: int) -> None:
    """Strike out the stop at `position`; records are not brought up to date."""
    s = whole(state.sequence[r, position])
    for p in range(position, state.route[r, COUNT] - 1):
        state.sequence[r, p] = state.sequence[r, p + 1]
    state.route[r, COUNT] -= 1
    state.placed[s, ROUTE] = -1


@kernel
def position_of(state: State, s: int) -> int:
    """Return where in its route s stands."""
    r = state.placed[s, ROUTE]
    for p in range(state.route[r, COUNT]):
        if state.sequence[r, p] == s:
            return p
    return -1


@kernel
def move_in(data: Data, state: State, r: int, position: int, s: int, window: int, low: int) -> bool:
    """Put s into route r and time all routes this moves; if that fails, only bounds are left to undo."""
    put(state, r, position, s, window, low)
    tail = push(state, whole(0), r)
    tail = push_partners(data, state, tail, s)
    if propagate(data, state, tail):
        return True
    take(state, r, position)
    return False


@kernel
def survives(data: Data, state: State, r: int, position: int, s: int, window: int, low: int) -> bool:
    """Try s in a linked route and leave everything as it was; tell whether there was a timetable."""
    save_bounds(data, state, whole(2))
    good = move_in(data, state, r, position, s, window, low)
    if good:
        take(state, r, position)
    restore_bounds(data, state, whole(2))
    return good


@kernel
def more_points(
    data: Data,
    state: State,
    place: tuple[int, int, int, int],
    bounds: tuple[int, int],
    ways: tuple[int, int],
    tied: bool,  # noqa: FBT001 - kernels take no keywords
    least: int,
) -> int:
    """Return what an insertion costs beyond its way, or `FULL` if it has no timetable.

    Args:
        data: The problem.
        state: The search.
        place: Route, position, service and its window.
        bounds: Earliest and latest start of the service.
        ways: Seconds of travel to it and from it.
        tied: Whether other routes may have to move.
        least: Stop looking once so many points are reached.
    """
    r, p, s, window = place
    low, high = bounds
    if not is_by_stop(data, r, tied):
        if not tied and data.number[N_SOFT] == 0:
            return whole(0) if finds_break(data, state, r, p, s, low, high) else whole(FULL)
        points = trial(data, state, r, p, s, window, low, ways, least)
    else:
        if least_points(data, state, place, low, ways) >= least:
            return whole(FULL)
        k = lay_out_with(data, state, place, bounds, ways)
        points, highest = own_points(data, state, r, p, k)
        if not tied and points < FULL:
            points += per_minute(data.number[N_HIGHEST], max(whole(0), highest - state.number[S_HIGHEST]))
        if not tied or points >= least:
            return points
        points = ripple(data, state, (r, p, s), ways[0], k, least, (points, highest))
    if points == FULL or state.number[S_LIMITED] == 0:
        return points
    return points if survives(data, state, r, p, s, window, low) else whole(FULL)


@kernel
def keeps_order(data: Data, state: State, r: int, p: int, s: int) -> bool:
    """Tell whether s before position p of route r tears no two apart that follow each other directly."""
    u = whole(state.sequence[r, p - 1]) if p > 0 else whole(-1)
    v = whole(state.sequence[r, p]) if p < state.route[r, COUNT] else whole(-1)
    if u >= 0 and v >= 0 and data.service[u, AFTER] == v:
        return False
    before, after = data.service[s, BEFORE], data.service[s, AFTER]
    if before >= 0 and before != u and state.placed[before, ROUTE] >= 0:
        return False
    return bool(after < 0 or after == v or state.placed[after, ROUTE] < 0)


@kernel
def scan(
    data: Data, state: State, r: int, s: int, window: int, low: int, high: int, least: int
) -> tuple[int, int]:
    """Find the cheapest position of s in route r that costs less than `least`.

    Returns:
        Points added and position; position -1 if there is none.
    """
    extra = data.extra[s, r] + window_points(data, r, s, window)
    vehicle = data.vehicle[r]
    travel_from = data.travel[vehicle[V_KIND], data.service[s, LOCATION]]
    travel_to = data.travel_to[vehicle[V_KIND], data.service[s, LOCATION]]
    duration = data.service[s, DURATION]
    weight = data.number[N_TRAVEL]
    record = state.record[NOW, r]
    count = state.route[r, COUNT]
    if count == 0:
        extra += data.number[N_USE]
    linked = data.service[s, FIRST_LINK] < data.service[s, END_LINK] and is_bound(data, state, s)
    tied = ties(state, r) or linked
    best = whole(-1)
    if count == state.sequence.shape[1]:
        return least, best
    if state.route[r, LOAD] + data.service[s, DEMAND] > vehicle[V_CAPACITY]:
        return least, best
    special = tied or data.number[N_SOFT] == 1
    savings = most_savings(data, state, r, tied)
    for p in range(count + 1):
        state.number[S_BLINK] -= 1
        if state.number[S_BLINK] <= 0:
            next_blink(state)
            continue
        if data.number[N_ORDERS] == 1 and not keeps_order(data, state, r, p, s):
            continue
        there = whole(travel_to[record[p, R_FROM]])
        onward = whole(travel_from[record[p, R_TO]])
        points = (there + onward - whole(record[p, R_LEG])) * weight + extra
        if special:
            work = there + onward - whole(record[p, R_LEG]) + duration
            points += balance_points(data, state, r, work) + idle_points(data, state, r, work)
        if points - savings >= least:
            continue
        span = span_with(record, p, there, onward, duration, low, high)
        if span < 0 or span > vehicle[V_SPAN]:
            continue
        if special or span > vehicle[V_UNBROKEN]:
            points += more_points(
                data, state, (r, p, s, window), (low, high), (there, onward), tied, least - points
            )
            if points >= least:
                continue
        least, best = points, p
    return least, best


@kernel
def idle_like(data: Data, state: State, r: int) -> int:
    """Return the first idle vehicle like r, or the last like it."""
    while r >= 0 and state.route[r, COUNT] > 0 and data.vehicle[r, V_NEXT] >= 0:
        r = data.vehicle[r, V_NEXT]
    return r


@kernel
def best_place(data: Data, state: State, s: int, least: int) -> tuple[int, int, int, int]:
    """Find the cheapest place of s that costs less than `least` points.

    Looks into all routes, or, on large days once the first plan is built, into those near s.

    Returns:
        Points, route, position, window; route -1 if there is none.
    """
    best_route, best_position, best_window = whole(-1), whole(-1), whole(0)
    linked = data.service[s, FIRST_LINK] < data.service[s, END_LINK]
    bound_low, bound_high = whole(-BIG), whole(BIG)
    if linked:
        bound_low, bound_high = bounds_of(data, state, s)
    vehicles = len(data.vehicle)
    scan_all = state.number[S_THOROUGH] == 1 or data.number[N_SCAN_ALL] == 1
    neighbours = whole(0) if scan_all else min(data.near.shape[1], data.number[N_NEAR])
    others = vehicles if scan_all else data.near_vehicle.shape[1]
    state.number[S_STAMP] += 1
    for i in range(neighbours + others):
        if scan_all:
            r = whole(i)
        else:
            if i < neighbours:
                r = state.placed[data.near[s, i], ROUTE]
            else:
                r = idle_like(data, state, whole(data.near_vehicle[s, i - neighbours]))
            if r < 0 or state.candidate[r, 3] == state.number[S_STAMP]:
                continue
            state.candidate[r, 3] = state.number[S_STAMP]
        if data.extra[s, r] < 0 or (linked and not nurse_fits(data, state, s, r)):
            continue
        for w in range(data.service[s, WINDOWS]):
            low = max(data.window[s, w, 0], bound_low)
            high = min(data.window[s, w, 1], bound_high)
            if low > high or low > data.vehicle[r, V_LATEST] or high < data.vehicle[r, V_EARLIEST]:
                continue
            points, position = scan(data, state, r, s, w, low, high, least)
            if position >= 0:
                least, best_route, best_position, best_window = points, r, position, whole(w)
    return least, best_route, best_position, best_window


@kernel
def place(data: Data, state: State, r: int, position: int, s: int, window: int) -> bool:
    """Put s where `best_place` found room, times and records included; False if there is none after all."""
    linked = data.service[s, FIRST_LINK] < data.service[s, END_LINK]
    low = data.window[s, window, 0]
    if not ties(state, r) and not (linked and is_bound(data, state, s)):
        put(state, r, position, s, window, low)
        good = refresh(data, state, r)
        if linked:
            note_earliest(data, state, r)
        return good
    if linked:
        low = max(low, bounds_of(data, state, s)[0])
    if not move_in(data, state, r, position, s, window, low):
        return False
    return refresh_dirty(data, state)
