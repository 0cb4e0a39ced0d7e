"""A problem as the arrays the kernels read, and the arrays they write."""

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from routing.constraints import allowed
from routing.objective import depends_on_times
from routing.problem import Nurses, Problem, Service
from routing.rota import Rota
from routing.search.break_rows import break_rows
from routing.search.kernels import layout
from routing.search.kernels.layout import BIG, Data, State
from routing.search.promises import Promise, promised_choices, promised_nurses, promised_penalty, window_table
from routing.search.travel_arrays import travel_arrays
from routing.soft_times import binds, rest_worth

SCAN_ALL_UP_TO = 60
"""With more services than this an insertion looks only into routes near the service."""

NEAR_SERVICES = 25
NEAR_VEHICLES = 12
NEIGHBOURS = 250
POOL_ROWS = 20_000
FAR = 2**33  # more than any way there and back
_NURSES = {Nurses.ANY: layout.ANY, Nurses.SAME: layout.SAME, Nurses.DIFFERENT: layout.DIFFERENT}


def data_of(
    problem: Problem, promises: Mapping[int, Promise] | None = None, staying: Collection[int] = ()
) -> Data:
    """Lay a problem out for the kernels; `promises` by service, what is `staying` is never taken out."""
    promised = {} if promises is None else promises
    may = allowed(problem)
    visits = list(problem.visits().values())
    rota = Rota(problem)
    out = _out(problem, may)
    link, first, end = _links(problem, rota, *out)
    windows = [
        promised_choices(choices_of(problem, s), promised.get(n)) for n, s in enumerate(problem.services)
    ]
    after = dict(problem.orders)
    before = {second: first_of for first_of, second in problem.orders}
    visit_of = np.zeros(len(problem.services), dtype=np.int64)
    for number, members in enumerate(visits):
        visit_of[members] = number
    service = np.array(
        [
            (
                *(s.location, s.duration, visit_of[n], len(windows[n]), first[n], end[n]),
                *(s.demand, before.get(n, -1), after.get(n, -1), s.late or 0),
                *((-BIG, BIG) if s.wish is None else (s.wish.earliest, s.wish.latest)),
                *((p.vehicle, p.start, p.per_minute) if (p := promised.get(n)) else (-1, 0, 0)),
                n in staying,
            )
            for n, s in enumerate(problem.services)
        ],
        dtype=np.int64,
    ).reshape(-1, 16)
    travel, travel_to, band, by_band = travel_arrays(problem)
    duty, bounds = _duties(rota, len(problem.vehicles))
    vehicle, option = _vehicles(problem, rota, bounds)
    ends = np.cumsum([len(members) for members in visits], dtype=np.int64)
    extra = _extra(problem, may)
    promised_nurses(extra, promised)
    numbers = _numbers(problem, rota)
    numbers[layout.N_SOFT] |= any(promise.per_minute for promise in promised.values())
    return Data(
        service=service,
        window=window_table(windows),
        vehicle=vehicle,
        option=option,
        travel=travel,
        travel_to=travel_to,
        extra=extra,
        visit=np.stack(
            [
                ends - [len(members) for members in visits],
                ends,
                np.array([promised_penalty(problem, members, promised) for members in visits]),
            ],
            axis=1,
        ).astype(np.int64),
        member=np.array([s for members in visits for s in members], dtype=np.int32),
        order=_orders(problem, visits, may, travel[0]),
        link=link,
        linked=_linked(problem),
        near=_near(service[:, layout.LOCATION], travel[0], *out),
        near_vehicle=_near_vehicles(problem, may, travel, vehicle[:, layout.V_NEXT]),
        number=numbers,
        duty=duty,
        band=band,
        by_band=by_band,
    )


