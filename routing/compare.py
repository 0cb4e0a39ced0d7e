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
        vehicle_before: Who did it; None if nobody, or a nurse who is not on duty any more.
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
        sentences: The same for people: changes, services that are not on the day any more, broken promises
            and terms; ids only.
    """

    changes: tuple[Change, ...]
    broken: tuple[BrokenPromise, ...]
    terms: Mapping[str, Points]
    sentences: tuple[str, ...]

    @property
    def points(self) -> Points:
        """What the plan costs more than before."""
        return sum(self.terms.values())


def compare(problem: Problem, before: Plan, after: Plan, *, was: Problem | None = None) -> Receipt:
    """Return the receipt of a change.

    Args:
        problem: The day of the new plan.
        before: The plan before.
        after: The new one.
        was: The day of the plan before, if that was another: services and nurses are then known by their ids,
            and the cost before is that of the day before. Without it the plan before must know no services
            and vehicles beyond those of the problem.
    """
    old, nurses, dropped = _translated(problem, before, problem if was is None else was)
    new = after.placed()
    changes = []
    for number in sorted(old.keys() | new.keys()):
        earlier, later = old.get(number), new.get(number)
        change = Change(
            number,
            None if earlier is None or earlier[0] == NOBODY else earlier[0],
            None if later is None else later[0],
            None if earlier is None else earlier[1].start,
            None if later is None else later[1].start,
        )
        if (
            (earlier is None) != (later is None)
            or change.vehicle_before != change.vehicle_after
            or change.moved
        ):
            changes.append(change)
    changes.sort(key=lambda change: (change.start_after is None, change.start_after or 0))
    whys = {left.service: left.sentence for left in after.unassigned}
    broken = tuple(
        promise
        for change in changes
        for promise in _broken(problem, change.service, old, new, whys.get(change.service, ""))
    )
    cost_before = cost_of(problem if was is None else was, before.routes).terms
    cost_after = cost_of(problem, after.routes).terms
    terms = {name: cost_after[name] - cost_before[name] for name in cost_after}
    lost = {promise.service for promise in broken if promise.promise == "visit"}
    sentences = (
        *(
            _said(problem, change, nurses, whys.get(change.service, ""))
            for change in changes
            if change.service not in lost
        ),
        *(f"service {name} is not on the day any more" for name in dropped),
        *(promise.sentence for promise in broken),
        *_priced(terms),
    )
    return Receipt(tuple(changes), broken, terms, sentences)


NOBODY = -1
"""Stands for a nurse who is not on duty any more."""

Places = dict[int, tuple[int, Stop]]


def _translated(problem: Problem, plan: Plan, was: Problem) -> tuple[Places, dict[int, str], list[str]]:
    """Return the places of a plan for another day in the numbers of a day.

    Returns:
        Service to vehicle and stop, and to the name of who did it; and the names of services it lacks.
    """
    services = {service.id: number for number, service in enumerate(problem.services)}
    vehicles = {vehicle.id: number for number, vehicle in enumerate(problem.vehicles)}
    places: Places = {}
    nurses: dict[int, str] = {}
    dropped = []
    for vehicle, stop in plan.stops():
        name, nurse = was.services[stop.service].id, was.vehicles[vehicle].id
        number = services.get(name)
        if number is None:
            dropped.append(name)
            continue
        places[number] = vehicles.get(nurse, NOBODY), stop
        nurses[number] = nurse
    return places, nurses, dropped


Placed = tuple[int, Stop] | None


def _broken(problem: Problem, number: int, old: Places, new: Places, why: str) -> Iterator[BrokenPromise]:
    """Yield the promises to one service that are kept before and not after."""
    service, was, becomes = problem.services[number], old.get(number), new.get(number)
    if becomes is None and not service.penalty:
        return  # nobody asks for it
    kept = set() if was is None else _kept(service, was)
    still = set() if becomes is None else _kept(service, becomes)
    for promise in PROMISES:
        if promise not in kept or promise in still or (becomes is None and promise != "visit"):
            continue
        yield BrokenPromise(promise, number, _lament(problem, service, promise, becomes, why))


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


def _lament(problem: Problem, service: Service, promise: str, becomes: Placed, why: str) -> str:
    if becomes is None:
        return _because(f"service {service.id} was planned and is left out", why)
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


def _because(sentence: str, why: str) -> str:
    return f"{sentence}: {why}" if why else sentence


def _said(problem: Problem, change: Change, nurses: Mapping[int, str], why: str) -> str:
    name = f"service {problem.services[change.service].id}"
    if change.vehicle_after is None or change.start_after is None:
        return _because(f"{name} is left out", why)
    nurse, start = problem.vehicles[change.vehicle_after].id, as_clock(change.start_after)
    if change.start_before is None:
        return f"{name} is taken in: nurse {nurse} at {start}"
    parts = []
    if change.vehicle_before != change.vehicle_after:
        parts.append(f"nurse {nurse} instead of nurse {nurses[change.service]}")
    if change.moved:
        word = "later" if change.moved > 0 else "earlier"
        much = as_duration(abs(change.moved))
        parts.append(f"{start} instead of {as_clock(change.start_before)}, {much} {word}")
    return f"{name}: {'; '.join(parts)}"


def _priced(terms: Mapping[str, Points]) -> Iterator[str]:
    for name, points in terms.items():
        if points:
            word = "more" if points > 0 else "less"
            what = "leaving visits out" if name == "unassigned" else name.replace("_", " ")
            yield f"{what} costs {abs(points)} points {word}"
