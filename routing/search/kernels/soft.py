"""Times and breaks where they cost points.

A route with its break in a gap has least starts (`settle`); on days without costs of times the first break
that is legal is taken (`breaks.break_code`), on others the cheapest (`choose`). Where waiting costs points
she leaves as late as she can without being back later or starting anything late or outside its wish that
would not be so anyway; stops that are tied to other routes keep their start.
"""

import numpy as np
from numpy.typing import NDArray

from routing.search.compiling import kernel
from routing.search.kernels.codes import NEVER, NO_BREAK, OPTIONS, SPLIT, gap_of, is_lunch, option_of, rest_of
from routing.search.kernels.hours import arrive, leave_by
from routing.search.kernels.layout import (
    BIG,
    LATE_RATE,
    MAY_MISS_LUNCH,
    N_OVERTIME,
    N_REST,
    N_TRAVEL,
    N_WAITING,
    N_WISH,
    NO_LUNCH,
    O_LENGTH,
    O_LUNCH,
    O_SPAN,
    PROMISE_RATE,
    PROMISED,
    PROMISED_TO,
    T_BY,
    T_CAP,
    T_DURATION,
    T_EARLY,
    T_HIGH,
    T_IN,
    T_LEG,
    T_LOCATION,
    T_LOW,
    T_MOST,
    T_PEAK,
    T_REST,
    T_SERVICE,
    T_WAY,
    T_WINDOW,
    V_HOURS,
    V_LEAVE_BY,
    V_LUNCH,
    V_LUNCH_FROM,
    V_LUNCH_TO,
    V_MISSED,
    V_OPTIONS,
    V_OVERTIME_FROM,
    V_SPAN,
    V_STRETCH,
    V_UNBROKEN,
    W_DUE,
    W_POINTS,
    WISH_FROM,
    WISH_TO,
    Data,
    State,
    whole,
)
from routing.search.kernels.splits import first_split, free_by, settle_parts


@kernel
def per_minute(rate: int, seconds: int) -> int:
    """Return the points of so many seconds at a rate per minute, rounded up."""
    return (rate * seconds + 59) // 60


@kernel
def go_through(
    data: Data, scratch: NDArray[np.int64], r: int, k: int, leave: int, pause: tuple[int, int, int, int]
) -> tuple[int, int]:
    """Write the starts of k stops into T_EARLY if she leaves then.

    Where travel depends on the hour, her break is before the way, and T_WAY tells what each way takes.

    Args:
        data: The problem.
        scratch: With the stops.
        r: Her vehicle.
        k: How many stops.
        leave: When she leaves.
        pause: The gap of her break, its length, and when it begins at the soonest and at the latest.

    Returns:
        Her return, BIG if a time cannot be kept, and when the break begins.
    """
    gap, length, rest, rest_by = pause
    time = leave
    for i in range(k + 1):
        reached = time + scratch[T_LEG, i]
        if i == gap:
            rest = max(rest, time)
            reached = max(reached, rest) + length
            if rest > rest_by:
                return whole(BIG), rest
        if data.vehicle[r, V_HOURS] > 0:
            if i == gap:
                time = rest + length
            reached = arrive(data, r, scratch[T_LOCATION, i - 1], scratch[T_LOCATION, i], time)
            scratch[T_WAY, i] = reached - time
        if i == k:
            return whole(reached), rest
        start = max(scratch[T_LOW, i], reached)
        if start > scratch[T_HIGH, i]:
            return whole(BIG), rest
        scratch[T_EARLY, i] = start
        time = start + scratch[T_DURATION, i]
    return whole(time), rest


@kernel
def settle(data: Data, state: State, r: int, k: int, code: int) -> bool:
    """Raise T_EARLY of k swept stops to the least times that keep span and break; False if none do.

    At place k, T_EARLY then holds the return and T_BY the least leaving. A lunch begins in its hours: the
    stop after it starts at `lunch from + length` at the soonest, since she may be there before lunch as well.
    """
    if code >= SPLIT:
        return settle_parts(data, state.scratch, r, k, code, whole(T_EARLY))
    vehicle = data.vehicle[r]
    gap, length = gap_of(code), rest_of(data, r, code)
    cap = min(vehicle[V_SPAN], vehicle[V_UNBROKEN])
    if code > 0:
        cap = min(vehicle[V_SPAN], data.option[r, option_of(code), O_SPAN])
    cap = min(cap, state.scratch[T_CAP, k], state.scratch[T_MOST, k] + length)
    leave = whole(state.scratch[T_LOW, k])
    pause, pause_by = whole(-BIG), whole(BIG)
    if is_lunch(data, r, code):
        pause, pause_by = whole(vehicle[V_LUNCH_FROM]), whole(vehicle[V_LUNCH_TO])
    for _ in range(64):
        time, pause = go_through(data, state.scratch, r, k, leave, (gap, length, pause, pause_by))
        if time > state.scratch[T_HIGH, k]:
            return False
        new_leave = max(leave, time - cap)
        new_pause = pause
        if gap >= 0:
            new_leave = max(new_leave, pause - vehicle[V_STRETCH])
            new_pause = max(pause, time - vehicle[V_STRETCH] - length)
        if new_leave == leave and new_pause == pause:
            state.scratch[T_EARLY, k] = time
            state.scratch[T_BY, k] = leave
            state.scratch[T_REST, 0] = pause
            return True
        if new_leave > vehicle[V_LEAVE_BY]:
            return False
        leave, pause = new_leave, new_pause
    return False


