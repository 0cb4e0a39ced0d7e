"""How long it takes from place to place."""

from routing.travel.estimate import CarEstimate, EBikeEstimate
from routing.travel.source import Coordinates, TravelSource, checked

__all__ = ["CarEstimate", "Coordinates", "EBikeEstimate", "TravelSource", "checked"]