def state_of(data: Data, seed: int) -> State:
    """Allocate what a search writes: an empty plan and a seeded generator."""
    services, vehicles = len(data.service), len(data.vehicle)
    room = _room(data)

    def table(*shape: int) -> NDArray[np.int32]:
        return np.zeros(shape, dtype=np.int32)

    def wide(*shape: int) -> NDArray[np.int64]:
        return np.zeros(shape, dtype=np.int64)

    state = State(
        sequence=table(vehicles, room),
        kept=table(3, vehicles, room),
        record=table(2, vehicles, room + 1, 13),
        route=wide(vehicles, 2 * layout.OLD_ROUTE + 2),
        placed=wide(services, 9),
        absent=np.tile(np.arange(len(data.visit), dtype=np.int32), 2),
        flag=table(13, vehicles + 1),
        old_bound=wide(3, len(data.linked) + vehicles, 3),
        scratch=wide(20, room + 3),
        event=wide(8 * len(data.linked) + 16, 2),
        seen=wide(vehicles),
        idle=wide(vehicles, 2),
        place=wide(2, 6, (services + vehicles) * data.window.shape[1]),
        pool=table(POOL_ROWS if room <= 200 else 4 * vehicles, room + 2),
        number=wide(layout.S_BUILD_LEFT + 1),
        random=np.array([seed], dtype=np.uint64),
    )
    state.placed[:, layout.ROUTE] = -1
    state.route[:, layout.HOME] = -BIG
    state.number[layout.S_ABSENT] = len(data.visit)
    state.number[layout.S_ITERATION] = state.number[layout.S_BUILT] = -1
    return state


