"""Where a service fits best, and putting it there or taking it out."""

import numpy as np

from routing.search.compiling import kernel, woven
from routing.search.kernels.added import (
    finds_break,
    is_by_stop,
    lay_out_with,
    least_points,
    own_points,
)
from routing.search.kernels.layout import (
    AFTER,
    BEFORE,
    COUNT,
    EARLIEST,
    END_LINK,
    FIRST_LINK,
    LOWER,
    N_HIGHEST,
    N_SOFT,
    ROUTE,
    S_BLINK,
    S_HIGHEST,
    S_LIMITED,
    WINDOW,
    Data,
    State,
    whole,
)
from routing.search.kernels.links import (
    bounds_of,
    is_bound,
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


@woven
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
