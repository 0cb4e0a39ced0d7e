"""The day as it is after some events: what cannot be undone, and what is asked now."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from routing.clock import Clock
from routing.plan import Plan, Route, Stop
from routing.problem import Link, Problem, Service, TimeWindow, Vehicle
from routing.repair.events import (
    Event,
    InvalidEvent,
    NurseIll,
    PatientAway,
    PlaceClosed,
    UrgentVisit,
    VisitLonger,
)
from routing.rota import Rota
from routing.timetable import Part, fit
from routing.units import Seconds, as_duration

__all__ = ["ChangedDay", "changed_day"]


@dataclass(frozen=True)
class ChangedDay:
    """A day after events.

    Attributes:
        problem: What is asked now; the repaired plan is judged by it. Services keep their numbers, urgent
            ones follow. What has begun is pinned; who is gone or ill is closed to the others.
        search_problem: The same, but nobody is free before now: the last service of each nurse that is over
            lasts until now.
        begun: Number of each service that is done, running or driven to, to its vehicle and stop.
        gone: Number of each service that nobody can do any more, to a sentence why.
        freed: Services that must leave their nurse.
    """

    problem: Problem
    search_problem: Problem
    begun: dict[int, tuple[int, Stop]]
    gone: dict[int, str] = field(default_factory=dict)
    freed: frozenset[int] = frozenset()


def changed_day(problem: Problem, plan: Plan, events: Iterable[Event], *, now: Seconds) -> ChangedDay:
    """Return the day after some events, seen from one moment.

    A stop has begun if it is done or running, or if its nurse is on her way there and could not be there from
    where she was any sooner. Windows lose what lies before now.

    Args:
        problem: The day as it was planned.
        plan: A plan that keeps its rules.
        events: What happened, all of it.
        now: The moment, in seconds of the day.

    Raises:
        InvalidEvent: An event names what is not there, or a service that is over.
    """
    happened = tuple(events)
    problem = _with_urgent(problem, happened)
    placed = plan.placed()
    _refuse(problem, happened, placed, now)
    ill = {event.vehicle: event.from_time for event in happened if isinstance(event, NurseIll)}
    gone = _gone(problem, happened)
    gone = {s: why for s, why in gone.items() if s not in placed or placed[s][1].start > now}
    services = list(problem.services)
    for event in happened:
        if isinstance(event, VisitLonger):
            services[event.service] = replace(services[event.service], duration=event.duration)
    lasting = replace(problem, services=tuple(services))
    begun: dict[int, tuple[int, Stop]] = {}
    for route in plan.routes:
        for stop in _begun(lasting, route, now, ill.get(route.vehicle), gone):
            begun[stop.service] = (route.vehicle, stop)
    begun_visits = {services[number].visit for number in begun}
    for number, asked in enumerate(services):
        service = _remote(asked, number, problem, begun)
        services[number], why = _seen_from(now, service, number, begun, begun_visits, frozenset(ill))
        if why and number not in gone:
            gone[number] = why
        if number in gone:
            penalty = 0 if gone[number] == AWAY else service.penalty
            services[number] = replace(services[number], allowed=frozenset(), penalty=penalty)
    changed = replace(
        problem, services=tuple(services), links=_links(problem, begun, now), orders=_orders(problem, begun)
    )
    left = {vehicle for vehicle, _ in begun.values()}
    vehicles = [
        vehicle if number in left or vehicle.back_by < now else _leaving_from(vehicle, now)
        for number, vehicle in enumerate(problem.vehicles)
    ]
    for number in left:
        kept = [stop for vehicle, stop in begun.values() if vehicle == number]
        vehicles[number] = _allowing(changed, number, sorted(kept, key=lambda stop: stop.start))
    changed = _unbound(replace(changed, vehicles=tuple(vehicles)), begun)
    freed = frozenset(
        number
        for number, (vehicle, _) in placed.items()
        if number not in begun and (vehicle in ill or number in gone)
    )
    return ChangedDay(changed, _free_from(changed, begun, now), begun, gone, freed)


AWAY = "the patient is away"
CLOSED = "nobody gets to the place any more"
PASSED = "its time has passed"


def _with_urgent(problem: Problem, events: Sequence[Event]) -> Problem:
    services, links = list(problem.services), list(problem.links)
    for event in events:
        if isinstance(event, UrgentVisit):
            first = len(services)
            links += [replace(n, first=n.first + first, second=n.second + first) for n in event.links]
            services += event.services
    return replace(problem, services=tuple(services), links=tuple(links))


def _refuse(
    problem: Problem, events: Sequence[Event], placed: dict[int, tuple[int, Stop]], now: Seconds
) -> None:
    """Raise for an event that makes no sense."""
    visits = {service.visit for service in problem.services}
    for event in events:
        if isinstance(event, NurseIll) and not 0 <= event.vehicle < len(problem.vehicles):
            raise InvalidEvent(f"there is no vehicle number {event.vehicle}")
        if isinstance(event, PatientAway) and event.visit not in visits:
            raise InvalidEvent(f"the day has no visit {event.visit}")
        if isinstance(event, PlaceClosed) and not 0 <= event.location < problem.places:
            raise InvalidEvent(f"there is no place number {event.location}")
        if isinstance(event, VisitLonger):
            if not 0 <= event.service < len(problem.services):
                raise InvalidEvent(f"there is no service number {event.service}")
            stop = placed.get(event.service, (0, None))[1]
            if stop is not None and stop.end <= now:
                raise InvalidEvent(f"service {problem.services[event.service].id} is over")
            if stop is not None and stop.start + event.duration < now:
                raise InvalidEvent(f"service {problem.services[event.service].id} has lasted longer already")
            for link in problem.links:
                part = problem.services[link.second]
                ends = part.duration + (link.max_gap or 0)
                if link.first == part.inside == event.service and ends > event.duration:
                    raise InvalidEvent(
                        f"service {part.id} may end {as_duration(ends)} after the one it is inside of began"
                    )


def _gone(problem: Problem, events: Sequence[Event]) -> dict[int, str]:
    away = {event.visit for event in events if isinstance(event, PatientAway)}
    closed = {event.location for event in events if isinstance(event, PlaceClosed)}
    gone = {n: CLOSED for n, service in enumerate(problem.services) if service.location in closed}
    return gone | {n: AWAY for n, service in enumerate(problem.services) if service.visit in away}


def _begun(
    problem: Problem, route: Route, now: Seconds, ill_from: Seconds | None, gone: dict[int, str]
) -> list[Stop]:
    """Return the stops of a route that cannot be changed any more, or need not be, in order."""
    begun: list[Stop] = []
    for stop in route.stops:
        if stop.service in gone:
            continue
        under_way = stop.arrival - stop.travel <= now and stop.start < now + stop.travel
        if ill_from is not None:
            service = problem.services[stop.service]
            under_way = stop.start + service.duration <= ill_from
            if begun and under_way:
                last = problem.services[begun[-1].service]
                free = begun[-1].start + last.duration
                reached = problem.arrival(route.vehicle, last.location, service.location, free)
                under_way = reached <= stop.start
        if stop.start > now and not under_way:
            break
        begun.append(stop)
    return begun


def _seen_from(
    now: Seconds,
    service: Service,
    number: int,
    begun: dict[int, tuple[int, Stop]],
    begun_visits: set[str],
    ill: frozenset[int],
) -> tuple[Service, str]:
    """Return a service as it is asked now, and why it cannot be done at all, if so."""
    if number in begun:
        vehicle, stop = begun[number]
        return replace(service, pinned_vehicle=vehicle, pinned_start=stop.start), ""
    visit = f"{service.visit} (rest)" if service.visit in begun_visits else service.visit
    service = replace(service, visit=visit, forbidden=service.forbidden | ill)
    if service.pinned_start is not None:
        return service, PASSED if service.pinned_start < now else ""
    # one that may be late still may when its window is over; what it is late by now is counted no more
    ends = [max(w.latest, now) if service.late is not None else w.latest for w in service.windows]
    windows = {
        TimeWindow(max(window.earliest, now), end)
        for window, end in zip(service.windows, ends, strict=True)
        if end >= now
    }
    return (replace(service, windows=tuple(windows)), "") if windows else (service, PASSED)


def _remote(service: Service, number: int, problem: Problem, begun: dict[int, tuple[int, Stop]]) -> Service:
    """Return a part from afar with the starts that a service which has begun leaves to it."""
    if service.inside is None or service.inside not in begun:
        return service
    start = begun[service.inside][1].start
    for link in problem.links:
        if (link.first, link.second) == (service.inside, number) and link.max_gap is not None:
            service = replace(service, windows=(TimeWindow(start + link.min_gap, start + link.max_gap),))
    return service


def _links(problem: Problem, begun: dict[int, tuple[int, Stop]], now: Seconds) -> tuple[Link, ...]:
    """Return the links that still can hold: those to what has begun bind only while their gap lasts."""
    links = []
    for link in problem.links:
        first, second = begun.get(link.first), begun.get(link.second)
        if first and not second and link.max_gap is not None and first[1].start + link.max_gap < now:
            continue
        if second and not first and second[1].start - link.min_gap < now:
            continue
        links.append(link)
    return tuple(links)


def _orders(problem: Problem, begun: dict[int, tuple[int, Stop]]) -> tuple[tuple[int, int], ...]:
    """Return the orders that still can hold: nothing is done directly before what has begun."""
    return tuple((a, b) for a, b in problem.orders if a in begun or b not in begun)


def _leaving_from(vehicle: Vehicle, now: Seconds) -> Vehicle:
    """Return a vehicle that has not left; a shift that is over lasts until now, the overtime from there."""
    end = max(vehicle.shift.latest, now)
    shift = TimeWindow(max(vehicle.shift.earliest, now), end)
    return replace(vehicle, shift=shift, overtime=vehicle.shift.latest + vehicle.overtime - end)


def _allowing(problem: Problem, number: int, stops: list[Stop]) -> Vehicle:
    """Return a vehicle as it must be for what has begun to keep the rules: that cannot be undone."""
    vehicle = problem.vehicles[number]
    parts = [_part(problem, stop) for stop in stops]
    free = stops[-1].start + parts[-1].duration
    home = problem.arrival(number, parts[-1].location, vehicle.end, free)
    late = max(0, home - vehicle.shift.latest)
    due = vehicle.next_duty
    longer = replace(
        vehicle,
        overtime=max(vehicle.overtime, late),
        next_duty=None if due is not None and home > due - vehicle.rest else due,
    )
    for changed in (
        vehicle,
        longer,
        replace(longer, max_work=None),
        replace(longer, breaks=None),
        replace(longer, lunch=None),
        replace(longer, max_work=None, breaks=None),
        replace(longer, max_work=None, breaks=None, lunch=None),
    ):
        if _fits(problem, changed, parts):
            return changed
    raise InvalidEvent(f"nurse {vehicle.id} cannot have done what the plan says she has begun")


def _unbound(problem: Problem, begun: dict[int, tuple[int, Stop]]) -> Problem:
    """Return the day without the rules between shifts that what has begun breaks: that cannot be undone."""
    if _is_timed(problem, begun):
        return problem
    bound = Rota(problem).bound(_sequences(begun))
    services = tuple(
        replace(s, needs=frozenset()) if n in begun else s for n, s in enumerate(problem.services)
    )
    for nurse in (None, ""):
        vehicles = tuple(
            replace(v, max_day=None, rest=0, uses=frozenset(), nurse=v.nurse if nurse is None else nurse)
            if n in bound
            else v
            for n, v in enumerate(problem.vehicles)
        )
        freed = replace(problem, services=services, vehicles=vehicles)
        if _is_timed(freed, begun):
            break
    return freed


def _sequences(begun: dict[int, tuple[int, Stop]]) -> dict[int, list[int]]:
    sequences: dict[int, list[int]] = {}
    for service, (vehicle, _) in sorted(begun.items(), key=lambda place: place[1][1].start):
        sequences.setdefault(vehicle, []).append(service)
    return sequences


def _is_timed(problem: Problem, begun: dict[int, tuple[int, Stop]]) -> bool:
    """Whether what has begun keeps the rules between shifts of one nurse or with the same things."""
    sequences = _sequences(begun)
    windows = {service: TimeWindow(stop.start, stop.start) for service, (_, stop) in begun.items()}
    alone = {number: sequences[number] for number in Rota(problem).bound(sequences)}
    return Clock(replace(problem, links=()), alone, windows).spread(sorted(alone)) is not None


def _fits(problem: Problem, vehicle: Vehicle, parts: list[Part]) -> bool:
    alone = Problem((), (vehicle,), problem.travel)
    return fit(alone, 0, parts) is not None


def _free_from(problem: Problem, begun: dict[int, tuple[int, Stop]], now: Seconds) -> Problem:
    """Return the problem with each nurse's last service drawn out until now, if she may be out so long."""
    services = list(problem.services)
    stops: dict[int, list[Stop]] = {}
    for vehicle, stop in sorted(begun.values(), key=lambda place: place[1].start):
        stops.setdefault(vehicle, []).append(stop)
    bound = Rota(problem).bound(_sequences(begun))
    for vehicle, row in stops.items():
        last = row[-1]
        service = services[last.service]
        if last.start + service.duration >= now:
            continue
        parts = [_part(problem, stop) for stop in row]
        parts[-1] = replace(parts[-1], duration=now - last.start)
        if _fits(problem, problem.vehicles[vehicle], parts):
            services[last.service] = replace(service, duration=now - last.start)
            if vehicle in bound and not _is_timed(replace(problem, services=tuple(services)), begun):
                services[last.service] = service  # a route that waits for this one has begun
    return replace(problem, services=tuple(services))


def _part(problem: Problem, stop: Stop) -> Part:
    service = problem.services[stop.service]
    return Part(service.location, service.duration, stop.start, stop.start)