@kernel
def start_points(data: Data, s: int, window: int, start: int) -> int:
    """Return the points of lateness, wish and promised time when s starts then."""
    points = whole(0)
    late = start - data.window[s, window, W_DUE]
    if late > 0:
        points += per_minute(data.service[s, LATE_RATE], late)
    if data.number[N_WISH] > 0:
        off = max(data.service[s, WISH_FROM] - start, start - data.service[s, WISH_TO])
        if off > 0:
            points += per_minute(data.number[N_WISH], off)
    rate = data.service[s, PROMISE_RATE]
    if rate > 0:
        points += per_minute(rate, abs(start - data.service[s, PROMISED]))
    return points


@kernel
def window_points(data: Data, r: int, s: int, window: int) -> int:
    """Return the points of starting in a window, if vehicle r is the one promised to s."""
    return data.window[s, window, W_POINTS] if data.service[s, PROMISED_TO] == r else whole(0)


@kernel
def latest_leaving(data: Data, state: State, r: int, k: int, code: int) -> int:
    """Return when she leaves k settled stops' route at the latest with the same return and no new costs."""
    scratch = state.scratch
    vehicle = data.vehicle[r]
    gap, length = gap_of(code), rest_of(data, r, code)
    pause_by = scratch[T_BY, k] + vehicle[V_STRETCH]
    if is_lunch(data, r, code):
        pause_by = min(pause_by, vehicle[V_LUNCH_TO])
    time = scratch[T_EARLY, k]
    for i in range(k, -1, -1):
        if vehicle[V_HOURS] == 0:
            time -= scratch[T_LEG, i]
        else:
            origin, destination = scratch[T_LOCATION, i - 1], scratch[T_LOCATION, i]
            time = leave_by(data, r, origin, destination, time)
        if code >= SPLIT:
            time = free_by(data, scratch, r, k, (code, i), time)
        elif i == gap:
            time = min(time - length, pause_by)
        if i > 0:
            s, start = scratch[T_SERVICE, i - 1], scratch[T_EARLY, i - 1]
            by = min(scratch[T_HIGH, i - 1], data.window[s, scratch[T_WINDOW, i - 1], W_DUE])
            if data.number[N_WISH] > 0:
                by = min(by, data.service[s, WISH_TO] if start >= data.service[s, WISH_FROM] else start)
            time = min(time - scratch[T_DURATION, i - 1], max(start, by))
    return whole(max(scratch[T_BY, k], min(time, vehicle[V_LEAVE_BY])))


@kernel
def wait_points(data: Data, state: State, r: int, k: int, code: int) -> int:
    """Return the points of waiting on a route of k settled stops."""
    if data.number[N_WAITING] == 0:
        return whole(0)
    scratch = state.scratch
    busy = scratch[T_IN, k] + rest_of(data, r, code)
    left = scratch[T_EARLY, 0] - scratch[T_LEG, 0]
    if left + busy == scratch[T_EARLY, k] and left <= data.vehicle[r, V_LEAVE_BY] and gap_of(code) != 0:
        return whole(0)
    left = latest_leaving(data, state, r, k, code)
    return per_minute(data.number[N_WAITING], scratch[T_EARLY, k] - left - busy)


