"""Putting absent visits back, each at its cheapest place, in an order drawn anew each time."""

from routing.search.compiling import kernel
from routing.search.kernels.insertion import best_place, place, position_of, scan, take
from routing.search.kernels.layout import (
    BIG,
    DIRTY,
    END_SERVICE,
    FIRST_SERVICE,
    LOCATION,
    N_PAIR_ROUTES,
    N_SOFT,
    N_TRY_ABSENT,
    PENALTY,
    ROUTE,
    S_ABSENT,
    S_BLINK,
    S_COST,
    S_OLD_ABSENT,
    S_SEED,
    S_THOROUGH,
    TRIED,
    WINDOWS,
    Data,
    State,
    whole,
)
from routing.search.kernels.links import bounds_of, nurse_fits, refresh_dirty, restore_bounds, save_bounds
from routing.search.kernels.rng import below
from routing.search.kernels.ruin import save_route

_NEAR_ABSENT = 100  # so many neighbours of the torn place decide what counts as near it
_FAILED = -(2**60)


@kernel
def choose_absent(data: Data, state: State) -> int:
    """Bring the absent visits worth a try to the front: those just torn out and some others near them.

    Returns:
        How many they are.
    """
    count = state.number[S_ABSENT]
    if state.number[S_THOROUGH] == 1:
        return whole(count)
    absent = state.absent
    chosen: int = whole(0)
    for i in range(state.number[S_OLD_ABSENT], count):
        absent[chosen], absent[i] = absent[i], absent[chosen]
        chosen += 1
    most = min(count, chosen + data.number[N_TRY_ABSENT])
    seed = state.number[S_SEED]
    ways = data.travel[0, data.service[seed, LOCATION]]
    far = data.near.shape[1]
    radius = whole(BIG)
    if 0 < far < len(data.service) - 1:
        radius = whole(ways[data.service[data.near[seed, min(far, whole(_NEAR_ABSENT)) - 1], LOCATION]])
    old = count - chosen
    first = below(state.random, max(whole(1), old))
    for k in range(old):
        i = count - old + (first + k) % old
        if chosen == most:
            break
        if i < chosen:
            continue
        if ways[data.service[data.member[data.visit[absent[i], FIRST_SERVICE]], LOCATION]] <= radius:
            absent[chosen], absent[i] = absent[i], absent[chosen]
            chosen += 1
    return chosen


@kernel
def sort_absent(data: Data, state: State, count: int) -> None:
    """Order the first absent visits: at random, or by one of the keys with ties at random."""
    absent = state.absent
    for i in range(count - 1, 0, -1):
        j = below(state.random, i + 1)
        absent[i], absent[j] = absent[j], absent[i]
    kind = below(state.random, len(data.order) + 4) - 4
    if kind < 0:
        return
    keys = data.order[kind]
    gap = count // 2
    while gap > 0:  # Shell's sort: the lists are short, and it takes no memory
        for i in range(gap, count):
            visit = absent[i]
            j = i
            while j >= gap and keys[absent[j - gap]] > keys[visit]:
                absent[j] = absent[j - gap]
                j -= gap
            absent[j] = visit
        gap //= 2


@kernel
def take_back(state: State, s: int) -> None:
    """Take s out again, if it is in a route."""
    r = state.placed[s, ROUTE]
    if r >= 0:
        take(state, r, position_of(state, s))
        state.flag[DIRTY, r] = 1


@kernel
def put_in(data: Data, state: State, s: int, least: int) -> int:
    """Place one service for less than `least` points; return the points, or `_FAILED`."""
    points, r, position, window = best_place(data, state, s, least)
    if r < 0:
        return whole(_FAILED)
    save_route(state, r)
    if not place(data, state, r, position, s, window):
        return whole(_FAILED)
    return points


@kernel
def put_rest(data: Data, state: State, visit: int, points: int, least: int) -> int:
    """Place the services of a visit that are still absent; return the points of all, or `_FAILED`."""
    for i in range(data.visit[visit, FIRST_SERVICE], data.visit[visit, END_SERVICE]):
        if state.placed[data.member[i], ROUTE] >= 0:
            continue
        added = put_in(data, state, whole(data.member[i]), least - points)
        if added == _FAILED:
            return added
        points += added
    return points


@kernel
def forget_tried(state: State) -> None:
    """Begin a trial: no route has changed in it yet."""
    for r in range(state.flag.shape[1]):
        state.flag[TRIED, r] = 0


@kernel
def clear(data: Data, state: State, visit: int) -> None:
    """Take all of a visit out again and come back to the bounds of level 1."""
    for i in range(data.visit[visit, FIRST_SERVICE], data.visit[visit, END_SERVICE]):
        take_back(state, whole(data.member[i]))
    restore_bounds(data, state, whole(1))
    for r in range(len(data.vehicle)):
        if state.flag[TRIED, r] == 1:
            state.flag[DIRTY, r] = 1
    refresh_dirty(data, state)
    forget_tried(state)


