"""What inserting into a route needs to know about it, written once its stops have their least times."""

from routing.search.compiling import kernel
from routing.search.kernels.layout import (
    BIG,
    COUNT,
    DURATION,
    LATE_RATE,
    LOCATION,
    LOWER,
    N_OVERTIME,
    N_SHARING,
    N_WAITING,
    NO_LUNCH,
    NOW,
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
    V_EARLIEST,
    V_END,
    V_HOURS,
    V_KIND,
    V_LATEST,
    V_LEAVE_BY,
    V_LUNCH,
    V_OVERTIME_FROM,
    V_SPAN,
    V_START,
    V_UNBROKEN,
    W_DUE,
    WINDOW,
    Data,
    State,
    whole,
)
from routing.search.kernels.rota import is_coupled


@kernel
def is_plain(data: Data, r: int) -> bool:
    """Tell whether vehicle r knows no breaks, longest absence, shifts or hours, and waiting costs nothing."""
    limited = data.vehicle[r, V_SPAN] < BIG or data.vehicle[r, V_UNBROKEN] < BIG
    limited = limited or data.vehicle[r, V_LUNCH] != NO_LUNCH or is_coupled(data, r)
    limited = limited or data.vehicle[r, V_HOURS] > 0
    return not limited and data.number[N_WAITING] == 0 and data.number[N_SHARING] == 0


@kernel
def run_through(data: Data, state: State, r: int) -> bool:
    """Write the least times of route r of a plain vehicle into scratch; False if a window closes before."""
    scratch = state.scratch
    vehicle = data.vehicle[r]
    travel = data.travel[vehicle[V_KIND]]
    depart, at, work = whole(vehicle[V_EARLIEST]), whole(vehicle[V_START]), whole(0)
    count = state.route[r, COUNT]
    for p in range(count):
        u = whole(state.sequence[r, p])
        here, window = data.service[u, LOCATION], state.placed[u, WINDOW]
        leg, duration = whole(travel[at, here]), data.service[u, DURATION]
        start = max(state.placed[u, LOWER], depart + leg)
        if start > data.window[u, window, 1]:
            return False
        scratch[T_SERVICE, p] = u
        scratch[T_WINDOW, p] = window
        scratch[T_LOCATION, p] = here
        scratch[T_DURATION, p] = duration
        scratch[T_HIGH, p] = data.window[u, window, 1]
        scratch[T_LEG, p] = leg
        scratch[T_EARLY, p] = start
        depart, at, work = start + duration, here, work + leg + duration
    leg = whole(travel[at, vehicle[V_END]])
    scratch[T_LEG, count] = leg
    scratch[T_EARLY, count] = depart + leg
    scratch[T_IN, count] = work + leg
    scratch[T_BY, count] = vehicle[V_EARLIEST]
    return bool(depart + leg <= vehicle[V_LATEST])


@kernel
def record_plain(data: Data, state: State, r: int) -> None:
    """Write the record of a plain vehicle's route that was run through, without what only breaks need."""
    scratch, record = state.scratch, state.record[NOW, r]
    count = state.route[r, COUNT]
    at, depart = data.vehicle[r, V_START], data.vehicle[r, V_EARLIEST]
    for p in range(count + 1):
        record[p, R_FROM] = at
        record[p, R_DEPART] = depart
        record[p, R_LEG] = scratch[T_LEG, p]
        record[p, R_WORK_IN] = 0
        record[p, R_WORK_OUT] = 0
        record[p, R_LEAVE_BY] = 2**30
        record[p, R_DONE_AT] = -(2**30)
        at = scratch[T_LOCATION, p] if p < count else data.vehicle[r, V_END]
        depart = scratch[T_EARLY, p] + scratch[T_DURATION, p]
        record[p, R_TO] = at
    late = data.vehicle[r, V_LATEST]
    for p in range(count, -1, -1):
        record[p, R_START_BY] = late
        if p > 0:
            late = min(scratch[T_HIGH, p - 1], late - scratch[T_LEG, p] - scratch[T_DURATION, p - 1])


@kernel
def record_all(data: Data, state: State, r: int, k: int) -> None:
    """Write the record of a swept route of k stops."""
    scratch, record = state.scratch, state.record[NOW, r]
    at, depart = data.vehicle[r, V_START], scratch[T_LOW, k]
    work_in, leave_by = whole(0), whole(data.vehicle[r, V_LEAVE_BY])
    for p in range(k + 1):
        record[p, R_FROM] = at
        record[p, R_DEPART] = depart
        record[p, R_WORK_IN] = work_in
        record[p, R_LEAVE_BY] = leave_by
        record[p, R_START_BY] = scratch[T_LATE, p]
        record[p, R_DONE_AT] = max(scratch[T_AT, p], -(2**30))
        record[p, R_WORK_OUT] = scratch[T_OUT, p]
        record[p, R_LEG] = scratch[T_LEG, p]
        at = scratch[T_LOCATION, p] if p < k else data.vehicle[r, V_END]
        record[p, R_TO] = at
        depart = scratch[T_EARLY, p] + scratch[T_DURATION, p]
        work_in = scratch[T_IN, p] + scratch[T_DURATION, p]
        leave_by = scratch[T_BY, p]


@kernel
def note_lateness(data: Data, state: State, r: int, k: int) -> None:
    """Write what a delay at each of k settled stops costs at least, later stops of the route included.

    A stop with points a per minute of lateness and room b before it costs max(0, a * (d - b)) when a delay d
    comes; the sum over all stops is at least that of a * (d - b), and that over those without any room.
    """
    scratch, record = state.scratch, state.record[NOW, r]
    rate = data.number[N_OVERTIME]
    room = max(whole(0), data.vehicle[r, V_OVERTIME_FROM] - scratch[T_EARLY, k])
    every, off, now = whole(0), whole(0), whole(0)
    if rate > 0 and room < BIG // 2:
        every, off = rate, rate * room
        now = rate if room == 0 else whole(0)
    for p in range(k, -1, -1):
        if p < k:
            wait = (
                scratch[T_EARLY, p + 1] - scratch[T_LEG, p + 1] - scratch[T_EARLY, p] - scratch[T_DURATION, p]
            )
            off += every * wait
            if wait > 0:
                now = whole(0)
            rate = data.service[scratch[T_SERVICE, p], LATE_RATE]
            due = data.window[scratch[T_SERVICE, p], scratch[T_WINDOW, p], W_DUE]
            if rate > 0 and due < BIG // 2:
                room = max(whole(0), due - scratch[T_EARLY, p])
                every += rate
                off += rate * room
                if room == 0:
                    now += rate
        record[p, R_LATE_ALL] = every
        record[p, R_LATE_OFF] = min(off // 60, whole(2**31 - 1))
        record[p, R_LATE_NOW] = now