@kernel
def hour_points(data: Data, state: State, r: int, k: int, code: int) -> int:
    """Return the points of waiting, and of ways beyond what they take at the best hours, k stops settled.

    She leaves as late as her first stop allows; see `routing.ways`. At place k, T_IN then holds the work as
    it is by the hour, and T_PEAK the points of the ways.
    """
    scratch, vehicle = state.scratch, data.vehicle[r]
    low, waits = scratch[T_LOW, k], data.number[N_WAITING] > 0
    if waits:
        scratch[T_LOW, k] = latest_leaving(data, state, r, k, code)
        if not settle(data, state, r, k, code):
            scratch[T_LOW, k] = low
            settle(data, state, r, k, code)
    rest = rest_of(data, r, code)
    latest = leave_by(data, r, scratch[T_LOCATION, -1], scratch[T_LOCATION, 0], scratch[T_EARLY, 0])
    if gap_of(code) == 0:
        latest -= rest
        if is_lunch(data, r, code):
            latest = min(latest, vehicle[V_LUNCH_TO])
    leaves = max(scratch[T_BY, k], min(latest, vehicle[V_LEAVE_BY]))
    departs = leaves
    if gap_of(code) == 0:
        departs = max(scratch[T_REST, 0], min(latest, leaves + vehicle[V_STRETCH])) + rest
    busy = arrive(data, r, scratch[T_LOCATION, -1], scratch[T_LOCATION, 0], departs) - departs
    peak = busy - scratch[T_LEG, 0]
    for i in range(1, k + 1):
        peak += scratch[T_WAY, i] - scratch[T_LEG, i]
        busy += scratch[T_WAY, i] + scratch[T_DURATION, i - 1]
    idle = scratch[T_EARLY, k] - leaves - busy - rest
    if waits:
        scratch[T_LOW, k] = low
        settle(data, state, r, k, code)
    scratch[T_IN, k] = busy
    scratch[T_PEAK, k] = data.number[N_TRAVEL] * peak
    return whole(scratch[T_PEAK, k] + per_minute(data.number[N_WAITING], idle))


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
    if data.vehicle[r, V_HOURS] == 0:
        points += wait_points(data, state, r, k, code)
    else:
        points += hour_points(data, state, r, k, code)
    if data.vehicle[r, V_LUNCH] == MAY_MISS_LUNCH and not is_lunch(data, r, code):
        points += data.vehicle[r, V_MISSED]
    return points, highest


@kernel
def points_with(data: Data, state: State, r: int, k: int, code: int) -> int:
    """Return the points by which breaks of k swept stops are compared, BIG if this one is not possible."""
    if not settle(data, state, r, k, code):
        return whole(BIG)
    points, _ = soft_points(data, state, r, k, code)
    return whole(points - data.number[N_REST] * rest_of(data, r, code) // 60)


@kernel
def lunch_gaps(data: Data, state: State, r: int, k: int) -> tuple[int, int]:
    """Return the first and the last gap worth trying for lunch, k stops settled without it.

    After a stop that ends before the hours of lunch it is better than before that stop, unless the stretches
    of work have a say.
    """
    scratch = state.scratch
    first, last = whole(0), whole(0)
    for i in range(k):
        end = scratch[T_EARLY, i] + scratch[T_DURATION, i]
        if end <= data.vehicle[r, V_LUNCH_FROM] and data.vehicle[r, V_STRETCH] == BIG:
            first = whole(i + 1)
        if end > data.vehicle[r, V_LUNCH_TO]:
            break
        last = whole(i + 1)
    return first, last


@kernel
def choose(data: Data, state: State, r: int, k: int) -> int:
    """Return the cheapest break of k swept stops as a code, NEVER if there is none.

    A break that is no lunch is planned only where one is due; of several lengths of lunch, or of break, the
    shortest that is possible is looked at. So nobody rests only to make a wait look better. Where no
    single break is possible, the first in parts is taken.
    """
    vehicle = data.vehicle[r]
    best, bound = whole(NEVER), whole(-BIG)
    first, last = whole(0), whole(k)
    least = points_with(data, state, r, k, whole(NO_BREAK))
    if least < BIG:
        best = whole(NO_BREAK)
        if vehicle[V_LUNCH] == NO_LUNCH:
            return best
        first, last = lunch_gaps(data, state, r, k)
        if vehicle[V_OPTIONS] == 1 and data.number[N_WISH] == 0:  # no break costs less than its rest saves
            length = data.option[r, 0, O_LENGTH]
            bound = least - vehicle[V_MISSED] - data.number[N_REST] * length // 60
            if vehicle[V_HOURS] == 0:
                bound -= wait_points(data, state, r, k, best)
            else:
                bound -= hour_points(data, state, r, k, best)
    found_lunch, found_other = False, best == NO_BREAK
    for option in range(vehicle[V_OPTIONS]):
        lunch = data.option[r, option, O_LUNCH] == 1
        if found_lunch if lunch else found_other:
            continue
        for gap in range(first, last + 1):
            code = 1 + gap * OPTIONS + option
            points = points_with(data, state, r, k, code)
            if points == BIG:
                continue
            if lunch:
                found_lunch = True
            else:
                found_other = True
            if points < least:
                least, best = points, whole(code)
                if least <= bound:
                    return best
    return best if best != NEVER else first_split(data, state.scratch, r, k)
