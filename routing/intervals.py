"""Which starts of a service are worth a try of their own."""

from routing.problem import Problem, TimeWindow
from routing.units import Seconds

__all__ = ["interval_of", "intervals"]


def intervals(problem: Problem, service: int) -> tuple[TimeWindow, ...]:
    """Return where a service may start, and where off-wish minutes count also from its wished time on.

    Times are the earliest possible: only an interval that begins at the wish lets it wait for that.
    """
    found = []
    for window in problem.services[service].starts:
        found.append(window)
        from_wish = _from_wish(problem, service, window)
        if from_wish is not None:
            found.append(from_wish)
    return tuple(found)


def interval_of(problem: Problem, service: int, start: Seconds) -> TimeWindow:
    """Return the first window that holds a start, from the wished time on if it lies there.

    Raises:
        StopIteration: The service may not start then.
    """
    window = next(window for window in problem.services[service].starts if window.holds(start))
    from_wish = _from_wish(problem, service, window)
    return window if from_wish is None or start < from_wish.earliest else from_wish


def _from_wish(problem: Problem, service: int, window: TimeWindow) -> TimeWindow | None:
    wish = problem.services[service].wish if problem.weights.off_wish else None
    if wish is None or not window.earliest < wish.earliest <= window.latest:
        return None
    return TimeWindow(wish.earliest, window.latest)
