"""How much each term of the objective counts."""

from dataclasses import dataclass

from routing.errors import InvalidWeights
from routing.units import Points

__all__ = ["Weights"]


@dataclass(frozen=True)
class Weights:
    """How much each term of the objective counts, in points.

    The points of leaving a service out (`Service.penalty`), of its lateness (`Service.late`) and of single
    nurses (`Service.known`) stand with the service. Points per minute are counted to the second and rounded
    up for each service, vehicle or plan they belong to (`units.per_minute`).

    Attributes:
        travel: For each second of travel.
        not_preferred: For each service done by a nurse who is not among the preferred.
        vehicle_use: For each vehicle that leaves at all.
        highest_lateness: For each minute of the largest lateness of the plan.
        off_wish: For each minute that a service starts outside its wished time.
        overtime: For each minute a nurse is back after the end of her shift, where she may be.
        waiting: For each minute a nurse waits between leaving and returning; travel, services and planned
            breaks are no waiting. She leaves as late as her starts allow.
        overqualified: For each grade by which a nurse's skill exceeds the grade a service asks.
        balance: For each minute by which a nurse's work (travel and services) differs from the mean over all
            vehicles, rounded down; those who do not leave work 0.
        longest_idle: For each minute of the longest idle time of any vehicle: its shift, drawn out if she is
            back later, without travel, services and planned breaks. One that does not leave idles all of it.

    Raises:
        InvalidWeights: A weight is negative or beyond a million.
    """

    travel: Points = 1
    not_preferred: Points = 600
    vehicle_use: Points = 0
    highest_lateness: Points = 0
    off_wish: Points = 0
    overtime: Points = 0
    waiting: Points = 0
    overqualified: Points = 0
    balance: Points = 0
    longest_idle: Points = 0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 10**6:
                raise InvalidWeights(f"weight {name}: {value} is not within 0-1000000")
