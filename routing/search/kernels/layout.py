"""Which column of which array means what.

Two named tuples of arrays go through all kernels: `Data` never changes during a search, `State` does.
Each array packs columns that are read together, so that a kernel takes few arguments and little cache.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

BIG = 2**40

whole: Callable[[Any], int] = np.int64  # type: ignore[assignment]  # to numba its integer type
"""Widens a number; to the type checker the result is a plain int, as it is where nothing is compiled."""

# Data.service, columns
(
    LOCATION,
    DURATION,
    VISIT,
    WINDOWS,
    FIRST_LINK,
    END_LINK,
    DEMAND,
    BEFORE,
    AFTER,
    LATE_RATE,
    WISH_FROM,
    WISH_TO,
    PROMISED_TO,
    PROMISED,
    PROMISE_RATE,
    STAYS,
) = range(16)
# Data.window, last axis: allowed starts, after which of them the service is late, and the points of starting
# then with the promised vehicle
W_LOW, W_HIGH, W_DUE, W_POINTS = range(4)
# Data.vehicle, columns
(
    V_START,
    V_END,
    V_KIND,
    V_EARLIEST,
    V_LATEST,
    V_SPAN,
    V_STRETCH,
    V_UNBROKEN,
    V_OPTIONS,
    V_END_OPTIONS,
    V_CAPACITY,
    V_OVERTIME_FROM,
    V_NEXT,
    V_LUNCH,
    V_LUNCH_FROM,
    V_LUNCH_TO,
    V_MISSED,
    V_LEAVE_BY,
    V_NURSE,
    V_DAY,
    V_EARLIER,
    V_LATER,
    V_MATES,
    V_END_MATES,
    V_RANK,
    V_SHIFT,
    V_HOURS,
) = range(27)
# What stands in V_LUNCH
NO_LUNCH, MAY_MISS_LUNCH, NEEDS_LUNCH = range(3)
# Data.option, last axis: length of the breaks together, longest span they allow, which of them is lunch (from
# 1 on, 0 for none), how many there are, and, from O_PART on, the length of each
O_LENGTH, O_SPAN, O_LUNCH, O_PARTS, O_PART = range(5)
MOST_PARTS = 3
# Data.band, last axis: from when it holds, and the number of its matrix
B_START, B_MATRIX = range(2)
# Data.visit, columns
FIRST_SERVICE, END_SERVICE, PENALTY = range(3)
# Data.link, columns; other.start - this.start lies within [L_LEAST, L_MOST]
L_OTHER, L_LEAST, L_MOST, L_NURSES = range(4)
ANY, SAME, DIFFERENT, SHARING = range(4)  # the last: both need the same thing, at any distance
# Data.duty, columns: a vehicle, and least seconds between the two
D_OTHER, D_GAP = range(2)
# Data.number
(
    N_TRAVEL,
    N_USE,
    N_SCAN_ALL,
    N_STRING,
    N_REMOVED,
    N_POOL_EVERY,
    N_TRY_ABSENT,
    N_PAIR_ROUTES,
    N_NEAR,
    N_SOFT,
    N_ORDERS,
    N_HIGHEST,
    N_WISH,
    N_OVERTIME,
    N_WAITING,
    N_BALANCE,
    N_IDLE,
    N_REST,
    N_TIED,
    N_COUPLED,
    N_SHARING,
    N_SLICE,
) = range(22)

# State.record, last axis: what inserting before position p needs to know about its neighbours
(
    R_FROM,
    R_DEPART,
    R_WORK_IN,
    R_LEAVE_BY,
    R_TO,
    R_START_BY,
    R_DONE_AT,
    R_WORK_OUT,
    R_LEG,
    R_START,
    R_LATE_ALL,
    R_LATE_OFF,
    R_LATE_NOW,
) = range(13)
# State.record, first axis
NOW, OLD = range(2)
# State.route, columns; the same again, from OLD_ROUTE on, as they were before this iteration
# HOME (return), LEFT (least leaving) and TOIL (work without break) are kept for routes that bind others
# PEAK is that part of SOFT that ways cost beyond what they take at their best hours
COUNT, TIED, CODE, COST, LOAD, WORK, HIGHEST, SOFT, IDLE, HOME, LEFT, TOIL, PEAK, OLD_ROUTE = range(14)
# What stands in TIED: no other route has a say, or by links only, or by the nurse or a thing too
FREE, LINKED, BOUND = range(3)
# after those: when the route would return, and in which trial that was
TRY_RETURN, RETURN_TRIAL = 2 * OLD_ROUTE, 2 * OLD_ROUTE + 1
# State.placed, columns; route is -1 while a service is absent
# POSITION holds while the route's record does; TRY_START is the start in the trial numbered START_TRIAL
ROUTE, WINDOW, LOWER, EARLIEST, BEST_WINDOW, BEST_START, POSITION, TRY_START, START_TRIAL = range(9)
# State.kept, first axis: what the routes were before this iteration, and in the best plan
K_SEQUENCE, K_WINDOW, K_BEST = range(3)
# State.place, second axis: places to look at more closely, with the points they cost at least and those of
# the way; P_POINTS are all of them once P_KNOWN is 1
P_POINTS, P_WAY, P_ROUTE, P_POSITION, P_WINDOW, P_KNOWN = range(6)
# State.place, first axis: while one service is placed, and while the first of several is
ONE, FIRST = range(2)  # and how many there are stands in State.number at S_PLACES and S_PLACES_OF_FIRST
# State.flag, rows
(
    TOUCHED,
    LIST,
    QUEUED,
    QUEUE,
    DIRTY,
    MOVED,
    BEST_COUNT,
    TRIED,
    AFFECTED,
    BEST_BOUND,
    BEST_LEFT,
    BEST_HOME,
    BEST_TOIL,
) = range(13)
# State.scratch, rows; a route of k stops has its return at place k, and its start in the last column
(
    T_LOCATION,
    T_DURATION,
    T_LOW,
    T_HIGH,
    T_EARLY,
    T_LATE,
    T_IN,
    T_BY,
    T_AT,
    T_OUT,
    T_LEG,
    T_SERVICE,
    T_WINDOW,
    T_REST,
    T_FREE,
    T_HOLDS,
    T_TRY,
    T_ONE,
    T_TWO,
    T_WAY,
) = range(20)
# at the place after the stops T_LOW holds the earliest leaving, T_HIGH the latest return and these two
T_MOST, T_CAP = T_WINDOW, T_DURATION  # most work without the break; longest span
T_PEAK = T_OUT  # and there, once settled: the points of ways beyond their best hours
# State.number
(
    S_COST,
    S_ABSENT,
    S_ITERATION,
    S_BEST,
    S_TOUCHED,
    S_POOLED,
    S_BLINK,
    S_STAMP,
    S_THOROUGH,
    S_TRIAL,
    S_HIGHEST,
    S_MEAN,
    S_LIMITED,
    S_IDLE_MOST,
    S_IDLE_LIMIT,
    S_SEED,
    S_OLD_ABSENT,
    S_PLACES,
    S_PLACES_OF_FIRST,
    S_BUILT,
    S_BUILD_LEFT,
) = range(21)


class Data(NamedTuple):
    """What the search reads.

    Attributes:
        service: Shape (services, 16), int64. PROMISED_TO is a vehicle or -1; what STAYS is never taken out.
        window: Shape (services, most windows, 4), int64.
        vehicle: Shape (vehicles, 27), int64; V_NEXT is the next vehicle like this one, or -1. V_EARLIER to
            V_END_MATES bound its rows in `duty`. V_SHIFT is the length of its shift. V_HOURS is in how many
            bands its travel is cut.
        option: Breaks to choose from, shape (vehicles, most options, 7), int64: V_OPTIONS single ones, then
            those in parts up to V_END_OPTIONS.
        travel: Seconds, the least of the day, shape (kinds, places, places), int32.
        travel_to: The same with the last two axes swapped and contiguous.
        extra: Points of vehicle doing service beyond travel, -1 if it may not; shape (services, vehicles),
            int32.
        visit: Shape (visits, 3), int64.
        member: Services by visit, int32.
        order: Keys by which absent visits may be sorted, shape (keys, visits), int64.
        link: Shape (2 * links, 4), int64, grouped by service.
        linked: Numbers of the services that have a link on times, int32.
        near: Services by nearness, shape (services, neighbours), int32.
        near_vehicle: Vehicles by nearness that may do the service, one of each kind, -1 at the end; shape
            (services, some), int32.
        number: Settings, int64. In N_SLICE percent of the ruins, strings are torn out of routes drawn at
            random at one time of the day, in the others out of the nearest.
        duty: What binds routes without a link, shape (some, 2), int64: by vehicle those it waits for, those
            that wait for it, and those whose work counts on the same day.
        band: For kinds whose travel depends on the hour, shape (kinds, most bands + 1, 2), int64; the first
            is the time before all bands.
        by_band: Their seconds, shape (matrices, places, places), int32.
    """

    service: NDArray[np.int64]
    window: NDArray[np.int64]
    vehicle: NDArray[np.int64]
    option: NDArray[np.int64]
    travel: NDArray[np.int32]
    travel_to: NDArray[np.int32]
    extra: NDArray[np.int32]
    visit: NDArray[np.int64]
    member: NDArray[np.int32]
    order: NDArray[np.int64]
    link: NDArray[np.int64]
    linked: NDArray[np.int32]
    near: NDArray[np.int32]
    near_vehicle: NDArray[np.int32]
    number: NDArray[np.int64]
    duty: NDArray[np.int64]
    band: NDArray[np.int64]
    by_band: NDArray[np.int32]


class State(NamedTuple):
    """What the search writes.

    Attributes:
        sequence: Services of each route, shape (vehicles, room), int32.
        kept: Sequences and windows to come back to, and the best plan; shape (3, vehicles, room), int32.
        record: Of each position, now and before; shape (2, vehicles, room + 1, 13), int32. R_START is the
            start of the stop, or the return, with the break in its gap. Where times cost, a delay of that
            by d minutes costs at least R_LATE_ALL * d - R_LATE_OFF, and R_LATE_NOW * d.
        route: Shape (vehicles, 28), int64.
        placed: Shape (services, 9), int64.
        absent: Visits that are in no route, the first S_ABSENT entries; from the middle on as they were
            before this iteration. Shape (2 * visits,), int32.
        flag: Per vehicle: saved in this iteration (TOUCHED, and as a LIST); waiting in the QUEUE of routes to
            time again (QUEUED); record out of date (DIRTY) or changed in this iteration (MOVED); stops in the
            best plan (BEST_COUNT), and whether others bound its route there, and how; changed while a visit
            of several is tried (TRIED); starts may fall after a ruin (AFFECTED). Shape (13, vehicles + 1),
            int32.
        old_bound: LOWER and EARLIEST of the linked services, then HOME, LEFT and TOIL of the vehicles, three
            levels of saving; shape (3, linked + vehicles, 3), int64.
        scratch: Shape (20, room + 3), int64. T_LEG is the least of a way, T_WAY what it takes by the hour.
        event: Services whose start has to rise in a trial, and to when; shape (some, 2), int64.
        seen: The last stamp of those who look at routes once; shape (vehicles,), int64.
        idle: By the first vehicle of a kind, an idle one like it and the iteration that found it; shape
            (vehicles, 2), int64.
        place: See P_POINTS; shape (2, 6, some), int64.
        pool: Routes worth recombining, shape (some, room + 2), int32: vehicle, count, services.
        number: Totals, int64.
        random: State of the generator, one uint64.
    """

    sequence: NDArray[np.int32]
    kept: NDArray[np.int32]
    record: NDArray[np.int32]
    route: NDArray[np.int64]
    placed: NDArray[np.int64]
    absent: NDArray[np.int32]
    flag: NDArray[np.int32]
    old_bound: NDArray[np.int64]
    scratch: NDArray[np.int64]
    event: NDArray[np.int64]
    seen: NDArray[np.int64]
    idle: NDArray[np.int64]
    place: NDArray[np.int64]
    pool: NDArray[np.int32]
    number: NDArray[np.int64]
    random: NDArray[np.uint64]
