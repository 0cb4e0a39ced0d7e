"""What one more stop does to the starts of all others, and what that costs.

Before the trial all starts are least. The new stop is then the only source of change: each start rises to the
longest chain of bounds from it. A chain that comes back to the new stop and would raise it could be gone
through for ever, so there is no timetable. Breaks and longest absences are left out of sight here: where they
may bind, a trial excludes places but does not admit them.
"""

from routing.search.compiling import kernel
from routing.search.kernels.codes import SPLIT, gap_of, is_lunch, rest_of
from routing.search.kernels.layout import (
    BIG,
    CODE,
    COUNT,
    DURATION,
    END_LINK,
    FIRST_LINK,
    L_LEAST,
    L_OTHER,
    N_HIGHEST,
    N_OVERTIME,
    N_SHARING,
    N_SOFT,
    NOW,
    POSITION,
    R_DEPART,
    R_LEG,
    R_START,
    R_START_BY,
    RETURN_TRIAL,
    ROUTE,
    S_HIGHEST,
    S_LIMITED,
    S_TRIAL,
    START_TRIAL,
    T_EARLY,
    T_SERVICE,
    TRY_RETURN,
    TRY_START,
    V_HOURS,
    V_LUNCH_FROM,
    V_OVERTIME_FROM,
    V_SPAN,
    V_UNBROKEN,
    W_DUE,
    WINDOW,
    Data,
    State,
    whole,
)
from routing.search.kernels.rota import is_coupled
from routing.search.kernels.soft import per_minute, start_points

FULL = BIG


@kernel
def is_limited(data: Data, r: int) -> bool:
    """Tell whether a route of vehicle r may need a break, be too long, hinder another shift or be slower."""
    limited = data.vehicle[r, V_SPAN] < BIG or data.vehicle[r, V_UNBROKEN] < BIG or is_coupled(data, r)
    return bool(limited or data.vehicle[r, V_HOURS] > 0)


@kernel
def start_of(state: State, u: int) -> int:
    """Return when u starts in the present trial."""
    if state.placed[u, START_TRIAL] == state.number[S_TRIAL]:
        return whole(state.placed[u, TRY_START])
    r, p = state.placed[u, ROUTE], state.placed[u, POSITION]
    return whole(state.record[NOW, r, p, R_START])


@kernel
def push_events(data: Data, state: State, u: int, start: int, s: int, least_of_s: int, events: int) -> int:
    """Note which partners a start of u raises; return how many events wait, -1 if s itself would rise."""
    for i in range(data.service[u, FIRST_LINK], data.service[u, END_LINK]):
        v = data.link[i, L_OTHER]
        bound = start + data.link[i, L_LEAST]
        if v == s:
            if bound > least_of_s:
                return -1
            continue
        if state.placed[v, ROUTE] < 0 or bound <= start_of(state, v):
            continue
        if events == len(state.event):
            return -1
        state.event[events, 0] = v
        state.event[events, 1] = bound
        events += 1
    return events


@kernel
def over_points(data: Data, r: int, returns: int) -> int:
    """Return the points of a return after the end of the shift."""
    return per_minute(data.number[N_OVERTIME], max(whole(0), returns - data.vehicle[r, V_OVERTIME_FROM]))


@kernel
def return_points(data: Data, state: State, r: int, returns: int) -> int:
    """Return what a later return of route r adds, and note it."""
    count = state.route[r, COUNT]
    before = whole(-BIG)
    if state.route[r, RETURN_TRIAL] == state.number[S_TRIAL]:
        before = state.route[r, TRY_RETURN]
    elif count > 0:
        before = whole(state.record[NOW, r, count, R_START])
    if returns <= before:
        return 0
    state.route[r, RETURN_TRIAL] = state.number[S_TRIAL]
    state.route[r, TRY_RETURN] = returns
    return over_points(data, r, returns) - over_points(data, r, before)


@kernel
def reached(data: Data, state: State, r: int, p: int, free: int) -> int:
    """Return when the stop at place p of route r is reached from the one before, after the break there."""
    time = free + state.record[NOW, r, p, R_LEG]
    code = state.route[r, CODE]
    if data.number[N_SOFT] == 0 or gap_of(code) != p or code >= SPLIT:
        return whole(time)
    if is_lunch(data, r, code):
        time = max(time, data.vehicle[r, V_LUNCH_FROM])
    return whole(time + rest_of(data, r, code))


