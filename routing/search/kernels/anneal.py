"""Simulated annealing around ruin and recreate: accept the new plan, or bring the old one back."""

import numpy as np

from routing.search.compiling import entry, kernel, woven
from routing.search.kernels.insertion import next_blink
from routing.search.kernels.layout import (
    BEST_BOUND,
    BEST_COUNT,
    BEST_HOME,
    BEST_LEFT,
    BEST_START,
    BEST_TOIL,
    BEST_WINDOW,
    BOUND,
    COST,
    COUNT,
    DIRTY,
    EARLIEST,
    HIGHEST,
    HOME,
    IDLE,
    K_BEST,
    K_SEQUENCE,
    K_WINDOW,
    LEFT,
    LIST,
    LOWER,
    MOVED,
    N_BALANCE,
    N_HIGHEST,
    N_IDLE,
    N_POOL_EVERY,
    N_SOFT,
    N_TIED,
    NOW,
    OLD,
    OLD_ROUTE,
    PENALTY,
    POSITION,
    ROUTE,
    S_ABSENT,
    S_BEST,
    S_BUILD_LEFT,
    S_BUILT,
    S_COST,
    S_HIGHEST,
    S_IDLE_LIMIT,
    S_IDLE_MOST,
    S_ITERATION,
    S_MEAN,
    S_POOLED,
    S_THOROUGH,
    S_TOUCHED,
    TIED,
    TOIL,
    TOUCHED,
    WINDOW,
    WORK,
    Data,
    State,
    whole,
)
from routing.search.kernels.links import (
    restore_bounds,
    save_bounds,
)
from routing.search.kernels.loading import load, start_empty
from routing.search.kernels.recreate import choose_absent, put_some, recreate, sort_absent
from routing.search.kernels.reference import by_reference
from routing.search.kernels.rng import unit
from routing.search.kernels.ruin import ruin
from routing.search.kernels.soft import per_minute
from routing.search.kernels.timing import refresh

_OLD = 0  # level of bounds kept for the whole iteration


@kernel
def note_plan(state: State) -> None:
    """Bring the largest lateness and the mean work of the plan up to date."""
    highest, work, idle = whole(0), whole(0), whole(0)
    for r in range(len(state.route)):
        idle = max(idle, state.route[r, IDLE])
        highest = max(highest, state.route[r, HIGHEST])
        work += state.route[r, WORK]
    state.number[S_HIGHEST] = highest
    state.number[S_MEAN] = work // len(state.route)
    state.number[S_IDLE_MOST] = idle


@kernel
def total_cost(data: Data, state: State) -> int:
    """Add up what the plan costs: a change in one route may have moved others."""
    cost = whole(0)
    for r in range(len(data.vehicle)):
        cost += state.route[r, COST]
    for i in range(state.number[S_ABSENT]):
        cost += data.visit[state.absent[i], PENALTY]
    note_plan(state)
    cost += per_minute(data.number[N_HIGHEST], state.number[S_HIGHEST])
    cost += per_minute(data.number[N_IDLE], state.number[S_IDLE_MOST])
    if data.number[N_BALANCE] > 0:
        for r in range(len(data.vehicle)):
            cost += per_minute(data.number[N_BALANCE], abs(state.route[r, WORK] - state.number[S_MEAN]))
    return cost


@kernel
def settle_cost(data: Data, state: State) -> None:
    """Take what the saved routes cost more than before into the total."""
    if data.number[N_SOFT] == 1:
        state.number[S_COST] = total_cost(data, state)
        return
    more = whole(0)
    for i in range(state.number[S_TOUCHED]):
        r = whole(state.flag[LIST, i])
        more += state.route[r, COST] - state.route[r, OLD_ROUTE + COST]
    state.number[S_COST] += more


@woven
def bring_back(data: Data, state: State, cost: int, absent: int) -> None:
    """Undo everything since the iteration began."""
    for i in range(state.number[S_TOUCHED]):
        r = whole(state.flag[LIST, i])
        for p in range(state.route[r, COUNT]):
            state.placed[state.sequence[r, p], ROUTE] = -1
    for i in range(state.number[S_TOUCHED]):
        r = whole(state.flag[LIST, i])
        for c in range(OLD_ROUTE):
            state.route[r, c] = state.route[r, OLD_ROUTE + c]
        count = state.route[r, COUNT]
        for p in range(count):
            s = state.kept[K_SEQUENCE, r, p]
            state.sequence[r, p] = s
            state.placed[s, ROUTE] = r
            state.placed[s, POSITION] = p
            state.placed[s, WINDOW] = state.kept[K_WINDOW, r, p]
            state.placed[s, LOWER] = data.window[s, state.kept[K_WINDOW, r, p], 0]
        for p in range(count + 1):
            for c in range(state.record.shape[3]):
                state.record[NOW, r, p, c] = state.record[OLD, r, p, c]
        state.flag[DIRTY, r] = 0
    for i in range(absent):
        state.absent[i] = state.absent[len(data.visit) + i]
    state.number[S_ABSENT] = absent
    state.number[S_COST] = cost
    if data.number[N_TIED] == 1:
        restore_bounds(data, state, whole(_OLD))
        for r in range(len(data.vehicle)):
            if state.flag[MOVED, r] == 1 or state.flag[DIRTY, r] == 1:
                refresh(data, state, r)


