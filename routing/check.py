"""Judge any plan, in plain Python and without the search's code."""

from collections.abc import Iterator

from routing.constraints import CONSTRAINTS
from routing.objective import cost_of
from routing.plan import Plan, Violation
from routing.problem import Problem

__all__ = ["violations"]


def violations(problem: Problem, plan: Plan) -> list[Violation]:
    """Return every breach of every rule; an empty list for a plan that may leave the core.

    A plan that names services or vehicles the problem does not know is judged no further. The stated cost is
    recomputed too.
    """
    strangers = list(_strangers(problem, plan))
    if strangers:
        return strangers
    found = [violation for rule in CONSTRAINTS for violation in rule.violations(problem, plan)]
    cost = cost_of(problem, plan.routes)
    if dict(plan.cost.terms) != dict(cost.terms):
        found.append(Violation("cost", f"the plan says it costs {plan.cost.total}, it costs {cost.total}"))
    return found


def _strangers(problem: Problem, plan: Plan) -> Iterator[Violation]:
    for route in plan.routes:
        if not 0 <= route.vehicle < len(problem.vehicles):
            yield Violation("known", f"there is no vehicle number {route.vehicle}", vehicle=route.vehicle)
    numbers = [stop.service for _, stop in plan.stops()] + [left.service for left in plan.unassigned]
    for number in numbers:
        if not 0 <= number < len(problem.services):
            yield Violation("known", f"there is no service number {number}", number)
