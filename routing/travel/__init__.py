"""How long it takes from place to place."""

from routing.travel.estimate import BicycleEstimate, CarEstimate, EBikeEstimate, FootEstimate
from routing.travel.source import (
    Coordinates,
    Leg,
    Path,
    Profile,
    Snapped,
    Table,
    TravelSource,
    checked,
)

__all__ = [
    "BicycleEstimate",
    "CarEstimate",
    "Coordinates",
    "EBikeEstimate",
    "FootEstimate",
    "Leg",
    "Path",
    "Profile",
    "Snapped",
    "Table",
    "TravelSource",
    "checked",
]
