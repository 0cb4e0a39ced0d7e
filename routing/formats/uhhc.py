"""Unified home health care instances as JSON (Ceschia et al. 2026, doi 10.1111/itor.70140).

Minutes become seconds; one unit of the published cost is sixty points. The search steers every component;
what it finds is timed once more, since it leaves starts that are tied to other routes where they are
(`uhhc_times`), and counted as published (`uhhc_cost`).
"""

from dataclasses import replace
from typing import Any

from routing.formats.answers import plan_of, route_of
from routing.formats.published import PublishedStop, read_routes
from routing.formats.reading import InvalidFile, parse_json
from routing.formats.task import InvalidAnswer
from routing.formats.uhhc_cost import Published, components, faults_and_cost
from routing.formats.uhhc_reader import read_uhhc
from routing.formats.uhhc_times import best_times
from routing.plan import Break, Plan, Route
from routing.problem import Problem
from routing.units import MINUTE, Seconds

__all__ = ["UhhcTask", "from_uhhc"]

LUNCH = "lunch_break"


class UhhcTask:
    """An instance that was read.

    Args:
        problem: The same as a problem, as far as it can be said there.
        published: What the published cost needs beyond it.
    """

    notes: tuple[str, ...] = ()
    finish_share = 0.1
    begin_with: tuple[Route, ...] = ()

    def __init__(self, problem: Problem, published: Published) -> None:
        self.problem = problem
        self._published = published

    def finish(self, plan: Plan, limit_s: float | None) -> Plan:
        """Return the plan with the times and lunch breaks that cost least for its routes."""
        own = plan_of(self.problem, [_off_the_road(route) for route in plan.routes], like=plan)
        routes = best_times(self.problem, self._published, plan.routes, limit_s, seed=plan.seed)
        if routes is None:
            return own
        return min(
            (plan_of(self.problem, routes, like=plan), own),
            key=lambda each: (len(self.faults(each)), self.cost(each)),
        )

    def answer(self, plan: Plan) -> dict[str, Any]:
        """Write every caregiver's route in the published form, with the parts of the cost."""
        values = components(self.problem, self._published, plan)
        routes = {route.vehicle: self._locations(route) for route in plan.routes}
        return {
            "cost": self.cost(plan),
            "cost_components": {name: values[name] for name in self._published.weights},
            "routes": [
                {"caregiver_id": vehicle.id, "locations": routes.get(number, [])}
                for number, vehicle in enumerate(self.problem.vehicles)
            ],
        }

    def plan(self, text: str) -> Plan:
        """Read an answer with its times."""
        caregivers = {vehicle.id: number for number, vehicle in enumerate(self.problem.vehicles)}
        routes = []
        for caregiver, stops in read_routes(text, caregivers).items():
            care = [self._stop(stop) for stop in stops if stop.service != LUNCH]
            breaks = tuple(
                Break(
                    _seconds(stop.start),
                    _seconds(stop.end),
                    sum(s.service != LUNCH for s in stops[:position]),
                )
                for position, stop in enumerate(stops)
                if stop.service == LUNCH
            )
            if not care:
                continue
            places = [stop.patient for stop in stops if stop.service == LUNCH]
            nurse = self.problem.vehicles[caregiver]
            first = None
            if breaks and breaks[0].after == 0:
                first = breaks[0].start
                if places[0] == self._published.patients[care[0][0]]:
                    there = self.problem.services[care[0][0]].location
                    first -= self.problem.seconds(caregiver, nurse.start, there)
            if self._published.leaves_at_shift_start:
                first = nurse.shift.earliest
            route = route_of(self.problem, caregiver, care, breaks, first)
            if breaks and breaks[-1].after == len(care) and places[-1] == self._published.arriving[caregiver]:
                # At her end the way is behind her; where that is also her start, the same time has passed.
                home = max(care[-1][2] + route.travel_home, breaks[-1].end)
                if breaks[-1].start >= care[-1][2] + route.travel_home:
                    route = replace(route, returns=home)
            routes.append(route)
        return plan_of(self.problem, routes)

    def cost(self, plan: Plan) -> float:
        """Return the weighted sum of the published components."""
        return faults_and_cost(self.problem, self._published, plan)[1]

    def faults(self, plan: Plan) -> list[str]:
        """Name patients who must be served and are not, bad lunch breaks and hard components above 0."""
        return faults_and_cost(self.problem, self._published, plan)[0]

    def _locations(self, route: Route) -> list[dict[str, Any]]:
        stops: list[dict[str, Any]] = [
            {
                "patient": self._published.patients[stop.service],
                "service": self._published.kinds[stop.service],
                "arrival_time": stop.start // MINUTE,
                "departure_time": stop.end // MINUTE,
            }
            for stop in route.stops
        ]
        for pause in route.breaks:
            place = self._place_of_lunch(route, pause)
            lunch: dict[str, Any] = {"patient": place, "service": LUNCH}
            lunch |= {"start_time": pause.start // MINUTE, "end_time": pause.end // MINUTE}
            stops.insert(pause.after, lunch)
        return stops

    def _place_of_lunch(self, route: Route, pause: Break) -> str:
        """Return where lunch is: before the way, if there is time for that after it, else after it."""
        last = pause.after == len(route.stops)
        way = route.travel_home if last else route.stops[pause.after].travel
        until = route.returns if last else route.stops[pause.after].start
        after = pause.end + way > until
        number = pause.after if after else pause.after - 1
        if 0 <= number < len(route.stops):
            return self._published.patients[route.stops[number].service]
        return (self._published.arriving if after else self._published.departing)[route.vehicle]

    def _stop(self, stop: PublishedStop) -> tuple[int, Seconds, Seconds]:
        number = self._published.numbers.get((stop.patient, stop.service))
        if number is None:
            raise InvalidAnswer(f"patient {stop.patient[:40]} does not need service {stop.service[:40]}")
        return number, _seconds(stop.start), _seconds(stop.end)


def from_uhhc(text: str) -> UhhcTask:
    """Read an instance.

    Raises:
        InvalidFile: With the key and the reason.
    """
    return UhhcTask(*read_uhhc(parse_json(text)))


def _off_the_road(route: Route) -> Route:
    """Return a route whose breaks do not interrupt a way: what does not fit before it comes after it."""
    breaks = []
    for pause in route.breaks:
        last = pause.after == len(route.stops)
        way = route.travel_home if last else route.stops[pause.after].travel
        until = route.returns if last else route.stops[pause.after].start
        free = route.stops[pause.after - 1].end if pause.after else route.leaves
        start = pause.start if pause.end + way <= until else max(pause.start, free + way)
        breaks.append(replace(pause, start=start, end=start + pause.end - pause.start))
    return replace(route, breaks=tuple(breaks))


def _seconds(minutes: float) -> Seconds:
    if minutes != int(minutes):
        raise InvalidFile(f"{minutes} is no whole number of minutes")
    return MINUTE * int(minutes)
