"""A whole small day as one model, to a proof of optimality.

The model has the same rules as the search and shares no code with it: where both end, they must agree. Breaks
may be cut into parts of any length here (`rests`), the search knows fewer ways.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from ortools.sat.python import cp_model

from routing.constraints import allowed
from routing.exact.rests import Rests
from routing.problem import Nurses, Problem, Service, Vehicle
from routing.rota import Rota
from routing.settling import Duty, Pauses
from routing.units import LATEST, UNREACHABLE, Points, Seconds

__all__ = ["Proof", "plan_exactly"]


@dataclass(frozen=True)
class Proof:
    """What the exact model found.

    Attributes:
        sequences: Vehicle to its services in order.
        starts: When each planned service starts.
        duties: When each vehicle is out whose route another one binds, and how much it works.
        pauses: The breaks of each vehicle that has some.
        cost: Points of the plan.
        bound: No plan costs less.
    """

    sequences: dict[int, list[int]]
    starts: dict[int, Seconds]
    duties: dict[int, Duty]
    pauses: dict[int, Pauses]
    cost: Points
    bound: Points

    @property
    def optimal(self) -> bool:
        """Whether no plan is better."""
        return self.bound >= self.cost


def plan_exactly(
    problem: Problem, limit_s: float, *, seed: int = 0, hint: Mapping[int, Sequence[int]] | None = None
) -> Proof | None:
    """Plan a small day to proof, or as far as the time goes; None if no plan was found in it.

    Args:
        problem: A day whose cost does not depend on times, as it does where travel depends on the hour; arcs
            grow with vehicles times services squared.
        limit_s: Seconds, of the solver's deterministic clock as well as of the wall, so that a proof that is
            reached does not depend on the machine.
        seed: Of the solver.
        hint: A plan to start from: vehicle to services in order.
    """
    day = _Day(problem)
    if hint is not None:
        day.hint(hint)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.random_seed = seed % 2**31
    solver.parameters.max_time_in_seconds = limit_s
    status = solver.solve(day.model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return None
    return day.read(solver)


@dataclass(frozen=True)
class _Out:
    """When a vehicle leaves and returns, whether it stays at home, and how long it works without breaks."""

    leaves: cp_model.IntVar
    returns: cp_model.IntVar
    idle: cp_model.IntVar
    work: cp_model.LinearExprT


class _Day:
    """The variables of one day and the rules between them."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.model = cp_model.CpModel()
        self.may = allowed(problem)
        self.arcs: dict[tuple[int, int, int], cp_model.IntVar] = {}
        self.done = [self.model.new_bool_var(f"done {service.id}") for service in problem.services]
        self.does = [[self.model.new_bool_var("") for _ in problem.services] for _ in problem.vehicles]
        self.starts = [
            self.model.new_int_var_from_domain(
                cp_model.Domain.from_intervals([[w.earliest, w.latest] for w in service.starts]), service.id
            )
            for service in problem.services
        ]
        self.costs: list[cp_model.LinearExprT] = []
        for number in range(len(problem.services)):
            self.model.add(sum(does[number] for does in self.does) == self.done[number])
        self.out: list[_Out] = []
        self.rests: list[Rests] = []
        for number in range(len(problem.vehicles)):
            self._route(number)
        self._days()
        self._things()
        self._visits()
        self._links()
        self._orders()
        self.model.minimize(sum(self.costs))

    def _route(self, vehicle: int) -> None:
        """One circuit through the services of a vehicle, with times and breaks; node 0 is home."""
        model, problem, nurse = self.model, self.problem, self.problem.vehicles[vehicle]
        back_by = max(nurse.leaves_from, nurse.back_by)  # who cannot leave at all is closed by a filter
        leaves, returns = (model.new_int_var(nurse.leaves_from, back_by, "") for _ in range(2))
        idle = model.new_bool_var("")
        if nurse.leaves_at_once:
            model.add(leaves <= nurse.leaves_by).only_enforce_if(~idle)
        places = [nurse.start, *(service.location for service in problem.services), nurse.end]
        last = len(places) - 1
        nodes: dict[int, cp_model.LiteralT] = dict(enumerate(self.does[vehicle], 1))
        rests = Rests(model, nurse, (leaves, returns, idle), nodes | {last: ~idle})
        self.rests.append(rests)
        self.out.append(_Out(leaves, returns, idle, returns - leaves - rests.length))
        circuit: list[tuple[int, int, cp_model.LiteralT]] = [(0, 0, idle)]
        for number, does in enumerate(self.does[vehicle]):
            circuit.append((number + 1, number + 1, ~does))
            model.add_implication(does, ~idle)  # or services could go round in a ring without home
            if not self.may[number, vehicle]:
                model.add(does == 0)
        for origin in range(last):
            for destination in range(1, last + 1):
                if origin == destination or (origin == 0 and destination == last):
                    continue
                way = problem.seconds(vehicle, places[origin], places[destination])
                if way == UNREACHABLE:
                    continue
                arc = model.new_bool_var("")
                circuit.append((origin, destination % last, arc))
                self.arcs[vehicle, origin, destination] = arc
                self.costs.append(problem.weights.travel * way * arc)
                free = (
                    leaves if origin == 0 else self.starts[origin - 1] + problem.services[origin - 1].duration
                )
                there = returns if destination == last else self.starts[destination - 1]
                model.add(there >= free + way + rests.before[destination]).only_enforce_if(arc)
                rests.on_the_way(arc, free, there, destination)
        model.add_circuit(circuit)
        self.costs.append(problem.weights.vehicle_use * (1 - idle))
        self._assignments(vehicle)
        if nurse.max_work is not None:
            model.add(returns - leaves <= nurse.max_work).only_enforce_if(~idle)

    def _assignments(self, vehicle: int) -> None:
        """What it costs that this vehicle does a service, and how much it can carry."""
        nurse, weights, does = self.problem.vehicles[vehicle], self.problem.weights, self.does[vehicle]
        for number, service in enumerate(self.problem.services):
            points = service.known.get(vehicle, 0) + weights.overqualified * _beyond(service, nurse)
            points += weights.not_preferred * (bool(service.preferred) and vehicle not in service.preferred)
            self.costs.append(points * does[number])
        if nurse.capacity is not None:
            load = sum(s.demand * done for s, done in zip(self.problem.services, does, strict=True))
            self.model.add(load <= nurse.capacity)

    def _days(self) -> None:
        """The shifts of one nurse, one after the other, with rest between days; and how long her days are."""
        vehicles = self.problem.vehicles
        order = sorted(range(len(vehicles)), key=lambda v: (vehicles[v].day, vehicles[v].shift, v))
        for before, after in combinations(order, 2):
            first, second = vehicles[before], vehicles[after]
            if first.nurse == second.nurse:
                gap = 0 if first.day == second.day else second.rest
                both = [~self.out[before].idle, ~self.out[after].idle]
                self.model.add(self.out[after].leaves >= self.out[before].returns + gap).only_enforce_if(both)
        days = {(vehicle.nurse, vehicle.day) for vehicle in vehicles if vehicle.max_day is not None}
        for day in sorted(days):
            shifts = [v for v in order if (vehicles[v].nurse, vehicles[v].day) == day]
            work = []
            for shift in shifts:
                work.append(self.model.new_int_var(0, 2 * LATEST, ""))
                self.model.add(work[-1] >= self.out[shift].work).only_enforce_if(~self.out[shift].idle)
            limits = [vehicles[shift].max_day for shift in shifts]
            self.model.add(sum(work) <= min(limit for limit in limits if limit is not None))

    def _things(self) -> None:
        """Of two vehicles that hold the same thing, the one whose shift begins first is back first."""
        vehicles, services = self.problem.vehicles, self.problem.services
        order = sorted(range(len(vehicles)), key=lambda v: (vehicles[v].shift, v))
        things = [thing for service in services for thing in service.needs]
        things += [thing for vehicle in vehicles for thing in vehicle.uses]
        for thing in sorted({thing for thing in things if things.count(thing) > 1}):
            users = [n for n, service in enumerate(services) if thing in service.needs]
            holds = {v: self.model.new_bool_var("") for v in order}
            for vehicle, held in holds.items():
                for service in users:
                    self.model.add_implication(self.does[vehicle][service], held)
                if thing in vehicles[vehicle].uses:
                    self.model.add_bool_or(self.out[vehicle].idle, held)
            for before, after in combinations(order, 2):
                both = [holds[before], holds[after]]
                self.model.add(self.out[after].leaves >= self.out[before].returns).only_enforce_if(both)

    def _visits(self) -> None:
        for members in self.problem.visits().values():
            for number in members:
                self.model.add(self.done[number] == self.done[members[0]])
                self.costs.append(self.problem.services[number].penalty * (1 - self.done[number]))

    def _links(self) -> None:
        for link in self.problem.links:
            both = [self.done[link.first], self.done[link.second]]
            gap = self.starts[link.second] - self.starts[link.first]
            self.model.add(gap >= link.min_gap).only_enforce_if(both)
            if link.max_gap is not None:
                self.model.add(gap <= link.max_gap).only_enforce_if(both)
            for shifts in self._shifts().values():
                first = sum(self.does[shift][link.first] for shift in shifts)
                second = sum(self.does[shift][link.second] for shift in shifts)
                if link.nurses is Nurses.SAME:
                    self.model.add(first == second).only_enforce_if(both)
                elif link.nurses is Nurses.DIFFERENT:
                    self.model.add(first + second <= 1)

    def _shifts(self) -> dict[str, list[int]]:
        """Return the numbers of the vehicles of each nurse."""
        shifts: dict[str, list[int]] = {}
        for number, vehicle in enumerate(self.problem.vehicles):
            shifts.setdefault(vehicle.nurse, []).append(number)
        return shifts

    def _orders(self) -> None:
        """Who stands directly before whom."""
        vehicles = range(len(self.problem.vehicles))
        for first, second in self.problem.orders:
            follows = [self.arcs[key] for v in vehicles if (key := (v, first + 1, second + 1)) in self.arcs]
            self.model.add(sum(follows) >= self.done[first] + self.done[second] - 1)

    def hint(self, sequences: Mapping[int, Sequence[int]]) -> None:
        """Start from a plan."""
        used = set()
        for vehicle, services in sequences.items():
            nodes = [0, *(service + 1 for service in services), len(self.done) + 1]
            used |= {(vehicle, *pair) for pair in pairwise(nodes)}
        for key, arc in self.arcs.items():
            self.model.add_hint(arc, key in used)

    def read(self, solver: cp_model.CpSolver) -> Proof:
        """Take the plan out of the solver."""
        after = {
            (vehicle, origin): destination
            for (vehicle, origin, destination), arc in self.arcs.items()
            if solver.boolean_value(arc)
        }
        sequences: dict[int, list[int]] = {}
        for vehicle in range(len(self.problem.vehicles)):
            node = after.get((vehicle, 0))
            while node is not None and node <= len(self.done):
                sequences.setdefault(vehicle, []).append(node - 1)
                node = after[vehicle, node]
        starts = {s: solver.value(self.starts[s]) for services in sequences.values() for s in services}
        rota = Rota(self.problem)
        duties = {
            vehicle: Duty(
                solver.value(self.out[vehicle].leaves),
                solver.value(self.out[vehicle].returns),
                solver.value(self.out[vehicle].work) if vehicle in rota.most else None,
            )
            for vehicle in sorted(rota.bound(sequences))
        }
        points, bound = round(solver.objective_value), round(solver.best_objective_bound)
        rests = {
            vehicle: self.rests[vehicle].read(solver, [*(s + 1 for s in services), len(self.done) + 1])
            for vehicle, services in sequences.items()
        }
        pauses = {vehicle: taken for vehicle, taken in rests.items() if taken is not None}
        return Proof(sequences, starts, duties, pauses, points, bound)


def _beyond(service: Service, nurse: Vehicle) -> int:
    """Return by how many grades in all a nurse exceeds what a service asks."""
    return sum(max(0, nurse.skills.get(skill, grade) - grade) for skill, grade in service.skills.items())