@kernel
def keep_best(data: Data, state: State) -> None:
    """Copy the current plan to the best."""
    state.number[S_BEST] = state.number[S_COST]
    for r in range(len(data.vehicle)):
        count = state.route[r, COUNT]
        state.flag[BEST_COUNT, r] = count
        state.flag[BEST_BOUND, r] = state.route[r, TIED] == BOUND
        if state.flag[BEST_BOUND, r] == 1:
            state.flag[BEST_LEFT, r] = state.route[r, LEFT]
            state.flag[BEST_HOME, r] = state.route[r, HOME]
            state.flag[BEST_TOIL, r] = state.route[r, TOIL]
        for p in range(count):
            s = state.sequence[r, p]
            state.kept[K_BEST, r, p] = s
            state.placed[s, BEST_WINDOW] = state.placed[s, WINDOW]
            state.placed[s, BEST_START] = state.placed[s, EARLIEST]


@kernel
def pour(data: Data, state: State) -> None:
    """Write the routes of the current plan into the pool, over the oldest ones if it is full."""
    for r in range(len(data.vehicle)):
        count = state.route[r, COUNT]
        if count == 0:
            continue
        row = state.number[S_POOLED] % len(state.pool)
        state.pool[row, 0] = r
        state.pool[row, 1] = count
        for p in range(count):
            state.pool[row, p + 2] = state.sequence[r, p]
        state.number[S_POOLED] += 1


@woven
def build(data: Data, state: State, visits: int) -> None:
    """Build a plan from the one to begin with, if any, looking everywhere for each visit.

    So many visits are looked at, all with 0; the next call goes on. Below 0 the others are left out.
    """
    number = state.number
    if number[S_BUILT] < 0:
        start_empty(data, state)
        next_blink(state)
        load(data, state)
        note_plan(state)
        number[S_IDLE_LIMIT] = number[S_IDLE_MOST] // 2
        number[S_THOROUGH] = 1
        sort_absent(data, state, choose_absent(data, state))
        number[S_BUILT] = number[S_BUILD_LEFT] = 0
    begin, count = whole(number[S_BUILT]), whole(number[S_ABSENT])
    end = min(count, begin + visits) if visits > 0 else count
    tries = begin if visits < 0 else end
    number[S_BUILD_LEFT] = put_some(data, state, begin, end, tries, whole(number[S_BUILD_LEFT]))
    number[S_BUILT] = end
    if end < count:
        return
    number[S_ABSENT] = number[S_BUILD_LEFT]
    number[S_THOROUGH] = 0
    settle_cost(data, state)
    keep_best(data, state)
    number[S_ITERATION] = 0


@kernel
def draw_idle_limit(data: Data, state: State) -> None:
    """Draw beyond which idle time an insertion counts it: from the mean of the vehicles to the longest.

    Above the longest nothing would drive it down; at the mean all vehicles would be filled up alike.
    """
    if data.number[N_IDLE] == 0:
        return
    idle = whole(0)
    for r in range(len(data.vehicle)):
        idle += state.route[r, IDLE]
    most = state.number[S_IDLE_MOST]
    state.number[S_IDLE_LIMIT] = most - whole(unit(state.random) * (most - idle // len(data.vehicle)))


@woven
def begin(data: Data, state: State) -> None:
    """Begin an iteration: keep what it may have to come back to and forget what the last one kept."""
    for i in range(state.number[S_TOUCHED]):
        state.flag[TOUCHED, state.flag[LIST, i]] = 0
    state.number[S_TOUCHED] = 0
    for i in range(state.number[S_ABSENT]):
        state.absent[len(data.visit) + i] = state.absent[i]
    if data.number[N_TIED] == 1:
        save_bounds(data, state, whole(_OLD))
        for r in range(len(data.vehicle)):
            state.flag[MOVED, r] = 0
    if data.number[N_SOFT] == 1:
        note_plan(state)  # the last one noted may have been refused
    draw_idle_limit(data, state)
    state.number[S_ITERATION] += 1


@woven
def note_ruined(state: State) -> None:
    """Note by what insertions are judged until the plan is whole again.

    What was torn out comes back, so work is compared with the mean of the plan before; by the mean of what is
    left each insertion would look like too much work.
    """
    mean = state.number[S_MEAN]
    note_plan(state)
    state.number[S_MEAN] = mean


@woven
def search(data: Data, state: State, iterations: int, hot: float, cold: float, total: int) -> None:
    """Do what `advance` says."""
    number = state.number
    if number[S_ITERATION] < 0:
        build(data, state, iterations)
        return
    for _ in range(iterations):
        cost, absent = number[S_COST], number[S_ABSENT]
        temperature = hot
        if total > 0:
            temperature = hot * (cold / hot) ** min(1.0, number[S_ITERATION] / total)
        begin(data, state)
        good = ruin(data, state)
        if data.number[N_SOFT] == 1:
            note_ruined(state)
        if good:
            recreate(data, state)
            settle_cost(data, state)
        if not good or number[S_COST] >= cost - temperature * np.log(1.0 - unit(state.random)):
            bring_back(data, state, cost, absent)
            continue
        if number[S_COST] < number[S_BEST]:
            keep_best(data, state)
        if number[S_ITERATION] % data.number[N_POOL_EVERY] == 0:
            pour(data, state)


@entry
def advance(data: Data, state: State, iterations: int, hot: float, cold: float, total: int) -> None:
    """Run some iterations; the first calls build a plan, see `build`, until S_ITERATION is 0.

    The temperature falls from `hot` to `cold` geometrically over `total` iterations, counted from the first
    call; with `total` 0 it stays at `hot`.
    """
    search(by_reference(data), by_reference(state), iterations, hot, cold, total)
