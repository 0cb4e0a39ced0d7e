"""Whether some nurses can do some services at all, in any order: a model with a switch for each rule.

Where the model is looser than the rules (breaks may be cut and lie anywhere, orders are not asked), that is
on the safe side: if even this model has no answer, no plan has one.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from routing.explain.relaxed import binding, needs_lunch
from routing.problem import Nurses, Problem
from routing.units import HOUR, UNREACHABLE, Seconds

__all__ = ["Verdict", "decide"]

MARGIN: Seconds = 48 * HOUR
"""Without rules on times, stops may lie so far outside all windows and shifts."""


@dataclass(frozen=True)
class Verdict:
    """What the model says.

    Attributes:
        possible: True if there are routes, False if there are none, None if the time did not suffice.
        rules: If not possible: rules that exclude it together.
        minimal: Whether it is known that none of those can be left out.
        sequences: If possible: vehicle to its services in order.
        starts: If possible: when each service starts.
    """

    possible: bool | None
    rules: tuple[str, ...] = ()
    minimal: bool = True
    sequences: dict[int, list[int]] = field(default_factory=dict)
    starts: dict[int, Seconds] = field(default_factory=dict)


def decide(
    problem: Problem,
    vehicles: Sequence[int],
    services: Sequence[int],
    fixed: dict[int, tuple[int, Seconds]],
    masks: dict[str, NDArray[np.bool_]],
    limit_s: float,
) -> Verdict:
    """Decide whether these vehicles can do all these services.

    Args:
        problem: The day.
        vehicles: Numbers of the vehicles; their routes are free.
        services: Numbers of the services, each to be done.
        fixed: Services of other vehicles that these may be linked to: vehicle and start, not to be moved.
        masks: Name of each filter to the vehicles it allows, shape (services, vehicles).
        limit_s: Wall-clock seconds.
    """
    until = time.perf_counter() + limit_s
    model = _Model(problem, list(vehicles), list(services), fixed, masks)
    rules = [rule for rule in binding(problem) if rule in model.switch]
    status, solver = model.solve(rules, until)
    if status in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return model.read(solver)
    if status != cp_model.INFEASIBLE:
        return Verdict(None)
    core = set(solver.sufficient_assumptions_for_infeasibility())
    rules = [rule for rule in rules if model.switch[rule].index in core]
    minimal = True
    for rule in tuple(rules):
        fewer = [other for other in rules if other != rule]
        status = model.solve(fewer, until)[0]
        if status == cp_model.INFEASIBLE:
            rules = fewer
        minimal &= status != cp_model.UNKNOWN
    return Verdict(possible=False, rules=tuple(rules), minimal=minimal)


class _Model:
    def __init__(
        self,
        problem: Problem,
        vehicles: list[int],
        services: list[int],
        fixed: dict[int, tuple[int, Seconds]],
        masks: dict[str, NDArray[np.bool_]],
    ) -> None:
        self.problem, self.vehicles, self.services, self.fixed = problem, vehicles, services, fixed
        self.model = cp_model.CpModel()
        self.switch = {rule: self.model.new_bool_var(rule) for rule in binding(problem)}
        nurses = [problem.vehicles[vehicle] for vehicle in vehicles]
        times = [t for nurse in nurses for t in (nurse.shift.earliest, nurse.back_by)]
        times += [t for s in services for w in problem.services[s].starts for t in (w.earliest, w.latest)]
        self.low, self.high = min(times) - MARGIN, max(times) + MARGIN
        self.starts = {s: self._time() for s in services}
        self.arcs: dict[tuple[int, int, int], cp_model.IntVar] = {}
        self.does = {(v, s): self.model.new_bool_var("") for v in vehicles for s in services}
        for service in services:
            self.model.add_exactly_one(self.does[vehicle, service] for vehicle in vehicles)
            self._window(service)
            for name, mask in masks.items():
                if name not in self.switch or name == "time-windows":
                    continue
                for vehicle in vehicles:
                    if not mask[service, vehicle]:
                        self.model.add_implication(self.switch[name], ~self.does[vehicle, service])
        self.out: dict[int, tuple[cp_model.IntVar, cp_model.IntVar, cp_model.IntVar]] = {}
        self.work: dict[int, cp_model.LinearExprT] = {}
        for vehicle in vehicles:
            self._route(vehicle)
        self._days()
        self._things()
        self._links()

    def _time(self) -> cp_model.IntVar:
        return self.model.new_int_var(self.low, self.high, "")

    def _window(self, service: int) -> None:
        windows = self.problem.services[service].starts
        chosen = [self.model.new_bool_var("") for _ in windows]
        self.model.add_exactly_one(chosen)
        for window, this in zip(windows, chosen, strict=True):
            both = [this, self.switch["time-windows"]]
            self.model.add(self.starts[service] >= window.earliest).only_enforce_if(both)
            self.model.add(self.starts[service] <= window.latest).only_enforce_if(both)

    def _route(self, vehicle: int) -> None:
        model, problem, nurse = self.model, self.problem, self.problem.vehicles[vehicle]
        leaves, returns = self._time(), self._time()
        idle = model.new_bool_var("")
        circuit: list[tuple[int, int, cp_model.LiteralT]] = [(0, 0, idle)]
        for node, service in enumerate(self.services, 1):
            circuit.append((node, node, ~self.does[vehicle, service]))
            model.add_implication(self.does[vehicle, service], ~idle)
        work: list[cp_model.LinearExpr] = [
            problem.services[s].duration * self.does[vehicle, s] for s in self.services
        ]
        last = len(self.services) + 1
        places = [nurse.start, *(problem.services[s].location for s in self.services), nurse.end]
        for origin in range(last):
            for destination in range(1, last + 1):
                way = problem.seconds(vehicle, places[origin], places[destination])
                if origin == destination or (origin == 0 and destination == last) or way == UNREACHABLE:
                    continue
                arc = model.new_bool_var("")
                self.arcs[vehicle, origin, destination] = arc
                circuit.append((origin, destination % last, arc))
                work.append(way * arc)
                service = self.services[origin - 1]
                free: cp_model.LinearExpr = leaves
                if origin:
                    free = self.starts[service] + problem.services[service].duration
                there = returns if destination == last else self.starts[self.services[destination - 1]]
                model.add(there >= free + way).only_enforce_if(arc)
        model.add_circuit(circuit)
        model.add(returns >= leaves)
        self.out[vehicle], self.work[vehicle] = (leaves, returns, idle), returns - leaves
        on_shift = [self.switch["shifts"], ~idle]
        model.add(leaves >= nurse.shift.earliest).only_enforce_if(on_shift)
        model.add(leaves <= nurse.leaves_by).only_enforce_if(on_shift)
        model.add(returns <= nurse.shift.latest + nurse.overtime).only_enforce_if(on_shift)
        if nurse.max_work is not None:
            model.add(returns - leaves <= nurse.max_work).only_enforce_if(self.switch["working-time"], ~idle)
        if nurse.capacity is not None:
            load = sum(problem.services[s].demand * self.does[vehicle, s] for s in self.services)
            model.add(load <= nurse.capacity).only_enforce_if(self.switch["capacity"])
        if nurse.lunch is not None and needs_lunch(nurse):
            on = [self.switch["lunch"], ~idle]
            model.add(leaves <= nurse.lunch.latest).only_enforce_if(on)
            model.add(returns >= nurse.lunch.earliest + nurse.lunch.length).only_enforce_if(on)
            model.add(returns - leaves >= cp_model.LinearExpr.sum(work) + nurse.lunch.length).only_enforce_if(
                on
            )
        if nurse.breaks is not None:
            rest = model.new_int_var(0, self.high - self.low, "")
            self.work[vehicle] = returns - leaves - rest
            model.add(returns - leaves >= cp_model.LinearExpr.sum(work) + rest).only_enforce_if(
                self.switch["breaks"]
            )
            for after, total in nurse.breaks.steps:
                due = model.new_bool_var("")
                both = [~due, self.switch["breaks"], ~idle]
                model.add(returns - leaves - rest <= after).only_enforce_if(both)
                model.add(rest >= total).only_enforce_if(due)

    def _days(self) -> None:
        """What the shifts of one nurse leave to each other, as far as they are in the model."""
        shifts = {vehicle: self.problem.vehicles[vehicle] for vehicle in self.vehicles}
        order = sorted(shifts, key=lambda v: (shifts[v].day, shifts[v].shift, v))
        for before, after in combinations(order, 2):
            if shifts[before].nurse != shifts[after].nurse:
                continue
            (_, returns, idle), (leaves, _, stays) = self.out[before], self.out[after]
            self.model.add(leaves >= returns).only_enforce_if(~idle, ~stays)
            if shifts[before].day != shifts[after].day:
                rested = [~idle, ~stays, self.switch["rest"]]
                self.model.add(leaves >= returns + shifts[after].rest).only_enforce_if(rested)
        for vehicle in self.vehicles:
            self._rested(vehicle)
            most = shifts[vehicle].max_day
            if most is not None:
                day = shifts[vehicle].nurse, shifts[vehicle].day
                work = [self.work[v] for v in order if (shifts[v].nurse, shifts[v].day) == day]
                self.model.add(sum(work) <= most).only_enforce_if(self.switch["working-day"])

    def _rested(self, vehicle: int) -> None:
        """Rest from and to duties outside of the problem."""
        nurse, (leaves, returns, idle) = self.problem.vehicles[vehicle], self.out[vehicle]
        if nurse.free_since is not None:
            rested = self.model.add(leaves >= nurse.free_since + nurse.rest)
            rested.only_enforce_if(self.switch["rest"], ~idle)
        if nurse.next_duty is not None:
            rested = self.model.add(returns <= nurse.next_duty - nurse.rest)
            rested.only_enforce_if(self.switch["rest"], ~idle)

    def _things(self) -> None:
        """Who holds the same thing goes one after the other, in either order."""
        problem, vehicles = self.problem, self.vehicles
        things = {thing for s in self.services for thing in problem.services[s].needs}
        for thing in sorted(things.union(*(problem.vehicles[v].uses for v in vehicles))):
            holds = {v: self.model.new_bool_var("") for v in vehicles}
            for vehicle, held in holds.items():
                for service in self.services:
                    if thing in problem.services[service].needs:
                        self.model.add_implication(self.does[vehicle, service], held)
                if thing in problem.vehicles[vehicle].uses:
                    self.model.add_bool_or(self.out[vehicle][2], held)
            for one, other in combinations(vehicles, 2):
                first = self.model.new_bool_var("")
                both = [holds[one], holds[other], self.switch["things"]]
                (leaves, returns, _), (goes, comes, _) = self.out[one], self.out[other]
                self.model.add(goes >= returns).only_enforce_if([*both, first])
                self.model.add(leaves >= comes).only_enforce_if([*both, ~first])

    def _links(self) -> None:
        for link in self.problem.links:
            known = [s in self.starts or s in self.fixed for s in (link.first, link.second)]
            if not all(known) or not ({link.first, link.second} & self.starts.keys()):
                continue
            switch = self.switch["links"]
            gap = self._start(link.second) - self._start(link.first)
            self.model.add(gap >= link.min_gap).only_enforce_if(switch)
            if link.max_gap is not None:
                self.model.add(gap <= link.max_gap).only_enforce_if(switch)
            for nurse in {self.problem.vehicles[vehicle].nurse for vehicle in self.vehicles}:
                first, second = self._done_by(nurse, link.first), self._done_by(nurse, link.second)
                if link.nurses is Nurses.SAME:
                    self.model.add(first == second).only_enforce_if(switch)
                elif link.nurses is Nurses.DIFFERENT:
                    self.model.add(first + second <= 1).only_enforce_if(switch)

    def _start(self, service: int) -> cp_model.IntVar:
        if service in self.starts:
            return self.starts[service]
        return self.model.new_constant(self.fixed[service][1])

    def _done_by(self, nurse: str, service: int) -> cp_model.LinearExpr:
        vehicles = self.problem.vehicles
        if service in self.starts:
            shifts = [v for v in self.vehicles if vehicles[v].nurse == nurse]
            return cp_model.LinearExpr.sum([self.does[v, service] for v in shifts])
        return self.model.new_constant(int(vehicles[self.fixed[service][0]].nurse == nurse))

    def solve(self, rules: Sequence[str], until: float) -> tuple[cp_model.CpSolverStatus, cp_model.CpSolver]:
        """Solve with these rules switched on and the others left free."""
        self.model.clear_assumptions()
        self.model.add_assumptions([self.switch[rule] for rule in rules])
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = max(0.01, until - time.perf_counter())
        return solver.solve(self.model), solver

    def read(self, solver: cp_model.CpSolver) -> Verdict:
        """Take the routes out of the solver."""
        after = {(v, a): b for (v, a, b), arc in self.arcs.items() if solver.boolean_value(arc)}
        sequences: dict[int, list[int]] = {}
        for vehicle in self.vehicles:
            node = after.get((vehicle, 0))
            while node is not None and node <= len(self.services):
                sequences.setdefault(vehicle, []).append(self.services[node - 1])
                node = after[vehicle, node]
        starts = {service: solver.value(self.starts[service]) for service in self.services}
        return Verdict(possible=True, sequences=sequences, starts=starts)
