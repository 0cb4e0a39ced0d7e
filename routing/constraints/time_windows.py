"""A service starts when its patient is ready for it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from routing.plan import Plan, Violation
from routing.problem import Problem, Vehicle
from routing.units import LATEST, as_clock, as_list


class TimeWindows:
    """Each service starts inside one of its windows, ends included.

    One that may be late starts after the beginning of its first window; a pinned start has a rule of its own.

    As a filter: a vehicle alone on the road must be able to reach the service inside a window and be home in
    time, on the shortest way of the day where travel depends on the hour.
    """

    name = "time-windows"

    def allowed(self, problem: Problem) -> NDArray[np.bool_]:
        """Which vehicle may do which service, shape (services, vehicles)."""
        may = np.zeros((len(problem.services), len(problem.vehicles)), dtype=np.bool_)
        most = max((len(service.starts) for service in problem.services), default=0)
        windows = np.array(
            [
                [(w.earliest, w.latest) for w in service.starts] + [(1, 0)] * (most - len(service.starts))
                for service in problem.services
            ],
            dtype=np.int64,
        ).reshape(-1, most, 2)
        location = np.array([service.location for service in problem.services], dtype=np.int64)
        duration = np.array([service.duration for service in problem.services], dtype=np.int64)
        for number, vehicle in enumerate(problem.vehicles):
            seconds = problem.travel[vehicle.travel].least
            reached = vehicle.leaves_from + seconds[vehicle.start, location].astype(np.int64)
            latest = vehicle.back_by - seconds[location, vehicle.end].astype(np.int64) - duration
            start = np.maximum(windows[:, :, 0], reached[:, None])
            may[:, number] = (start <= np.minimum(windows[:, :, 1], latest[:, None])).any(axis=1)
        return may

    def asks(self, problem: Problem, service: int) -> str:
        """Say what the rule asks of a nurse for a service, to follow "no nurse ..."."""
        windows = [
            f"at {as_clock(w.earliest)}"
            if w.earliest == w.latest
            else f"from {as_clock(w.earliest)} on"
            if w.latest == LATEST
            else f"between {as_clock(w.earliest)} and {as_clock(w.latest)}"
            for w in problem.services[service].starts
        ]
        start = f"can start {as_list(windows, 'or')}"
        if any(_is_cut_by_rest(vehicle) for vehicle in problem.vehicles):
            return f"{start}, be home before her shift ends and rest long enough between two days"
        return f"{start} and be home before her shift ends"

    def violations(self, problem: Problem, plan: Plan) -> Iterator[Violation]:
        """Yield each stop that starts outside all windows of its service."""
        for vehicle, stop in plan.stops():
            service = problem.services[stop.service]
            if service.pinned_start is None and not any(w.holds(stop.start) for w in service.starts):
                windows = as_list([f"{as_clock(w.earliest)}-{as_clock(w.latest)}" for w in service.windows])
                sentence = f"service {service.id} starts at {as_clock(stop.start)}, outside {windows}"
                yield Violation(self.name, sentence, stop.service, vehicle)


def _is_cut_by_rest(vehicle: Vehicle) -> bool:
    """Tell whether the duties of other days leave less of a shift."""
    late = vehicle.shift.latest + vehicle.overtime
    return vehicle.leaves_from > vehicle.shift.earliest or vehicle.back_by < late
