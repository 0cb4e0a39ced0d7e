"""Where would one more visit fit best?"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from routing.constraints import allowed
from routing.objective import TERMS, compares_routes, depends_on_times
from routing.plan import Plan, Route, Stop
from routing.problem import Nurses, Problem, TimeWindow
from routing.sheet import Sheet, Spot
from routing.units import Points, Seconds

__all__ = [
    "Move",
    "Place",
    "best",
    "best_on",
    "change_of_terms",
    "lay_out",
    "moves",
    "starts",
    "starts_on",
]


@dataclass(frozen=True)
class Move:
    """A stop whose start changes.

    Attributes:
        service: Number of the service.
        vehicle: Number of the vehicle, before and after.
        before: Its start now.
        after: Its start then.
    """

    service: int
    vehicle: int
    before: Seconds
    after: Seconds

    @property
    def seconds(self) -> Seconds:
        """How much later it starts; negative for earlier."""
        return self.after - self.before


@dataclass(frozen=True)
class Place:
    """One way to take a visit into a plan, with all its services.

    Attributes:
        spots: One for each service, in the order in which they go in: a position counts those before it.
        stops: Service to its vehicle and its stop.
        terms: What each term of the cost changes by; the name is that of the objective.
        moved: The stops of others that start at another time than now.
        routes: The routes that change, as they are then.
    """

    spots: tuple[Spot, ...]
    stops: Mapping[int, tuple[int, Stop]]
    terms: Mapping[str, Points]
    moved: tuple[Move, ...]
    routes: tuple[Route, ...]

    @property
    def points(self) -> Points:
        """What the plan then costs more, the penalty of leaving the visit out not counted."""
        return sum(points for name, points in self.terms.items() if name != "unassigned")

    @property
    def vehicles(self) -> tuple[int, ...]:
        """Who would come, in the order of the services."""
        return tuple(spot.vehicle for spot in self.spots)

    def applied(self, routes: Iterable[Route]) -> tuple[Route, ...]:
        """Return all routes of the plan with the visit in it."""
        after = {route.vehicle: route for route in (*routes, *self.routes)}
        return tuple(after[vehicle] for vehicle in sorted(after))


def best(
    problem: Problem, plan: Plan, service: int, *, top: int = 5, once_per_nurse: bool = False
) -> list[Place]:
    """Return the best places for a visit that the plan leaves out, cheapest first.

    All services of the visit go in together. Exact for the given plan: all others stay with their nurse, in
    their order and in the window they have; their times may move, those of linked stops only later.

    Args:
        problem: The day, the visit included.
        plan: A plan that keeps all rules.
        service: Number of any service of the visit; none of them is in a route.
        top: How many places to return at most.
        once_per_nurse: Whether to name only the best place of each nurse, or pair of nurses.
    """
    visit = problem.services[service].visit
    members = [number for number, other in enumerate(problem.services) if other.visit == visit]
    sheet = Sheet(problem, plan.routes, _may(problem, members))
    return best_on(sheet, members, top=top, once_per_nurse=once_per_nurse)


def starts(
    problem: Problem, plan: Plan, service: int, times: Iterable[Seconds], *, top: int = 1
) -> dict[Seconds, list[Place]]:
    """Return at which of many starts a plan can take a visit in, and the cheapest places for each.

    For a visit whose start others decide, as a doctor's hours do: "at which of these forty slots can a nurse
    be there?" Each place is exact for the given plan, as those of `best` are.

    Args:
        problem: The day, the visit included.
        plan: A plan that keeps all rules.
        service: Number of the service that starts then; none of its visit is in a route.
        times: The starts asked about; those outside the service's windows fit nowhere.
        top: How many places to return for each at most, each with other nurses.

    Returns:
        Start to places, cheapest first; a start at which the visit fits nowhere is left out.
    """
    visit = problem.services[service].visit
    mates = [n for n, other in enumerate(problem.services) if other.visit == visit and n != service]
    sheet = lay_out(problem, plan.routes, [service, *mates])
    return starts_on(sheet, [service, *mates], times, top=top)


def lay_out(
    problem: Problem,
    routes: Iterable[Route],
    services: list[int],
    *,
    windows: Mapping[int, TimeWindow] | None = None,
    closed: Iterable[int] = (),
) -> Sheet:
    """Lay a plan out to take one visit in.

    Args:
        problem: The day, the visit included.
        routes: Of a plan that keeps all rules.
        services: All services of the visit.
        windows: Where each planned service may start then, if not in the whole window that it is in.
        closed: Vehicles that take no visit in.
    """
    may = _may(problem, services)
    may[:, sorted(closed)] = False
    return Sheet(problem, routes, may, windows)


def starts_on(
    sheet: Sheet, services: list[int], times: Iterable[Seconds], *, top: int = 1
) -> dict[Seconds, list[Place]]:
    """Return what `starts` does for services that go in together; the sheet is as before afterwards.

    Args:
        sheet: A plan, laid out.
        services: All services of a visit, first the one that starts at the times.
        times: The starts asked about.
        top: How many places to return for each at most.
    """
    asked = sorted(set(times))
    if not asked:
        return {}
    service = services[0]
    search = _Search(sheet, services, top, once_per_nurse=True)
    windows = tuple(
        TimeWindow(max(window.earliest, asked[0]), min(window.latest, asked[-1]))
        for window in sheet.problem.services[service].starts
        if window.earliest <= asked[-1] and window.latest >= asked[0]
    )
    spots = list(sheet.spots(service, windows))
    found = {}
    for start in asked:
        search.found = []
        search.extend([], 0, (spot.at(start) for spot in spots if spot.earliest <= start <= spot.latest))
        if search.found:
            found[start] = search.found
    return found


def best_on(
    sheet: Sheet, services: Iterable[int], *, top: int = 5, once_per_nurse: bool = False
) -> list[Place]:
    """Return the best places for services that go in together; the sheet is as before afterwards."""
    search = _Search(sheet, list(services), top, once_per_nurse=once_per_nurse)
    search.extend([], 0)
    return search.found


def _may(problem: Problem, members: list[int]) -> NDArray[np.bool_]:
    """Return which vehicle may do which service, with true rows for the members of one visit only."""
    asked = tuple(replace(problem.services[number], inside=None) for number in members)
    alone = replace(problem, services=asked, links=(), orders=())
    may = np.zeros((len(problem.services), len(problem.vehicles)), dtype=np.bool_)
    may[members] = allowed(alone)
    return may


class _Search:
    """Branch and bound over the spots of a visit's services, one after the other."""

    def __init__(self, sheet: Sheet, services: list[int], top: int, *, once_per_nurse: bool) -> None:
        self.sheet = sheet
        self.services = services
        self.top = top
        self.once_per_nurse = once_per_nurse
        self.found: list[Place] = []
        self.savings = _savings(sheet, apart=len(services) == 1)
        self.most_savings = max(self.savings, default=0)
        self.rest = [0]
        for after in range(len(services) - 1, 0, -1):
            self.rest.append(self.rest[-1] + self._least(services[after], services[:after]))
        self.rest.reverse()

    def _least(self, service: int, others: list[int]) -> Points:
        """Return a lower bound of what a service adds, wherever the others of its visit are."""
        problem = self.sheet.problem
        first = next(self.sheet.spots(service), None)
        bounds = [] if first is None else [first.points]
        here = problem.services[service].location
        for other in others:
            if any(
                link.nurses is Nurses.DIFFERENT and {link.first, link.second} == {service, other}
                for link in self.sheet.links.get(service, ())
            ):
                continue
            there = problem.services[other].location
            for travel in problem.travel:
                seconds = travel.least.astype(np.int64)
                out = seconds[there, here] + (seconds[here] - seconds[there]).min()
                back = seconds[here, there] + (seconds[:, here] - seconds[:, there]).min()
                bounds.append(problem.weights.travel * int(min(out, back)))
        return min(bounds, default=0)

    def _hopeless(self, points: Points) -> bool:
        """Whether nothing that costs so much would be among the best."""
        return len(self.found) >= self.top and points >= self.found[self.top - 1].points

    def extend(self, taken: list[Spot], points: Points, spots: Iterable[Spot] | None = None) -> None:
        """Try all spots of the next service beside those taken, or only these, the cheapest first."""
        rest = self.rest[len(taken)]
        for spot in self.sheet.spots(self.services[len(taken)]) if spots is None else spots:
            least = points + spot.points
            if self._hopeless(least + rest - self.most_savings):
                break
            if self._hopeless(least + rest - self.savings[spot.vehicle]):
                continue
            self.sheet.take(spot)
            if len(taken) + 1 < len(self.services):
                self.extend([*taken, spot], least)
            elif not self._known([*taken, spot], least):
                self._try([*taken, spot])
            self.sheet.give_back(spot)

    def _known(self, spots: list[Spot], least: Points) -> bool:
        """Whether a better place of the same nurses is found already, and one is enough."""
        if not self.once_per_nurse:
            return False
        nurses = sorted(spot.vehicle for spot in spots)
        return any(
            sorted(place.vehicles) == nurses and place.points <= least - self.most_savings
            for place in self.found
        )

    def _try(self, spots: list[Spot]) -> None:
        """Time the plan with these spots; keep the place if it is among the best."""
        routes = self.sheet.settle(self.services)
        if routes is None:
            return
        place = self._place(spots, routes)
        if self.once_per_nurse:
            nurses = sorted(place.vehicles)
            twins = [other for other in self.found if sorted(other.vehicles) == nurses]
            if twins and twins[0].points <= place.points:
                return
            self.found = [other for other in self.found if other not in twins]
        self.found.append(place)
        self.found.sort(key=lambda found: found.points)
        del self.found[self.top :]

    def _place(self, spots: list[Spot], routes: tuple[Route, ...]) -> Place:
        own = set(self.services)
        now = self.sheet.routes
        stops = {
            stop.service: (route.vehicle, stop)
            for route in routes
            for stop in route.stops
            if stop.service in own
        }
        before = [now[route.vehicle] for route in routes if route.vehicle in now]
        terms = change_of_terms(self.sheet.problem, list(now.values()), before, routes)
        return Place(tuple(spots), stops, terms, moves(before, routes), routes)


