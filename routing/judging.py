"""What a plan for a file breaks, for the command line and for measuring."""

from routing.check import violations
from routing.formats.task import Task
from routing.plan import Plan

__all__ = ["faults_of"]


def faults_of(task: Task, plan: Plan) -> list[str]:
    """Return what a plan breaks: the rules of the problem, and those of the format."""
    return [fault.sentence for fault in violations(task.problem, plan)] + task.faults(plan)
