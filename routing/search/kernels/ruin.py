"""Taking strings of neighbouring stops out of neighbouring routes.

J. Christiaens, G. Vanden Berghe: Slack Induction by String Removals, Transportation Science 54 (2020),
doi:10.1287/trsc.2019.0914. A visit goes out whole: when one of its services falls, the others follow.
"""

import numpy as np

from routing.search.compiling import kernel
from routing.search.kernels.insertion import position_of, take
from routing.search.kernels.layout import (
    COUNT,
    DIRTY,
    END_LINK,
    END_SERVICE,
    FIRST_LINK,
    FIRST_SERVICE,
    K_SEQUENCE,
    K_WINDOW,
    L_OTHER,
    LIST,
    N_REMOVED,
    N_SLICE,
    N_STRING,
    N_TIED,
    NOW,
    OLD,
    OLD_ROUTE,
    PENALTY,
    POSITION,
    R_START,
    ROUTE,
    S_ABSENT,
    S_COST,
    S_OLD_ABSENT,
    S_SEED,
    S_STAMP,
    S_TOUCHED,
    STAYS,
    TOUCHED,
    VISIT,
    WINDOW,
    Data,
    State,
    whole,
)
from routing.search.kernels.links import relax
from routing.search.kernels.rng import below, unit
from routing.search.kernels.timing import is_timed, refresh

_SPLIT = 0.5  # share of strings that keep some stops in their middle
_AROUND_ABSENT = 0.3  # how often strings are torn around a visit that is left out, if there is one
_KEEP_MORE = 0.01  # how seldom one more stop is kept


@kernel
def save_route(state: State, r: int) -> None:
    """Remember route r as it was before this iteration."""
    if state.flag[TOUCHED, r] == 1:
        return
    state.flag[TOUCHED, r] = 1
    state.flag[LIST, state.number[S_TOUCHED]] = r
    state.number[S_TOUCHED] += 1
    for i in range(OLD_ROUTE):
        state.route[r, OLD_ROUTE + i] = state.route[r, i]
    count = state.route[r, COUNT]
    for p in range(count):
        state.kept[K_SEQUENCE, r, p] = state.sequence[r, p]
        state.kept[K_WINDOW, r, p] = state.placed[state.sequence[r, p], WINDOW]
    for p in range(count + 1):
        for i in range(state.record.shape[3]):
            state.record[OLD, r, p, i] = state.record[NOW, r, p, i]


@kernel
def leave_out(data: Data, state: State, visit: int) -> None:
    """Take all services of a visit out of their routes and count its penalty."""
    for i in range(data.visit[visit, FIRST_SERVICE], data.visit[visit, END_SERVICE]):
        s = whole(data.member[i])
        r = state.placed[s, ROUTE]
        if r >= 0:
            save_route(state, r)
            take(state, r, position_of(state, s))
            state.flag[DIRTY, r] = 1
            for j in range(data.service[s, FIRST_LINK], data.service[s, END_LINK]):
                other = state.placed[data.link[j, L_OTHER], ROUTE]
                if other >= 0 and is_timed(data, j):
                    state.flag[DIRTY, other] = 1  # nothing of s raises its stops any more
    state.absent[state.number[S_ABSENT]] = visit
    state.number[S_ABSENT] += 1
    state.number[S_COST] += data.visit[visit, PENALTY]


@kernel
def remove_string(data: Data, state: State, s: int, length: int) -> None:
    """Take `length` stops around s out of its route, sometimes sparing a few in between."""
    r = state.placed[s, ROUTE]
    count = state.route[r, COUNT]
    spared = whole(0)
    if length > 1 and unit(state.random) < _SPLIT:
        spared = whole(1)
        while length + spared < count and unit(state.random) < _KEEP_MORE:
            spared += 1
        spared = min(spared, count - length)
    width = length + spared
    at = position_of(state, s)
    least = max(whole(0), at - width + 1)
    first = least + below(state.random, min(at, count - width) - least + 1)
    skip_from = first + length
    if spared > 0:
        skip_from = first + 1 + below(state.random, length)
    taken = state.scratch[0]
    fallen = whole(0)
    for p in range(first, first + width):
        spare = data.service[state.sequence[r, p], STAYS] == 1
        if not spare and not skip_from <= p < skip_from + spared:
            taken[fallen] = data.service[state.sequence[r, p], VISIT]
            fallen += 1
    for i in range(fallen):
        visit = taken[i]
        if state.placed[data.member[data.visit[visit, FIRST_SERVICE]], ROUTE] >= 0:
            leave_out(data, state, visit)


