"""Putting absent visits back, each at its cheapest place, in an order drawn anew each time."""

from routing.search.compiling import kernel, woven
from routing.search.kernels.insertion import place, position_of, take
from routing.search.kernels.layout import (
    BIG,
    DIRTY,
    END_SERVICE,
    FIRST,
    FIRST_SERVICE,
    LOCATION,
    N_PAIR_ROUTES,
    N_SOFT,
    N_TRY_ABSENT,
    P_KNOWN,
    P_POINTS,
    P_POSITION,
    P_ROUTE,
    P_WINDOW,
    PENALTY,
    ROUTE,
    S_ABSENT,
    S_BLINK,
    S_COST,
    S_OLD_ABSENT,
    S_PLACES_OF_FIRST,
    S_SEED,
    S_THOROUGH,
    TRIED,
    Data,
    State,
    whole,
)
from routing.search.kernels.links import refresh_dirty, restore_bounds, save_bounds
from routing.search.kernels.places import (
    best_place,
    bounds_for,
    drop_route,
    first_place,
    list_places,
    look_closely,
)
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


@woven
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


@woven
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
def least_of_rest(data: Data, state: State, visit: int, s: int, least: int) -> int:
    """Return what the services of an absent visit but s cost at least; `least` if one has no place."""
    points = whole(0)
    for i in range(data.visit[visit, FIRST_SERVICE], data.visit[visit, END_SERVICE]):
        other = whole(data.member[i])
        if other == s:
            continue
        list_places(data, state, other, bounds_for(data, state, other), least, whole(FIRST))
        cheapest = first_place(state, whole(FIRST))
        if cheapest < 0:
            return least
        points += state.place[FIRST, P_POINTS, cheapest]
    return points


@woven
def next_place(data: Data, state: State, s: int, least: int) -> int:
    """Return the cheapest place noted for s, looked at closely, or -1 if none costs less than `least`."""
    place = state.place[FIRST]
    bounds = bounds_for(data, state, s)
    while True:
        i = first_place(state, whole(FIRST))
        if i < 0 or place[P_POINTS, i] >= least:
            return -1
        if place[P_KNOWN, i] == 1:
            return i
        place[P_POINTS, i] = look_closely(data, state, s, bounds, whole(FIRST), i, least)
        place[P_KNOWN, i] = 1


@woven
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
    rest = least_of_rest(data, state, visit, s, least)
    done = False
    if rest < least:
        save_bounds(data, state, whole(1))
        forget_tried(state)
        done = try_routes(data, state, visit, s, rest, least)
    state.number[S_BLINK] = blink
    return done


@woven
def try_routes(data: Data, state: State, visit: int, s: int, rest: int, least: int) -> bool:
    """Place a visit, s first, where all costs less than `least`; tell whether it was placed.

    The other services cost `rest` at least.
    """
    list_places(data, state, s, bounds_for(data, state, s), least - rest, whole(FIRST))
    best, points = (whole(-1), whole(0), whole(0)), whole(0)
    for _ in range(data.number[N_PAIR_ROUTES]):
        i = next_place(data, state, s, least - rest)
        if i < 0:
            break
        alone, r = state.place[FIRST, P_POINTS, i], state.place[FIRST, P_ROUTE, i]
        where = r, state.place[FIRST, P_POSITION, i], state.place[FIRST, P_WINDOW, i]
        drop_route(state, whole(FIRST), r)
        together = put_at(data, state, visit, s, where, alone, least)
        if together != _FAILED:
            least, best, points = together, where, alone
            if state.number[S_PLACES_OF_FIRST] == 0:
                return True
            left = first_place(state, whole(FIRST))
            if state.place[FIRST, P_POINTS, left] + rest >= least:
                return True
            clear(data, state, visit)
    return best[0] >= 0 and put_at(data, state, visit, s, best, points, least + 1) != _FAILED


@kernel
def put_at(
    data: Data, state: State, visit: int, s: int, where: tuple[int, int, int], alone: int, least: int
) -> int:
    """Put s at a place for `alone` points and the others where then best; return the points, or `_FAILED`."""
    r, position, window = where
    save_route(state, r)
    points = whole(_FAILED)
    if place(data, state, r, position, s, window):
        points = put_rest(data, state, visit, alone, least)
    if points == _FAILED:
        clear(data, state, visit)
    return points


@kernel
def recreate(data: Data, state: State) -> None:
    """Try to place each absent visit where it costs least and less than leaving it out."""
    count = whole(state.number[S_ABSENT])
    tries = choose_absent(data, state)
    sort_absent(data, state, tries)
    state.number[S_ABSENT] = put_some(data, state, whole(0), count, tries, whole(0))


@kernel
def put_some(data: Data, state: State, begin: int, end: int, tries: int, left: int) -> int:
    """Go through some absent visits, those before the number `tries` with a try.

    Returns:
        How many are left: `left`, and those of them that have no place, moved up behind these.
    """
    for i in range(begin, end):
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
    return left
