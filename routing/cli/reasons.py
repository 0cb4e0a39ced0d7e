"""Why a service is where it is, or in no route, said in sentences."""

from collections.abc import Iterator

from routing.explain import stop, unassigned
from routing.plan import Plan
from routing.problem import Problem

__all__ = ["reasons_of"]

NAMED = 10


def reasons_of(problem: Problem, plan: Plan, service: int) -> Iterator[str]:
    """Yield sentences about one service of a plan that keeps all rules.

    Who does it and what others would cost, or why nobody does and what would have to change.
    """
    name = problem.services[service].id
    placed = plan.placed().get(service)
    if placed is None:
        reason = unassigned(problem, plan, service)
        certain = "proven" if reason.proven else "for this plan"
        yield f"{name} is in no route: {reason.sentence} ({certain}; rules: {', '.join(reason.rules)})"
        for change in reason.counterfactuals:
            yield f"  it would fit: {change.sentence}"
        return
    vehicle, planned = placed
    yield f"{name} is done by {problem.vehicles[vehicle].id} from {planned.start} to {planned.end}"
    choice = stop(problem, plan, service)
    yield f"  {choice.sentence}"
    for alternative in choice.alternatives[1:]:
        yield f"  {alternative.sentence}"
    for rule, vehicles in choice.excluded.items():
        names = ", ".join(problem.vehicles[number].id for number in vehicles[:NAMED])
        more = f" and {len(vehicles) - NAMED} more" if len(vehicles) > NAMED else ""
        yield f"  {rule} excludes {names}{more}"
