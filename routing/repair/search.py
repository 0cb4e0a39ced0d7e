"""Repair by taking few visits out of their routes and putting them back where they cost least."""

import random

import numpy as np
from numpy.typing import NDArray

from routing.clock import Clock
from routing.constraints import allowed
from routing.insertion import Place, best_on, change_of_terms
from routing.objective import cost_of
from routing.plan import Plan, Route
from routing.problem import Service, TimeWindow
from routing.repair.day import ChangedDay
from routing.repair.disturbance import Published
from routing.rota import Rota
from routing.sheet import Sheet
from routing.timetable import Part, fit
from routing.units import Points, Seconds

__all__ = ["Repair"]

LOOK_AT = 6
NEAR = 40
MOST_TAKEN = 4


class Repair:
    """One repair: a first answer by `start`, then a chance for a better one with each `step`.

    Args:
        day: The changed day.
        plan: The plan to repair.
        published: Its promises.
        seed: Of the draws.
    """

    def __init__(self, day: ChangedDay, plan: Plan, published: Published, seed: int) -> None:
        self.day = day
        self.problem = day.search_problem
        self.published = published
        self.random = random.Random(seed)  # noqa: S311 - these draws keep no secret
        self.visits = self.problem.visits()
        self.kept = {s: vehicle for s, (vehicle, _) in plan.placed().items() if s not in day.freed}
        self.starts = {s: stop.start for s, (_, stop) in plan.placed().items()}
        self.fixed = set(day.begun) | set(day.gone)
        self.open = {
            visit for visit, members in self.visits.items() if not any(s in self.fixed for s in members)
        }
        self.sheet = self._unbroken(plan)
        self.due = published.broken(self.sheet.routes.values())
        absent = [visit for visit in self.visits if visit in self.open and not self._is_in(self.sheet, visit)]
        before = {plan_left.service for plan_left in plan.unassigned}
        self.trouble = [visit for visit in absent if self.visits[visit][0] not in before]
        self.left = [visit for visit in absent if self.visits[visit][0] in before]
        self.best_points = self._points(self.sheet)
        self._near: dict[int, NDArray[np.int64]] = {}

    def _is_in(self, sheet: Sheet, visit: str) -> bool:
        return self.visits[visit][0] in sheet.clock.at

    def _unbroken(self, plan: Plan) -> Sheet:
        """Return the plan without what cannot stay: freed services, and stops that come too late now.

        The others keep their published start if they can, and start later if they must.
        """
        sequences = {
            route.vehicle: [stop.service for stop in route.stops if stop.service in self.kept]
            for route in plan.routes
        }
        split = self._torn(sequences)
        sequences = {v: [s for s in row if s not in split] for v, row in sequences.items()}
        windows = {s: self._window(s) for row in sequences.values() for s in row}
        for vehicle, row in sequences.items():
            while row and fit(self.problem, vehicle, self._parts(row, windows)) is None:
                self._strike(sequences, self._culprit(vehicle, row, windows))
        while True:
            used = {vehicle: row for vehicle, row in sequences.items() if row}
            clock = Clock(self.problem, used, windows)
            times = clock.spread(sorted(used))
            if times is not None:
                break
            self._strike(sequences, self._bound_culprit(used))
        placed = {s for row in used.values() for s in row}
        routes = clock.routes(times)
        windows = {s: window for s, window in windows.items() if s in placed}
        sheet = Sheet(self.problem, routes, allowed(self.problem), windows)
        for service in self.kept:
            if service not in self.fixed:
                sheet.choices[service] = self._choices(service)
        return sheet

    def _window(self, service: int) -> TimeWindow:
        """Return the window that holds the published start, from there on."""
        start = self.starts[service]
        windows = self.problem.services[service].starts
        window = next((w for w in windows if w.latest >= start), windows[-1])
        return TimeWindow(max(window.earliest, min(start, window.latest)), window.latest)

    def _choices(self, service: int) -> tuple[TimeWindow, ...]:
        """Return its windows, and the one that comes no sooner than published."""
        own = self.problem.services[service].starts
        return tuple(dict.fromkeys((self._window(service), *own)))

    def _torn(self, sequences: dict[int, list[int]]) -> set[int]:
        """Return kept services whose visit has lost another service."""
        placed = {s for row in sequences.values() for s in row}
        return {
            s for members in self.visits.values() if not placed.issuperset(members) for s in members
        } & placed - set(self.day.begun)

    def _strike(self, sequences: dict[int, list[int]], service: int) -> None:
        members = self.visits[self.problem.services[service].visit]
        for row in sequences.values():
            row[:] = [s for s in row if s not in members]

    def _parts(self, row: list[int], windows: dict[int, TimeWindow]) -> list[Part]:
        services = self.problem.services
        return [
            Part(services[s].location, services[s].duration, windows[s].earliest, windows[s].latest)
            for s in row
        ]

    def _culprit(self, vehicle: int, row: list[int], windows: dict[int, TimeWindow]) -> int:
        """Return the stop to give up: the cheapest of those that mend the route alone, else the last."""
        free = [s for s in row if s not in self.day.begun]
        mending = [
            s
            for s in free
            if fit(self.problem, vehicle, self._parts([o for o in row if o != s], windows)) is not None
        ]
        return min(mending, key=self._penalty) if mending else free[-1]

    def _penalty(self, service: int) -> Points:
        members = self.visits[self.problem.services[service].visit]
        return sum(self.problem.services[s].penalty for s in members)

    def _bound_culprit(self, sequences: dict[int, list[int]]) -> int:
        """Return the stop of least penalty that has not begun, of those that bind other routes."""
        placed = {s for row in sequences.values() for s in row} - set(self.day.begun)
        linked = {s for link in self.problem.links for s in (link.first, link.second)}
        linked |= {s for vehicle in Rota(self.problem).bound(sequences) for s in sequences[vehicle]}
        return min(linked & placed, key=lambda s: (self._penalty(s), s))

    def _points(self, sheet: Sheet) -> Points:
        routes = tuple(sheet.routes.values())
        return cost_of(self.problem, routes).total + self.published.points(routes)

    def _more(self, sheet: Sheet) -> Points:
        """Return what the plan of a sheet costs more than the best so far."""
        old, new = self.sheet.routes, sheet.routes
        gone = [route for vehicle, route in old.items() if new.get(vehicle) is not route]
        come = [route for vehicle, route in new.items() if old.get(vehicle) is not route]
        terms = change_of_terms(self.problem, list(old.values()), gone, come)
        disturbed = self.published.points(new.values()) - self.published.points(old.values())
        return sum(terms.values()) + disturbed

    def start(self) -> None:
        """Put back what left its nurse and put in what is new, the visits with the highest penalty first."""
        for visit in sorted(self.trouble, key=lambda visit: -self._penalty(self.visits[visit][0])):
            self._put_in(self.sheet, visit, self.due)
        self.best_points = self._points(self.sheet)

    def _put_in(self, sheet: Sheet, visit: str, free: set[str]) -> None:
        """Put a visit where it costs least, disturbance included; leave it out if that is cheaper.

        Changes to the visits in `free` are not counted against the limit.
        """
        members = self.visits[visit]
        budget = self._budget(sheet, free)
        least: tuple[Points, Place] | None = None
        limit = self._penalty(members[0]) + self.published.weights.per_visit * (members[0] in self.starts)
        for place in best_on(sheet, members, top=LOOK_AT):
            before = [sheet.routes[r.vehicle] for r in place.routes if r.vehicle in sheet.routes]
            more, changed = self._disturbs(before, place.routes)
            newly = len(changed - free - {visit})
            points = place.points + more
            if points < limit and newly <= budget and (least is None or points < least[0]):
                least = points, place
        if least is not None:
            for spot in least[1].spots:
                sheet.take(spot)
            sheet.keep(least[1].routes)

    def _budget(self, sheet: Sheet, free: set[str]) -> float:
        """Return how many visits more may change, those in `free` not counted."""
        most = self.published.weights.most_visits
        if most is None:
            return float("inf")
        return most - len(self.published.broken(sheet.routes.values()) - free)

    def _disturbs(self, before: list[Route], after: tuple[Route, ...]) -> tuple[Points, set[str]]:
        """Return the points of what moves, and the visits that change by it."""
        old = [(route.vehicle, stop) for route in before for stop in route.stops]
        new = [(route.vehicle, stop) for route in after for stop in route.stops]
        changed = self.published.changed(new) - self.published.changed(old)
        points = self.published.minutes(new) - self.published.minutes(old)
        return points + self.published.weights.per_visit * len(changed), changed

    def step(self) -> bool:
        """Take some visits out and put them back; tell whether that gave a better plan."""
        sheet = self.sheet.copy()
        taken = self._draw(sheet)
        if not taken:
            return False
        placed = [s for visit in taken for s in self.visits[visit] if s in sheet.clock.at]
        if placed and sheet.drop(placed) is None:
            return False
        first, *order = taken
        self.random.shuffle(order)
        for visit in (first, *order):
            self._put_in(sheet, visit, self.due | set(taken))
        points = self.best_points + self._more(sheet)
        if points > self.best_points or self._budget(sheet, self.due) < 0:
            return False
        better = points < self.best_points
        self.sheet, self.best_points = sheet, points
        return better

    def _draw(self, sheet: Sheet) -> list[str]:
        """Draw a visit in trouble and some that are near it, as numbers of days and roads go."""
        absent = [visit for visit in self.trouble if not self._is_in(sheet, visit)]
        kind = self.random.random()
        if self.left and kind < 0.1:
            pool = self.left
        elif absent and kind < 0.6:
            pool = absent
        else:
            pool = self.trouble or sorted(self.due & self.open) or self.left
        if not pool:
            return []
        first = self.random.choice(pool)
        near = self._near_to(self.visits[first][0])
        others: list[str] = []
        for _ in range(self.random.randint(1, MOST_TAKEN)):
            other = self.problem.services[int(near[int(len(near) * self.random.random() ** 2)])].visit
            if other in self.open and other != first and other not in others and self._is_in(sheet, other):
                others.append(other)
        return [first, *others]

    def _near_to(self, service: int) -> NDArray[np.int64]:
        """Return the numbers of the services nearest to one by travel and time."""
        if service not in self._near:
            asked = self.problem.services[service]
            places = np.array([other.location for other in self.problem.services])
            middle = np.array([_middle(other) for other in self.problem.services])
            away = self.problem.travel[0].seconds[asked.location, places].astype(np.int64)
            away += np.abs(middle - _middle(asked)) // 4
            self._near[service] = np.argsort(away, kind="stable")[:NEAR]
        return self._near[service]


def _middle(service: Service) -> Seconds:
    return (service.starts[0].earliest + service.starts[-1].latest) // 2