def change_of_terms(
    problem: Problem, plan: list[Route], before: Iterable[Route], after: Iterable[Route]
) -> dict[str, Points]:
    """Return what each term of the cost changes by when some routes of a plan become others.

    Args:
        problem: The day.
        plan: All routes as they are.
        before: Those of them that change or vanish.
        after: What they become, and routes that are new.
    """
    gone, come = list(before), list(after)
    if compares_routes(problem):
        vehicles = {route.vehicle for route in (*gone, *come)}
        come += [route for route in plan if route.vehicle not in vehicles]
        gone = plan
    terms = {
        name: term(problem, come) - term(problem, gone)
        for name, term in TERMS.items()
        if name != "unassigned"
    }
    penalties = [
        sum(problem.services[stop.service].penalty for route in routes for stop in route.stops)
        for routes in (gone, come)
    ]
    return terms | {"unassigned": penalties[0] - penalties[1]}


_OF_ROUTES = ("lateness", "off_wish", "overtime", "waiting", "missed_lunch")
_OF_PLANS = ("highest_lateness", "balance", "longest_idle")


def _savings(sheet: Sheet, *, apart: bool) -> list[Points]:
    """Return by vehicle how many points beyond the least travel an insertion may save: those there are.

    Args:
        sheet: The plan.
        apart: Whether only one route is changed, unless links move others.
    """
    problem, vehicles = sheet.problem, range(len(sheet.problem.vehicles))
    if not depends_on_times(problem):
        return [0 for _ in vehicles]
    routes = list(sheet.routes.values())
    together = sum(TERMS[name](problem, routes) for name in _OF_PLANS)
    if not apart or problem.links:
        together += sum(TERMS[name](problem, routes) for name in _OF_ROUTES)
        together += sum(_of_hours(problem, route) for route in routes)
        return [together for _ in vehicles]
    own = {
        route.vehicle: sum(TERMS[name](problem, [route]) for name in _OF_ROUTES) + _of_hours(problem, route)
        for route in routes
    }
    return [together + own.get(vehicle, 0) for vehicle in vehicles]


def _of_hours(problem: Problem, route: Route) -> Points:
    """Return what the ways of a route cost beyond what they take at their best hours."""
    nurse = problem.vehicles[route.vehicle]
    places = [nurse.start, *(problem.services[stop.service].location for stop in route.stops), nurse.end]
    least = sum(problem.seconds(route.vehicle, origin, there) for origin, there in pairwise(places))
    return problem.weights.travel * (route.travel - least)


def moves(before: Iterable[Route], after: Iterable[Route]) -> tuple[Move, ...]:
    """Return the stops that stay with their nurse and start at another time, by their new start."""
    starts = {stop.service: (route.vehicle, stop.start) for route in before for stop in route.stops}
    moved = [
        Move(stop.service, route.vehicle, starts[stop.service][1], stop.start)
        for route in after
        for stop in route.stops
        if starts.get(stop.service, (None, 0))[0] == route.vehicle and starts[stop.service][1] != stop.start
    ]
    return tuple(sorted(moved, key=lambda move: (move.after, move.vehicle)))
