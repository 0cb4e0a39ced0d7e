"""One visit, tried at many starts on a day as its tours stand."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from careapp.tours.standing import Standing, changed
from routing.insertion import Place, change_of_terms, lay_out, starts_on
from routing.plan import Route
from routing.problem import Problem
from routing.sheet import Sheet


@dataclass(frozen=True, eq=False)
class Fit:
    """A visit at one start in the tours of a day.

    Attributes:
        start: Of the visit, in the planner's seconds.
        vehicles: Who would come, in the order of its services.
        before: The routes that change, as they are.
        after: The same, and new ones, as they would be.
        moved: Services of other visits that would start at another time: number, and how many seconds later.
        points: What the plan would cost more.
    """

    start: int
    vehicles: tuple[int, ...]
    before: tuple[Route, ...]
    after: tuple[Route, ...]
    moved: tuple[tuple[int, int], ...]
    points: int

    @property
    def extra_s(self) -> int:
        """Seconds of driving more than now."""
        return sum(r.travel for r in self.after) - sum(r.travel for r in self.before)

    @property
    def extra_m(self) -> int:
        """Metres more than now."""
        return sum(r.metres for r in self.after) - sum(r.metres for r in self.before)


class Trial:
    """A visit, tried on a day.

    First nobody is moved; only where that fails, others come later, as far as their windows let them.

    Args:
        standing: The day.
        problem: The same, with the visit if it is new.
        services: Numbers of all services of the visit.
        closed: Vehicles that do not take it in.
    """

    def __init__(
        self, standing: Standing, problem: Problem, services: Sequence[int], closed: Iterable[int] = ()
    ) -> None:
        self.standing = standing
        self.problem = problem
        self.services = list(services)
        self.closed = frozenset(closed) | standing.closed

    def fits(self, starts: Iterable[int], *, moves_others: bool = True) -> dict[int, Fit]:
        """Return how the visit fits at those starts at which it does.

        Args:
            starts: In the planner's seconds.
            moves_others: Whether others may come later for its sake.
        """
        asked = sorted(set(starts))
        found = self._on(self._still, asked)
        left = [start for start in asked if start not in found]
        return found | self._on(self._moving, left) if left and moves_others else found

    @cached_property
    def now(self) -> dict[int, Route]:
        """The routes of the day as they are."""
        return {route.vehicle: route for route in self.standing.plan.routes}

    @cached_property
    def _still(self) -> Sheet | None:
        return self._sheet(still=True)

    @cached_property
    def _moving(self) -> Sheet | None:
        return self._sheet(still=False)

    def _sheet(self, *, still: bool) -> Sheet | None:
        sheet = lay_out(
            self.problem,
            self.standing.plan.routes,
            self.services,
            windows=self.standing.windows(still=still),
            closed=self.closed,
        )
        planned = [number for number in self.services if number in self.standing.starts]
        # Without the visit there is always a timetable: the one of now.
        return sheet if not planned or sheet.drop(planned) is not None else None

    def _on(self, sheet: Sheet | None, starts: Sequence[int]) -> dict[int, Fit]:
        if sheet is None or not starts:
            return {}
        saved = self._saved(sheet)
        return {
            start: self._fit(sheet, start, places[0], saved)
            for start, places in starts_on(sheet, self.services, starts).items()
        }

    def _saved(self, sheet: Sheet) -> int:
        """Return the points that the day costs less without the visit; negative, or 0."""
        left = [vehicle for vehicle, route in self.now.items() if sheet.routes.get(vehicle) is not route]
        if not left:
            return 0
        terms = change_of_terms(
            self.problem,
            list(self.now.values()),
            [self.now[vehicle] for vehicle in left],
            [sheet.routes[vehicle] for vehicle in left if vehicle in sheet.routes],
        )
        return sum(points for name, points in terms.items() if name != "unassigned")

    def _fit(self, sheet: Sheet, start: int, place: Place, saved: int) -> Fit:
        then = {route.vehicle: route for route in place.applied(sheet.routes.values())}
        vehicles = sorted(
            vehicle for vehicle in self.now.keys() | then.keys() if self.now.get(vehicle) != then.get(vehicle)
        )
        before = tuple(self.now[vehicle] for vehicle in vehicles if vehicle in self.now)
        after = tuple(then[vehicle] for vehicle in vehicles if vehicle in then)
        others = {
            number: starts for number, starts in changed(before, after).items() if number not in self.services
        }
        return Fit(
            start=start,
            vehicles=tuple(place.stops[number][0] for number in self.services),
            before=before,
            after=after,
            moved=tuple(
                (number, new - old)
                for number, (old, new) in others.items()
                if old is not None and new is not None
            ),
            points=place.points + saved,
        )


def without(
    standing: Standing, services: Sequence[int]
) -> tuple[tuple[Route, ...], tuple[Route, ...]] | None:
    """Return the routes that change when services leave the tours and nobody else is moved.

    Returns:
        The routes as they are and as they would be, those that end not among the latter; None if the services
        are in no route that keeps all rules.
    """
    planned = [number for number in services if number in standing.starts]
    if not planned or len(planned) < len(services):
        return None
    sheet = lay_out(
        standing.problem, standing.plan.routes, list(services), windows=standing.windows(still=True)
    )
    if sheet.drop(planned) is None:
        return None
    now = {route.vehicle: route for route in standing.plan.routes}
    left = [vehicle for vehicle, route in now.items() if sheet.routes.get(vehicle) != route]
    after = tuple(sheet.routes[vehicle] for vehicle in left if vehicle in sheet.routes)
    return tuple(now[vehicle] for vehicle in left), after