def _room(data: Data) -> int:
    """Return how many stops a route can hold at most: all, or what the shortest services leave time for."""
    services = len(data.service)
    shortest = int(data.service[:, layout.DURATION].min(initial=BIG))
    if shortest <= 0 or not len(data.vehicle):
        return max(1, services)
    longest = data.vehicle[:, layout.V_LATEST] - data.vehicle[:, layout.V_EARLIEST]
    return max(1, min(services, int(longest.max()) // shortest + 1))


def choices_of(problem: Problem, service: Service) -> list[tuple[int, int, int]]:
    """Return the intervals of starts to choose from, each with the second after which it is late.

    Times are the earliest possible; so that a service may wait for its wished time, an interval that begins
    before the wish is a second choice from there on.
    """
    choices = []
    for window in service.starts:
        due = BIG
        if service.late is not None and service.pinned_start is None:
            due = max(w.latest for w in service.windows if w.earliest <= window.earliest)
        elif service.late is not None:
            due = window.earliest - service.lateness(window.earliest)
        choices.append((window.earliest, window.latest, due))
        wish = service.wish if problem.weights.off_wish else None
        if wish is not None and window.earliest < wish.earliest <= window.latest:
            choices.append((wish.earliest, window.latest, due))
    return choices


def _vehicles(
    problem: Problem, rota: Rota, bounds: list[list[int]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    choices = [break_rows(v, split=not problem.depends_on_hours(n)) for n, v in enumerate(problem.vehicles)]
    following = _following(problem, rota)
    nurses = {nurse: number for number, nurse in enumerate(dict.fromkeys(v.nurse for v in problem.vehicles))}
    most = max((len(choice) for choice in choices), default=1)
    option = np.zeros((len(problem.vehicles), max(1, most), 7), dtype=np.int64)
    rows = []
    for number, (vehicle, choice) in enumerate(zip(problem.vehicles, choices, strict=True)):
        rule = vehicle.breaks
        stretch = BIG if rule is None else rule.longest_stretch
        unbroken = BIG if rule is None else min(stretch, rule.steps[0][0] if rule.steps else BIG)
        option[number, : len(choice)] = np.array(choice, dtype=np.int64).reshape(-1, 7)
        span = BIG if vehicle.max_work is None else vehicle.max_work
        day = vehicle.back_by - vehicle.leaves_from
        lunch = vehicle.lunch
        kind = layout.NO_LUNCH if lunch is None else layout.MAY_MISS_LUNCH
        if lunch is not None and lunch.missed is None:
            kind, unbroken = layout.NEEDS_LUNCH, -1
        span, unbroken = (BIG if day <= most_of_it else most_of_it for most_of_it in (span, unbroken))
        rows.append(
            (
                vehicle.start,
                vehicle.end,
                vehicle.travel,
                vehicle.leaves_from,
                vehicle.back_by,
                span,
                stretch,
                unbroken,
                sum(parts == 1 for _, _, _, parts, *_ in choice),
                len(choice),
                BIG if vehicle.capacity is None else vehicle.capacity,
                vehicle.shift.latest,
                following[number],
                kind,
                0 if lunch is None else lunch.earliest,
                0 if lunch is None else lunch.latest,
                0 if lunch is None else lunch.missed or 0,
                vehicle.leaves_by,
                nurses[vehicle.nurse],
                rota.most.get(number, BIG),
                *bounds[number],
                rota.rank[number],
                vehicle.shift.latest - vehicle.shift.earliest,
                len(problem.travel[vehicle.travel].bands),
            )
        )
    return np.array(rows, dtype=np.int64).reshape(-1, 27), option


def _duties(rota: Rota, vehicles: int) -> tuple[NDArray[np.int64], list[list[int]]]:
    """Return what binds routes without a link, and for each vehicle where its rows begin and end."""
    rows: list[tuple[int, int]] = []
    bounds = []
    for number in range(vehicles):
        begins = []
        mates = [(mate, 0) for mate in rota.mates.get(number, ())]
        for some in (rota.earlier.get(number, ()), rota.later.get(number, ()), mates):
            begins.append(len(rows))
            rows += some
        bounds.append([*begins, len(rows)])
    return np.array(rows, dtype=np.int64).reshape(-1, 2), bounds


def _following(problem: Problem, rota: Rota) -> list[int]:
    """Return for each vehicle the next one that is like it in everything, or -1."""
    named = {n for s in problem.services for n in (*(s.allowed or ()), *s.forbidden, *s.preferred, *s.known)}
    named |= rota.coupled | {s.pinned_vehicle for s in problem.services if s.pinned_vehicle is not None}
    following = [-1] * len(problem.vehicles)
    last: dict[str, int] = {}
    for number, vehicle in enumerate(problem.vehicles):
        name = vehicle.id if number in named else ""
        nurse = "" if vehicle.nurse == vehicle.id else vehicle.nurse
        kind = repr(replace(vehicle, id=name, nurse=nurse, uses=frozenset()))
        if kind in last:
            following[last[kind]] = number
        last[kind] = number
    return following


def _links(
    problem: Problem, rota: Rota, begin: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    both = [
        (one, other, -BIG, BIG, layout.SHARING)
        for one, others in rota.sharing.items()
        for other in others
        if begin[one] < end[other] and begin[other] < end[one]
    ]
    for n in problem.links:
        least, most = n.min_gap, BIG if n.max_gap is None else n.max_gap
        if not binds(problem, n):
            least, most = -BIG, BIG
        both.append((n.first, n.second, least, most, _NURSES[n.nurses]))
        both.append((n.second, n.first, -most, -least, _NURSES[n.nurses]))
    both.sort()
    owner = np.array([row[0] for row in both], dtype=np.int64)
    numbers = np.arange(len(problem.services))
    link = np.array([row[1:] for row in both], dtype=np.int64).reshape(-1, 4)
    return link, np.searchsorted(owner, numbers), np.searchsorted(owner, numbers, side="right")


def _out(problem: Problem, may: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each service the begin and the end of the time in which shifts that may do it are out."""
    begins = np.array([vehicle.leaves_from for vehicle in problem.vehicles], dtype=np.int64)
    ends = np.array([vehicle.back_by for vehicle in problem.vehicles], dtype=np.int64)
    return (
        np.where(may, begins, BIG).min(axis=1, initial=BIG),
        np.where(may, ends, -BIG).max(axis=1, initial=-BIG),
    )


def _linked(problem: Problem) -> NDArray[np.int32]:
    linked = {s for link in problem.links if binds(problem, link) for s in (link.first, link.second)}
    return np.array(sorted(linked), dtype=np.int32)


def _extra(problem: Problem, may: NDArray[np.bool_]) -> NDArray[np.int32]:
    extra = np.where(may, 0, -1).astype(np.int32)
    for number, service in enumerate(problem.services):
        if service.preferred:
            other = may[number].copy()
            other[list(service.preferred)] = False
            extra[number, other] = problem.weights.not_preferred
        for vehicle, points in service.known.items():
            extra[number, vehicle] += points * may[number, vehicle]
    if problem.weights.overqualified:
        for skill in {skill for service in problem.services for skill in service.skills}:
            asked = np.array([service.skills.get(skill, -1) for service in problem.services])
            held = np.array([vehicle.skills.get(skill, -1) for vehicle in problem.vehicles])
            beyond = np.where(may & (asked[:, None] >= 0), held[None, :] - asked[:, None], 0)
            extra += (np.maximum(beyond, 0) * problem.weights.overqualified).astype(np.int32)
    return extra


def _orders(
    problem: Problem, visits: list[list[int]], may: NDArray[np.bool_], travel: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Return keys to sort absent visits by, smallest first.

    Long ones, far ones, near ones, short windows, early ends, late starts, few nurses, high penalties.
    """
    starts = sorted({vehicle.start for vehicle in problem.vehicles})
    rows = []
    for members in visits:
        services = [problem.services[s] for s in members]
        far = max(int(travel[starts, s.location].min()) if starts else 0 for s in services)
        rows.append(
            (
                -sum(s.duration for s in services),
                -far,
                far,
                min(sum(w.latest - w.earliest for w in s.windows) for s in services),
                min(s.windows[-1].latest for s in services),
                -max(s.windows[0].earliest for s in services),
                min(int(may[n].sum()) for n in members),
                -sum(s.penalty for s in services),
            )
        )
    return np.ascontiguousarray(np.array(rows, dtype=np.int64).reshape(-1, 8).T)


def _near(
    locations: NDArray[np.int64], travel: NDArray[np.int32], begin: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int32]:
    """Return the services nearest to each by travel; those that no shift can do beside it come last."""
    count = len(locations)
    keep = min(max(count - 1, 0), NEIGHBOURS)
    near = np.zeros((count, keep), dtype=np.int32)
    for low in range(0, count, 500):
        rows = locations[low : low + 500]
        both = travel[np.ix_(rows, locations)].astype(np.int64) + travel[np.ix_(locations, rows)].T
        apart = (begin[low : low + 500, None] >= end) | (begin >= end[low : low + 500, None])
        both += apart * np.int64(FAR)
        both[np.arange(len(rows)), np.arange(low, low + len(rows))] = -1
        some = (
            np.argpartition(both, keep, axis=1)[:, : keep + 1]
            if keep + 1 < count
            else np.argsort(both, axis=1)
        )
        some = np.sort(some, axis=1)
        order = np.argsort(np.take_along_axis(both, some, axis=1), axis=1, kind="stable")
        near[low : low + len(rows)] = np.take_along_axis(some, order, axis=1)[:, 1:]
    return near


def _near_vehicles(
    problem: Problem, may: NDArray[np.bool_], travel: NDArray[np.int32], following: NDArray[np.int64]
) -> NDArray[np.int32]:
    keep = min(len(problem.vehicles), NEAR_VEHICLES)
    if not problem.services or not keep:
        return np.full((len(problem.services), keep), -1, dtype=np.int32)
    locations = [service.location for service in problem.services]
    away = np.stack([travel[v.travel, v.start, locations] for v in problem.vehicles], axis=1).astype(np.int64)
    away[~may] = BIG
    away[:, following[following >= 0]] = BIG  # the first of each kind leads to them
    near = np.argsort(away, axis=1, kind="stable")[:, :keep]
    near[np.take_along_axis(away, near, axis=1) == BIG] = -1
    return near.astype(np.int32)


def _numbers(problem: Problem, rota: Rota) -> NDArray[np.int64]:
    number = np.zeros(22, dtype=np.int64)
    weights = problem.weights
    number[layout.N_SOFT] = depends_on_times(problem)
    number[layout.N_ORDERS] = bool(problem.orders)
    number[layout.N_HIGHEST] = weights.highest_lateness
    number[layout.N_WISH] = weights.off_wish
    number[layout.N_OVERTIME] = weights.overtime
    number[layout.N_WAITING] = weights.waiting
    number[layout.N_BALANCE] = weights.balance
    number[layout.N_IDLE] = weights.longest_idle
    number[layout.N_REST] = rest_worth(problem)
    number[layout.N_SHARING] = bool(rota.sharing)
    number[layout.N_COUPLED] = rota.binds
    number[layout.N_TIED] = rota.binds or bool(len(_linked(problem)))
    number[layout.N_TRAVEL] = problem.weights.travel
    number[layout.N_USE] = problem.weights.vehicle_use
    number[layout.N_SCAN_ALL] = len(problem.services) <= (SCAN_ALL_UP_TO if weights.travel else 400)
    number[layout.N_STRING] = 10
    number[layout.N_REMOVED] = 10 if weights.travel else 6  # of 3, 5 and 7, 5 and 7 cost least (few seeds)
    number[layout.N_SLICE] = 20 * int(number[layout.N_SOFT]) if weights.travel else 100
    number[layout.N_POOL_EVERY] = 997
    number[layout.N_TRY_ABSENT] = 15
    number[layout.N_PAIR_ROUTES] = 6
    number[layout.N_NEAR] = NEAR_SERVICES
    return number
