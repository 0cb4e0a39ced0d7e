"""What a rule is made of."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from routing.plan import Plan, Violation
from routing.problem import Problem


class Constraint(Protocol):
    """One rule of a plan, in plain Python.

    Attributes:
        name: How violations and explanations call it.
    """

    name: str

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each breach; all numbers in the plan exist in the problem."""
        ...


@runtime_checkable
class Filter(Constraint, Protocol):
    """A rule that can be decided for a service and a vehicle alone."""

    def allowed(self, problem: Problem) -> NDArray[np.bool_]:
        """Which vehicle may do which service, shape (services, vehicles)."""
        ...

    def asks(self, problem: Problem, service: int, /) -> str:
        """Say what the rule asks of a nurse for a service, to follow "no nurse ..."."""
        ...
