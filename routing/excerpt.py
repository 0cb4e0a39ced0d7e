"""A part of a day as a day of its own."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from routing.problem import Problem, Service, Vehicle

__all__ = ["Part", "excerpt"]


@dataclass(frozen=True)
class Part:
    """Some services and vehicles of a problem as a problem of their own.

    Attributes:
        problem: Numbered from zero.
        services: The whole problem's number of each service of `problem`.
        vehicles: The whole problem's number of each vehicle of `problem`.
    """

    problem: Problem
    services: tuple[int, ...]
    vehicles: tuple[int, ...]


def excerpt(problem: Problem, services: tuple[int, ...], vehicles: tuple[int, ...]) -> Part:
    """Return some services and vehicles as a problem of their own.

    Links and orders are kept where both services are in it. A service pinned to a vehicle that is not in it
    can be done by nobody; what prefers vehicles that are not in it costs its points with each vehicle.
    """
    new_service = {number: new for new, number in enumerate(services)}
    new_vehicle = {number: new for new, number in enumerate(vehicles)}
    places = sorted(
        {problem.services[number].location for number in services}
        | {problem.vehicles[number].start for number in vehicles}
        | {problem.vehicles[number].end for number in vehicles}
    )
    new_place = {number: new for new, number in enumerate(places)}

    def mapped(numbers: Iterable[int]) -> frozenset[int]:
        return frozenset(new_vehicle[number] for number in numbers if number in new_vehicle)

    def of_service(service: Service) -> Service:
        allowed = None if service.allowed is None else mapped(service.allowed)
        pinned = service.pinned_vehicle
        if pinned is not None and pinned not in new_vehicle:
            # Its vehicle may not do it, and what it is tied to belongs to others: nobody here may.
            allowed, pinned = frozenset(), None
        known = {new_vehicle[v]: points for v, points in service.known.items() if v in new_vehicle}
        preferred = mapped(service.preferred)
        if service.preferred and not preferred:
            strange = problem.weights.not_preferred
            known = {number: known.get(number, 0) + strange for number in range(len(vehicles))}
        return replace(
            service,
            location=new_place[service.location],
            allowed=allowed,
            pinned_vehicle=None if pinned is None else new_vehicle[pinned],
            known=known,
            inside=None if service.inside is None else new_service.get(service.inside),
            forbidden=mapped(service.forbidden),
            preferred=preferred,
        )

    def of_vehicle(vehicle: Vehicle) -> Vehicle:
        return replace(vehicle, start=new_place[vehicle.start], end=new_place[vehicle.end])

    return Part(
        replace(
            problem,
            services=tuple(of_service(problem.services[number]) for number in services),
            vehicles=tuple(of_vehicle(problem.vehicles[number]) for number in vehicles),
            travel=tuple(kind.between(places) for kind in problem.travel),
            links=tuple(
                replace(link, first=new_service[link.first], second=new_service[link.second])
                for link in problem.links
                if link.first in new_service and link.second in new_service
            ),
            orders=tuple(
                (new_service[first], new_service[second])
                for first, second in problem.orders
                if first in new_service and second in new_service
            ),
        ),
        services,
        vehicles,
    )
