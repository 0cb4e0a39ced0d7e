"""What a format makes of a file: a problem, and the way back to an answer."""

from typing import Any, Protocol

from routing.errors import RoutingError
from routing.plan import Plan, Route
from routing.problem import Problem

__all__ = ["InvalidAnswer", "Task"]


class InvalidAnswer(RoutingError):
    """An answer does not belong to its file, or its routes have no timetable; the message names the place."""


class Task(Protocol):
    """A file that was read.

    Attributes:
        problem: What the search is asked.
        notes: What the search does not steer although the file's cost counts it; told to the user.
        finish_share: The share of the time that `finish` may use.
        begin_with: Routes to begin with, where the file brings some.
    """

    problem: Problem
    notes: tuple[str, ...]
    finish_share: float
    begin_with: tuple[Route, ...]

    def finish(self, plan: Plan, limit_s: float | None) -> Plan:
        """Return a found plan with what only this format decides, such as lunch breaks.

        Args:
            plan: What the search found.
            limit_s: Seconds it may take; None to end by work done, for the same answer on every run.
        """
        ...

    def answer(self, plan: Plan) -> dict[str, Any]:
        """Write a plan in the form the format's own tools read."""
        ...

    def plan(self, text: str) -> Plan:
        """Read an answer back, with its cost.

        Raises:
            InvalidFile: It cannot be read.
            InvalidAnswer: It names strangers, or there is no timetable for it.
        """
        ...

    def cost(self, plan: Plan) -> float:
        """Return the cost by the format's own formula."""
        ...

    def faults(self, plan: Plan) -> list[str]:
        """Return what the format forbids beyond the rules of the problem."""
        ...