@kernel
def put_one(data: Data, state: State, visit: int) -> bool:
    """Place a visit of one service where it costs least; everything is as before if that fails."""
    s = whole(data.member[data.visit[visit, FIRST_SERVICE]])
    guarded = len(data.linked) > 0 and data.number[N_SOFT] == 1
    if guarded:
        save_bounds(data, state, whole(1))
        forget_tried(state)
    done = put_in(data, state, s, data.visit[visit, PENALTY] + 1) != _FAILED
    if not done and guarded:
        clear(data, state, visit)
    elif not done and state.placed[s, ROUTE] >= 0:
        take_back(state, s)
        refresh_dirty(data, state)
    return bool(done)


@kernel
def rank_routes(data: Data, state: State, s: int, least: int) -> None:
    """Write the cheapest place of s in each route into `candidate`; a position of -1 stands for none.

    Routes that are surely not among the cheapest few count as having none.
    """
    low, high = bounds_of(data, state, s)
    for i in range(len(state.cheapest)):
        state.cheapest[i] = least
    for r in range(len(data.vehicle)):
        state.candidate[r, 0] = state.cheapest[-1]
        state.candidate[r, 1] = -1
        if data.extra[s, r] < 0 or not nurse_fits(data, state, s, r):
            continue
        for w in range(data.service[s, WINDOWS]):
            earliest, latest = max(low, data.window[s, w, 0]), min(high, data.window[s, w, 1])
            if earliest > latest:
                continue
            points, position = scan(data, state, r, s, w, earliest, latest, state.candidate[r, 0])
            if position >= 0:
                state.candidate[r, 0], state.candidate[r, 1], state.candidate[r, 2] = points, position, w
        if state.candidate[r, 1] >= 0:
            i = len(state.cheapest) - 1
            while i > 0 and state.cheapest[i - 1] > state.candidate[r, 0]:
                state.cheapest[i] = state.cheapest[i - 1]
                i -= 1
            state.cheapest[i] = state.candidate[r, 0]


@kernel
def put_all(data: Data, state: State, visit: int) -> bool:
    """Place a visit of several services: one in each of its cheapest routes, the others where then best.

    Returns whether it was placed. Nothing is overlooked on purpose here, so that the best trial can be
    repeated.
    """
    blink = state.number[S_BLINK]
    state.number[S_BLINK] = 2**60
    first, end = data.visit[visit, FIRST_SERVICE], data.visit[visit, END_SERVICE]
    s = whole(data.member[first + below(state.random, end - first)])
    least = data.visit[visit, PENALTY] + 1
    save_bounds(data, state, whole(1))
    forget_tried(state)
    rank_routes(data, state, s, least)
    best = whole(-1)
    best_position, best_window = whole(0), whole(0)
    for _ in range(data.number[N_PAIR_ROUTES]):
        r = whole(-1)
        for other in range(len(data.vehicle)):
            if state.candidate[other, 1] >= 0 and (
                r < 0 or state.candidate[other, 0] < state.candidate[r, 0]
            ):
                r = other
        if r < 0 or state.candidate[r, 0] >= least:
            break
        position, window = state.candidate[r, 1], state.candidate[r, 2]
        state.candidate[r, 1] = -1
        save_route(state, r)
        points = whole(_FAILED)
        if place(data, state, r, position, s, window):
            points = put_rest(data, state, visit, state.candidate[r, 0], least)
        clear(data, state, visit)
        if points != _FAILED:
            least, best, best_position, best_window = points, r, position, window
    done = False
    if best >= 0 and place(data, state, best, best_position, s, best_window):
        done = put_rest(data, state, visit, state.candidate[best, 0], least + 1) != _FAILED
    if best >= 0 and not done:
        clear(data, state, visit)
    state.number[S_BLINK] = blink
    return done


@kernel
def recreate(data: Data, state: State) -> None:
    """Try to place each absent visit where it costs least and less than leaving it out."""
    count = state.number[S_ABSENT]
    tries = choose_absent(data, state)
    sort_absent(data, state, tries)
    left = whole(0)
    for i in range(count):
        visit = state.absent[i]
        first = data.visit[visit, FIRST_SERVICE]
        done = False
        if i < tries:
            if data.visit[visit, END_SERVICE] - first == 1:
                done = put_one(data, state, visit)
            else:
                done = put_all(data, state, visit)
        if done:
            state.number[S_COST] -= data.visit[visit, PENALTY]
        else:
            state.absent[left] = visit
            left += 1
    state.number[S_ABSENT] = left
