"""A patient may be closed to some nurses, or open to a few only."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from routing.plan import Plan, Violation
from routing.problem import Problem


class AllowedNurses:
    """A vehicle may do a service if it is among the allowed and not among the forbidden."""

    name = "allowed-nurses"

    def allowed(self, problem: Problem) -> NDArray[np.bool_]:
        """Which vehicle may do which service, shape (services, vehicles)."""
        may = np.ones((len(problem.services), len(problem.vehicles)), dtype=np.bool_)
        for number, service in enumerate(problem.services):
            if service.allowed is not None:
                may[number] = False
                may[number, sorted(service.allowed)] = True
            may[number, sorted(service.forbidden)] = False
        return may

    def asks(self, problem: Problem, service: int) -> str:
        """Say what the rule asks of a nurse for a service, to follow "no nurse ..."."""
        remote = problem.services[service].inside is not None
        return "may take part from afar" if remote else "is allowed at this patient"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each stop at a patient who is closed to its nurse."""
        for vehicle, stop in plan.stops():
            service = problem.services[stop.service]
            nurse = problem.vehicles[vehicle].id
            if vehicle in service.forbidden:
                sentence = f"nurse {nurse} must not do service {service.id}"
                yield Violation(self.name, sentence, stop.service, vehicle)
            elif service.allowed is not None and vehicle not in service.allowed:
                sentence = f"nurse {nurse} is not among those who may do service {service.id}"
                yield Violation(self.name, sentence, stop.service, vehicle)