@kernel
def stop_at(state: State, r: int, time: int) -> int:
    """Return the stop of route r that starts nearest to a time; any of them if its times are out of date."""
    count = state.route[r, COUNT]
    best = below(state.random, count)
    if state.flag[DIRTY, r] == 0:
        for p in range(count):
            off = abs(state.record[NOW, r, p, R_START] - time)
            if off < abs(state.record[NOW, r, best, R_START] - time):
                best = whole(p)
    return whole(state.sequence[r, best])


@kernel
def tear_slice(data: Data, state: State, seed: int, strings: int, longest: float) -> None:
    """Tear strings out of routes drawn at random around the seed, about the time at which it starts."""
    time = whole(data.window[seed, 0, 0])
    r = state.placed[seed, ROUTE]
    if r >= 0:
        time = whole(state.record[NOW, r, state.placed[seed, POSITION], R_START])
    torn = whole(0)
    for i in range(4 * strings):
        s = seed
        if i > 0 or r < 0:
            if data.near.shape[1] == 0:
                break
            r = state.placed[data.near[seed, below(state.random, data.near.shape[1])], ROUTE]
            if r < 0 or state.seen[r] == state.number[S_STAMP]:
                continue
            s = stop_at(state, r, time)
        if data.service[s, STAYS] == 1:
            continue
        state.seen[r] = state.number[S_STAMP]
        most = min(longest, np.float64(state.route[r, COUNT]))
        length = whole(unit(state.random) * most) + 1
        remove_string(data, state, s, min(length, state.route[r, COUNT]))
        torn += 1
        if torn == strings:
            break


@kernel
def ruin(data: Data, state: State) -> bool:
    """Tear some strings out; False if the rest cannot be timed anew (then the iteration is undone)."""
    services = len(data.service)
    vehicles = len(data.vehicle)
    used, placed = whole(0), whole(0)
    state.number[S_OLD_ABSENT] = state.number[S_ABSENT]
    for r in range(vehicles):
        if state.route[r, COUNT] > 0:
            used += 1
            placed += state.route[r, COUNT]
    if used > 0:
        longest = min(np.float64(data.number[N_STRING]), placed / used)
        most_strings = max(1.0, 4.0 * data.number[N_REMOVED] / (1.0 + longest) - 1.0)
        strings = whole(unit(state.random) * most_strings) + 1
        seed = below(state.random, services)
        if state.number[S_ABSENT] > 0 and unit(state.random) < _AROUND_ABSENT:
            visit = state.absent[below(state.random, state.number[S_ABSENT])]
            seed = whole(data.member[data.visit[visit, FIRST_SERVICE]])
        state.number[S_SEED] = seed
        torn = whole(0)
        state.number[S_STAMP] += 1
        if data.number[N_SLICE] > 0 and 100 * unit(state.random) < data.number[N_SLICE]:
            tear_slice(data, state, seed, strings, longest)
            torn = strings
        for i in range(-1, data.near.shape[1]):
            if torn == strings:
                break
            s = seed if i < 0 else whole(data.near[seed, i])
            r = state.placed[s, ROUTE]
            if r < 0 or state.seen[r] == state.number[S_STAMP] or data.service[s, STAYS] == 1:
                continue
            state.seen[r] = state.number[S_STAMP]
            most = min(longest, np.float64(state.route[r, COUNT]))
            length = whole(unit(state.random) * most) + 1
            remove_string(data, state, s, min(length, state.route[r, COUNT]))
            torn += 1
    if data.number[N_TIED] == 1:
        return relax(data, state)
    good = True
    for i in range(state.number[S_TOUCHED]):
        r = whole(state.flag[LIST, i])
        if state.flag[DIRTY, r] == 1:
            good = refresh(data, state, r) and good
    return good
