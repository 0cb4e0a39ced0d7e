"""Breaks in two or three parts, for routes that have no timetable with one: `routing.splits`, compiled."""

import numpy as np
from numpy.typing import NDArray

from routing.search.compiling import kernel, woven
from routing.search.kernels.codes import GAP_BITS, MOST_GAPS, NEVER, gap_of_part, option_of
from routing.search.kernels.layout import (
    BIG,
    O_LENGTH,
    O_LUNCH,
    O_PART,
    O_PARTS,
    O_SPAN,
    T_BY,
    T_CAP,
    T_DURATION,
    T_FREE,
    T_HIGH,
    T_HOLDS,
    T_LATE,
    T_LEG,
    T_LOW,
    T_MOST,
    T_ONE,
    T_REST,
    T_TRY,
    T_TWO,
    V_END_OPTIONS,
    V_LEAVE_BY,
    V_LUNCH_FROM,
    V_LUNCH_TO,
    V_OPTIONS,
    V_SPAN,
    V_STRETCH,
    Data,
    whole,
)

MOST_ROUNDS = 8
"""A chain of bounds passes each of three parts and the leaving once: more rounds than that have no end."""
HOLDS, FIRST, LAST = 1, 2, 4


@kernel
def go_with_parts(data: Data, scratch: NDArray[np.int64], r: int, k: int, code: int, row: int) -> int:
    """Write the starts of k stops into a row if she leaves at T_BY, and when the parts begin into T_REST.

    Returns:
        Her return, BIG if a time cannot be kept.
    """
    option = data.option[r, option_of(code)]
    time, part = scratch[T_BY, k], whole(0)
    for i in range(k + 1):
        reached = time + scratch[T_LEG, i]
        while part < option[O_PARTS] and gap_of_part(code, part) == i:
            time = max(time, scratch[T_REST, part])
            scratch[T_REST, part] = time
            reached = max(reached, time) + option[O_PART + part]
            part += 1
            if option[O_LUNCH] == part and time > data.vehicle[r, V_LUNCH_TO]:
                return BIG
            time += option[O_PART + part - 1]
        if i == k:
            return whole(reached)
        time = max(scratch[T_LOW, i], reached)
        if time > scratch[T_HIGH, i]:
            return BIG
        scratch[row, i] = time
        time += scratch[T_DURATION, i]
    return BIG


@kernel
def settle_parts(data: Data, scratch: NDArray[np.int64], r: int, k: int, code: int, row: int) -> bool:
    """Write the least times of k stops with a split break into a row, as `soft.settle`; False if none do.

    T_REST then holds when the parts begin.
    """
    vehicle, option = data.vehicle[r], data.option[r, option_of(code)]
    cap = min(vehicle[V_SPAN], option[O_SPAN], scratch[T_CAP, k], scratch[T_MOST, k] + option[O_LENGTH])
    for part in range(option[O_PARTS]):
        scratch[T_REST, part] = vehicle[V_LUNCH_FROM] if option[O_LUNCH] == part + 1 else -BIG
    scratch[T_BY, k] = scratch[T_LOW, k]
    for _ in range(MOST_ROUNDS):
        time = go_with_parts(data, scratch, r, k, code, row)
        if time > scratch[T_HIGH, k]:
            return False
        moved, least = False, time
        for part in range(option[O_PARTS] - 1, -1, -1):
            least -= vehicle[V_STRETCH] + option[O_PART + part]
            moved = moved or least > scratch[T_REST, part]
            least = max(least, scratch[T_REST, part])
            scratch[T_REST, part] = least
        leave = max(time - cap, least - vehicle[V_STRETCH])
        if not moved and leave <= scratch[T_BY, k]:
            scratch[row, k] = time
            return True
        scratch[T_BY, k] = max(leave, scratch[T_BY, k])
        if leave > vehicle[V_LEAVE_BY]:
            return False
    return False


@kernel
def free_by(data: Data, scratch: NDArray[np.int64], r: int, k: int, where: tuple[int, int], time: int) -> int:
    """Return by when she is free before a gap if she drives from `time` on at the latest, the parts settled.

    `where` are the code of the breaks and the gap. Each part begins so late that no stretch is too long, the
    part before being as early as it may.
    """
    code, gap = where
    option, stretch = data.option[r, option_of(code)], data.vehicle[r, V_STRETCH]
    until = time + scratch[T_LEG, gap]
    for part in range(option[O_PARTS] - 1, -1, -1):
        if gap_of_part(code, part) != gap:
            continue
        resumed = scratch[T_BY, k]
        if part > 0:
            resumed = scratch[T_REST, part - 1] + option[O_PART + part - 1]
        time -= option[O_PART + part]
        until = min(until - option[O_PART + part], resumed + stretch)
        if option[O_LUNCH] == part + 1:
            until = min(until, data.vehicle[r, V_LUNCH_TO])
    return whole(min(time, until))


