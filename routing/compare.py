"""The receipt of a change: who, when, how much, and which promise broke."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from routing.objective import cost_of
from routing.plan import Plan, Stop
from routing.problem import Problem, Service
from routing.units import Points, Seconds, as_clock, as_duration

__all__ = ["BrokenPromise", "Change", "Receipt", "compare"]


@dataclass(frozen=True)
class Change:
    """What becomes of one service.

    Attributes:
        service: Number of the service.
        vehicle_before: Who did it; None if nobody.
        vehicle_after: Who does it; None if nobody.
        start_before: When it started; None if it was left out.
        start_after: When it starts; None if it is left out.
    """

    service: int
    vehicle_before: int | None
    vehicle_after: int | None
    start_before: Seconds | None
    start_after: Seconds | None

    @property
    def moved(self) -> Seconds:
        """How much later it starts, negative for earlier; 0 if it was or is left out."""
        if self.start_before is None or self.start_after is None:
            return 0
        return self.start_after - self.start_before


@dataclass(frozen=True)
class BrokenPromise:
    """A promise that was kept before and is not any more.

    Attributes:
        promise: "visit" (it is left out), "pinned nurse", "pinned start", "window" (it is late), "wish" or
            "preferred nurse".
        service: Number of the service.
        sentence: For people; ids only.
    """

    promise: str
    service: int
    sentence: str


@dataclass(frozen=True)
class Receipt:
    """What a change does to people and to the cost.

    Attributes:
        changes: Of each service that gets another nurse or start, in the order of the new starts; those left
            out come last.
        broken: Promises that break by it.
        terms: What each term of the cost changes by.
        sentences: The same for people, one for each change, broken promise and term; ids only.
    """

    changes: tuple[Change, ...]
    broken: tuple[BrokenPromise, ...]
    terms: Mapping[str, Points]
    sentences: tuple[str, ...]

    @property
    def points(self) -> Points:
        """What the plan costs more than before."""
        return sum(self.terms.values())


def compare(problem: Problem, before: Plan, after: Plan) -> Receipt:
    """Return the receipt of a change.

    Args:
        problem: The day; that of the new plan, if the day has changed too.
        before: A plan that knows no services beyond those of the problem.
        after: Another one.
    """
    old, new = before.placed(), after.placed()
    changes = []
    for number in sorted(old.keys() | new.keys()):
        was, becomes = old.get(number), new.get(number)
        change = Change(
            number,
            None if was is None else was[0],
            None if becomes is None else becomes[0],
            None if was is None else was[1].start,
            None if becomes is None else becomes[1].start,
        )
        if change.vehicle_before != change.vehicle_after or change.moved:
            changes.append(change)
    changes.sort(key=lambda change: (change.start_after is None, change.start_after or 0))
    broken = tuple(
        promise
        for change in changes
        for promise in _broken(problem, change.service, old.get(change.service), new.get(change.service))
    )
    cost_before, cost_after = cost_of(problem, before.routes).terms, cost_of(problem, after.routes).terms
    terms = {name: cost_after[name] - cost_before[name] for name in cost_after}
    sentences = (
        *(_said(problem, change) for change in changes),
        *(promise.sentence for promise in broken),
        *_priced(terms),
    )
    return Receipt(tuple(changes), broken, terms, sentences)


Placed = tuple[int, Stop] | None


def _broken(problem: Problem, number: int, was: Placed, becomes: Placed) -> Iterator[BrokenPromise]:
    """Yield the promises to one service that are kept before and not after."""
    service = problem.services[number]
    kept = set() if was is None else _kept(service, was)
    still = set() if becomes is None else _kept(service, becomes)
    for promise in PROMISES:
        if promise not in kept or promise in still or (becomes is None and promise != "visit"):
            continue
        yield BrokenPromise(promise, number, _lament(problem, service, promise, becomes))


PROMISES = ("visit", "pinned nurse", "pinned start", "window", "wish", "preferred nurse")


def _kept(service: Service, place: tuple[int, Stop]) -> set[str]:
    """Return the promises that a place keeps; one that was never given counts as kept."""
    vehicle, stop = place
    holds = {
        "visit": True,
        "pinned nurse": service.pinned_vehicle in (None, vehicle),
        "pinned start": service.pinned_start in (None, stop.start),
        "window": service.pinned_start is not None or not service.lateness(stop.start),
        "wish": service.wish is None or service.wish.holds(stop.start),
        "preferred nurse": not service.preferred or vehicle in service.preferred,
    }
    return {promise for promise, held in holds.items() if held}


def _lament(problem: Problem, service: Service, promise: str, becomes: Placed) -> str:
    if becomes is None:
        return f"service {service.id} was planned and is left out"
    vehicle, stop = becomes
    nurse, start = problem.vehicles[vehicle].id, as_clock(stop.start)
    if promise == "pinned nurse" and service.pinned_vehicle is not None:
        pinned = problem.vehicles[service.pinned_vehicle].id
        return f"service {service.id} was promised to nurse {pinned} and goes to nurse {nurse}"
    if promise == "pinned start":
        pinned = as_clock(service.pinned_start or 0)
        return f"service {service.id} was promised for {pinned} and starts at {start}"
    if promise == "window":
        late = as_duration(service.lateness(stop.start))
        return f"service {service.id} starts at {start}, {late} after the end of its time window"
    if promise == "wish" and service.wish is not None:
        wish = f"{as_clock(service.wish.earliest)} to {as_clock(service.wish.latest)}"
        return f"service {service.id} starts at {start}, outside the wished time from {wish}"
    return f"service {service.id} goes to nurse {nurse}, who is not among the preferred"


def _said(problem: Problem, change: Change) -> str:
    name = f"service {problem.services[change.service].id}"
    if change.vehicle_after is None or change.start_after is None:
        return f"{name} is left out"
    nurse, start = problem.vehicles[change.vehicle_after].id, as_clock(change.start_after)
    if change.vehicle_before is None or change.start_before is None:
        return f"{name} is taken in: nurse {nurse} at {start}"
    parts = []
    if change.vehicle_before != change.vehicle_after:
        parts.append(f"nurse {nurse} instead of nurse {problem.vehicles[change.vehicle_before].id}")
    if change.moved:
        word = "later" if change.moved > 0 else "earlier"
        much = as_duration(abs(change.moved))
        parts.append(f"{start} instead of {as_clock(change.start_before)}, {much} {word}")
    return f"{name}: {'; '.join(parts)}"


def _priced(terms: Mapping[str, Points]) -> Iterator[str]:
    for name, points in terms.items():
        if points:
            word = "more" if points > 0 else "less"
            yield f"{name.replace('_', ' ')} costs {abs(points)} points {word}"
