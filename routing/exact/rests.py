"""The breaks of one route in the exact model: so many parts as may be of use, of any length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ortools.sat.python import cp_model

from routing.problem import Vehicle
from routing.settling import NEVER, Pause, Pauses, span_with, split_options
from routing.units import Seconds

__all__ = ["Rests", "most_parts"]

MOST_PARTS = 6
"""More parts are of use only where one may not work for two hours without a break."""


def most_parts(nurse: Vehicle) -> int:
    """Return how many breaks a route of a nurse may need.

    If she has more than the rule could ask for in parts as short as may be, each but lunch can be dropped
    unless the stretches before and after it are too long for one. Every second of those breaks joins two
    stretches no other joins, so there are at most two for each whole stretch before the end of her day.
    A rule whose break is not cut (`split_options`) is planned with one.
    """
    rule, has_lunch = nurse.breaks, nurse.lunch is not None and nurse.lunch.missed is None
    if rule is None or not split_options(nurse):
        return int(rule is not None or has_lunch)
    day = nurse.back_by - nurse.leaves_from
    day = day if nurse.max_work is None else min(day, nurse.max_work)
    asked = -(-max(total for _, total in rule.steps) // rule.shortest_part)
    return min(MOST_PARTS, max(asked, 2 * (-(-day // rule.longest_stretch) - 1)) + has_lunch)


@dataclass(frozen=True)
class _Part:
    taken: cp_model.IntVar
    begins: cp_model.IntVar
    length: cp_model.IntVar
    noon: cp_model.IntVar
    before: dict[int, cp_model.IntVar]


class Rests:
    """The breaks of one route.

    Args:
        model: Of the day.
        nurse: Whose route it is.
        out: When she leaves and is back, and whether she stays at home instead.
        nodes: What a break may lie before: number to whether it is on the route.
    """

    def __init__(
        self,
        model: cp_model.CpModel,
        nurse: Vehicle,
        out: tuple[cp_model.IntVar, cp_model.IntVar, cp_model.IntVar],
        nodes: Mapping[int, cp_model.LiteralT],
    ) -> None:
        self.model, self.nurse, self.nodes = model, nurse, nodes
        leaves, returns, idle = out
        low, high = nurse.leaves_from, max(nurse.leaves_from, nurse.back_by)
        self.parts = [self._part(low, high) for _ in range(most_parts(nurse))]
        self.before = {node: self._before(node, high - low) for node in nodes}
        for part in self.parts:
            model.add_implication(part.taken, ~idle)
        for part, later in zip(self.parts, self.parts[1:], strict=False):
            model.add_implication(later.taken, part.taken)
            model.add(later.begins >= part.begins + part.length).only_enforce_if(later.taken)
        self.length = cp_model.LinearExpr.sum([part.length for part in self.parts])
        if nurse.lunch is not None and nurse.lunch.missed is None:
            model.add_at_least_one([idle, *(part.noon for part in self.parts)])
        if nurse.breaks is not None:
            self._stretches(nurse.breaks.longest_stretch, leaves, returns, idle)
            work = returns - leaves - self.length
            for after, total in nurse.breaks.steps:
                due = model.new_bool_var("")
                model.add(work <= after).only_enforce_if(~due, ~idle)
                model.add(self.length >= total).only_enforce_if(due)

    def _part(self, low: Seconds, high: Seconds) -> _Part:
        model, rule, lunch = self.model, self.nurse.breaks, self.nurse.lunch
        taken, noon = model.new_bool_var(""), model.new_bool_var("")
        begins, length = model.new_int_var(low, high, ""), model.new_int_var(0, high - low, "")
        before = {node: model.new_bool_var("") for node in self.nodes}
        model.add(sum(before.values()) == taken)
        for node, here in before.items():
            model.add_implication(here, self.nodes[node])
        model.add(length == 0).only_enforce_if(~taken)
        if rule is not None:
            model.add(length >= rule.shortest_part).only_enforce_if(taken)
        model.add_implication(noon, taken)
        if lunch is None:
            model.add(noon == 0)
        else:
            model.add(length >= lunch.length).only_enforce_if(noon)
            model.add(begins >= lunch.earliest).only_enforce_if(noon)
            model.add(begins <= lunch.latest).only_enforce_if(noon)
        return _Part(taken, begins, length, noon, before)

    def _before(self, node: int, most: Seconds) -> cp_model.LinearExpr:
        """Return how long all breaks before a node are."""
        rests = []
        for part in self.parts:
            rest = self.model.new_int_var(0, most, "")
            self.model.add(rest >= part.length).only_enforce_if(part.before[node])
            rests.append(rest)
        return cp_model.LinearExpr.sum(rests)

    def _stretches(
        self, longest: Seconds, leaves: cp_model.IntVar, returns: cp_model.IntVar, idle: cp_model.IntVar
    ) -> None:
        """Keep each stretch of work short enough."""
        resumed: cp_model.LinearExpr = leaves
        taken: list[cp_model.LiteralT] = [~idle]
        for part in self.parts:
            self.model.add(returns - resumed <= longest).only_enforce_if(*taken, ~part.taken)
            self.model.add(part.begins - resumed <= longest).only_enforce_if(part.taken)
            resumed, taken = part.begins + part.length, [part.taken]
        self.model.add(returns - resumed <= longest).only_enforce_if(*taken)

    def on_the_way(
        self, arc: cp_model.IntVar, free: cp_model.LinearExprT, there: cp_model.LinearExprT, node: int
    ) -> None:
        """Keep breaks before a node between the end of what comes before it on an arc and its start."""
        for part in self.parts:
            here = part.before[node]
            self.model.add(part.begins >= free).only_enforce_if(arc, here)
            self.model.add(there >= part.begins + part.length).only_enforce_if(arc, here)

    def read(self, solver: cp_model.CpSolver, nodes: Sequence[int]) -> Pauses | None:
        """Take the breaks out of the solver, None if there are none; `nodes` of the route in order."""
        nurse, most, pauses = self.nurse, self.nurse.max_work, []
        for part in self.parts:
            for gap, node in enumerate(nodes):
                if solver.boolean_value(part.before[node]):
                    noon = nurse.lunch is not None and nurse.lunch.missed is None
                    noon = noon and solver.boolean_value(part.noon)
                    pauses.append(Pause(gap, solver.value(part.length), noon))
        rest = sum(pause.length for pause in pauses)
        span = NEVER if nurse.breaks is None else span_with(nurse.breaks, rest)
        return Pauses(tuple(pauses), span if most is None else min(most, span)) if pauses else None