@kernel
def look_for_room(data: Data, scratch: NDArray[np.int64], r: int, k: int) -> tuple[int, int, int, int]:
    """Write what k stops leave to breaks into T_FREE and T_LATE, and which gaps may hold some into T_HOLDS.

    T_FREE is when she is free at the soonest before each leg, T_LATE when she must have done it.

    Returns:
        Work, when she leaves at the latest and is back at the soonest without a break, and how many gaps may
        hold a part.
    """
    vehicle = data.vehicle[r]
    work, by, time = whole(0), whole(vehicle[V_LEAVE_BY]), whole(scratch[T_LOW, k])
    for i in range(k):
        scratch[T_FREE, i] = time
        work += scratch[T_LEG, i]
        by = min(by, scratch[T_HIGH, i] - work)
        work += scratch[T_DURATION, i]
        time = max(time + scratch[T_LEG, i], scratch[T_LOW, i]) + scratch[T_DURATION, i]
    scratch[T_FREE, k] = time
    done = time + scratch[T_LEG, k]
    shortest, stretch = whole(BIG), vehicle[V_STRETCH]
    for option in range(vehicle[V_OPTIONS], vehicle[V_END_OPTIONS]):
        for part in range(data.option[r, option, O_PARTS]):
            shortest = min(shortest, data.option[r, option, O_PART + part])
    late, gaps = whole(scratch[T_HIGH, k]), whole(0)
    for i in range(k, -1, -1):
        if i < k:
            late = min(scratch[T_HIGH, i], late - scratch[T_LEG, i + 1] - scratch[T_DURATION, i])
        scratch[T_LATE, i] = late
        scratch[T_HOLDS, i] = 0
        if scratch[T_FREE, i] + scratch[T_LEG, i] + shortest <= late:
            scratch[T_HOLDS, i] = HOLDS
            scratch[T_HOLDS, i] |= FIRST if scratch[T_FREE, i] <= by + stretch else 0
            scratch[T_HOLDS, i] |= LAST if late + stretch >= done else 0
            gaps += 1
    return whole(work + scratch[T_LEG, k]), by, whole(done), gaps


@kernel
def delay(scratch: NDArray[np.int64], k: int, gap: int, length: int, rows: tuple[int, int]) -> None:
    """Write from one row to another when she is free before each leg once a part lies in a gap."""
    time = scratch[rows[0], gap] + length
    for i in range(gap, k):
        scratch[rows[1], i] = time
        time = max(time + scratch[T_LEG, i], scratch[T_LOW, i]) + scratch[T_DURATION, i]
    scratch[rows[1], k] = time


@woven
def has_room(scratch: NDArray[np.int64], gap: int, row: int, length: int) -> bool:
    """Tell whether a part so long fits into a gap before which she is free as a row says."""
    return bool(scratch[row, gap] + scratch[T_LEG, gap] + length <= scratch[T_LATE, gap])


@kernel
def first_of_option(data: Data, scratch: NDArray[np.int64], r: int, k: int, option: int) -> int:
    """Return what `first_split` does, of one way to cut the break."""
    holds, parts = scratch[T_HOLDS], data.option[r, option, O_PART:]
    three = data.option[r, option, O_PARTS] == 3
    for first in range(k + 1):
        if holds[first] & FIRST == 0:
            continue
        delay(scratch, k, whole(first), parts[0], (whole(T_FREE), whole(T_ONE)))
        for second in range(first, k + 1):
            if not has_room(scratch, whole(second), whole(T_ONE), parts[1]):
                continue
            end = whole(second)
            if three:
                end = whole(k)
                delay(scratch, k, whole(second), parts[1], (whole(T_ONE), whole(T_TWO)))
            for third in range(second, end + 1):
                if holds[third] & LAST == 0:
                    continue
                if three and not has_room(scratch, whole(third), whole(T_TWO), parts[2]):
                    continue
                this = whole(((option << GAP_BITS | first) << GAP_BITS | second) << GAP_BITS | third)
                if settle_parts(data, scratch, r, k, this, whole(T_TRY)):
                    return this
    return NEVER


@kernel
def first_split(data: Data, scratch: NDArray[np.int64], r: int, k: int) -> int:
    """Return the code of the first split break with which k stops have a timetable, or NEVER.

    Leaves T_EARLY as it is.
    """
    vehicle = data.vehicle[r]
    if vehicle[V_OPTIONS] == vehicle[V_END_OPTIONS] or k >= MOST_GAPS:
        return NEVER
    work, by, done, gaps = look_for_room(data, scratch, r, k)
    if gaps == 0:
        return NEVER
    for option in range(vehicle[V_OPTIONS], vehicle[V_END_OPTIONS]):
        cap = min(vehicle[V_SPAN], data.option[r, option, O_SPAN])
        if max(done - by, work + data.option[r, option, O_LENGTH]) > cap:
            continue
        this = first_of_option(data, scratch, r, k, whole(option))
        if this != NEVER:
            return this
    return NEVER