@kernel
def follow(
    data: Data,
    state: State,
    way: tuple[int, int, int],
    new: tuple[int, int, int, int, int],
    least: int,
    so_far: tuple[int, int, int],
) -> tuple[int, int, int]:
    """Delay the stops of one route from a position on, as far as the delay reaches.

    Args:
        data: The problem.
        state: The search.
        way: Route, position and the earliest start of the stop there.
        new: Route, position, service, start and way to it of the new stop.
        least: Give up once so many points are reached.
        so_far: Points, largest lateness and waiting events up to now; returned anew, with -1
            events if there is no timetable.
    """
    route, position, time = way
    r, p, s, first, there = new
    points, highest, events = so_far
    soft = data.number[N_SOFT] == 1
    while position < state.route[route, COUNT]:
        u = whole(state.sequence[route, position])
        before = start_of(state, u)
        if time <= before:
            return points, highest, events
        if time > state.record[NOW, route, position, R_START_BY]:
            return points, highest, whole(-1)
        if soft:
            w = state.placed[u, WINDOW]
            points += start_points(data, u, w, time) - start_points(data, u, w, before)
            highest = max(highest, time - data.window[u, w, W_DUE])
        if is_limited(data, route):
            state.number[S_LIMITED] = 1
        state.placed[u, START_TRIAL] = state.number[S_TRIAL]
        state.placed[u, TRY_START] = time
        events = push_events(data, state, u, time, s, first, events)
        if events < 0 or points >= least:
            return points, highest, whole(-1)
        position += 1
        if route == r and position == p:
            if time + data.service[u, DURATION] + there > first:
                events = whole(-1)
            return points, highest, events
        time = reached(data, state, route, position, time + data.service[u, DURATION])
    if soft:
        points += return_points(data, state, route, time)
    return points, highest, events


@kernel
def trial(
    data: Data,
    state: State,
    r: int,
    p: int,
    s: int,
    window: int,
    low: int,
    ways: tuple[int, int],
    least: int,
) -> int:
    """Return the points that the times cost more with s before position p of route r.

    Args:
        data: The problem.
        state: The search; its records must be up to date.
        r: A route.
        p: A position in it.
        s: An absent service.
        window: The one it uses.
        low: Its earliest start.
        ways: Seconds of travel to it and from it.
        least: Stop looking once so many points are reached.

    Returns:
        Points, or `FULL` if there is no timetable or it costs at least `least`. S_LIMITED tells whether
        breaks or longest absences may have a say too.
    """
    there, onward = ways
    state.number[S_LIMITED] = is_limited(data, r) or data.number[N_SHARING] == 1
    state.number[S_TRIAL] += 1
    first = max(low, state.record[NOW, r, p, R_DEPART] + there)
    points = start_points(data, s, window, first)
    highest = first - data.window[s, window, W_DUE]
    events = push_events(data, state, s, first, whole(-1), whole(0), whole(0))
    new = r, p, s, first, there
    if events >= 0 and points < least:
        way = r, p, first + data.service[s, DURATION] + onward
        points, highest, events = follow(data, state, way, new, least, (points, highest, events))
    return chase(data, state, new, least, (points, highest, events))


@kernel
def ripple(
    data: Data,
    state: State,
    place: tuple[int, int, int],
    there: int,
    k: int,
    least: int,
    so_far: tuple[int, int],
) -> int:
    """Return the points that all times cost more, those of route r with s in it as they are in scratch.

    Args:
        data: The problem.
        state: The search; its records must be up to date.
        place: Route r, position and the absent service s.
        there: Seconds of travel to s.
        k: How many stops are settled in scratch, s among them.
        least: Stop looking once so many points are reached.
        so_far: Points of route r, and its largest lateness.

    Returns:
        As `trial`.
    """
    r, p, s = place
    scratch = state.scratch
    points, highest = so_far
    state.number[S_LIMITED] = is_limited(data, r) or data.number[N_SHARING] == 1
    state.number[S_TRIAL] += 1
    state.route[r, RETURN_TRIAL] = state.number[S_TRIAL]
    state.route[r, TRY_RETURN] = scratch[T_EARLY, k]
    first = whole(scratch[T_EARLY, p])
    events = push_events(data, state, s, first, whole(-1), whole(0), whole(0))
    for i in range(k):
        u = whole(scratch[T_SERVICE, i])
        start = whole(scratch[T_EARLY, i])
        if i == p or events < 0 or start <= start_of(state, u):
            continue
        state.placed[u, START_TRIAL] = state.number[S_TRIAL]
        state.placed[u, TRY_START] = start
        events = push_events(data, state, u, start, s, first, events)
    return chase(data, state, (r, p, s, first, there), least, (points, highest, events))


@kernel
def chase(
    data: Data,
    state: State,
    new: tuple[int, int, int, int, int],
    least: int,
    so_far: tuple[int, int, int],
) -> int:
    """Follow the waiting events until none is left; arguments as of `follow`, the result as of `trial`."""
    points, highest, events = so_far
    while events > 0 and points < least:
        events -= 1
        u, time = whole(state.event[events, 0]), state.event[events, 1]
        if time > start_of(state, u):
            way = state.placed[u, ROUTE], state.placed[u, POSITION], time
            points, highest, events = follow(data, state, way, new, least, (points, highest, events))
    if highest > state.number[S_HIGHEST]:
        points += per_minute(data.number[N_HIGHEST], highest - state.number[S_HIGHEST])
    return points if events == 0 and points < least else whole(FULL)
