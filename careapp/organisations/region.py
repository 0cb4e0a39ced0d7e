"""Where the region is, so that a point far away is recognised as a mistake."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from careapp.errors import Invalid
from careapp.organisations.models import Municipality
from routing.errors import InvalidTravel
from routing.travel import Coordinates, checked
from routing.travel.distance import air_kilometres

BEYOND_KM = 100.0
"""A point may lie so far behind the outermost municipality: mistakes are thousands of kilometres away."""


class OutsideRegion(Invalid):
    """A point is nowhere near the municipalities that share this service."""


def require_in_region(session: Session, *, latitude: float, longitude: float) -> None:
    """Refuse a point that cannot be meant: swapped, zero, or of another part of the world.

    A database without municipalities knows no region; then only the sea off Ghana is refused.

    Raises:
        OutsideRegion: The point is far away; the message says how far, and if the two numbers are swapped.
    """
    centres = [
        (row.latitude, row.longitude)
        for row in session.execute(
            select(Municipality.latitude, Municipality.longitude).order_by(Municipality.ags)
        )
    ]
    try:
        if not centres:
            Coordinates(latitude, longitude)
            return
        middle = tuple(sum(axis) / len(centres) for axis in zip(*centres, strict=True))
        farthest = float(air_kilometres([middle, *centres])[0].max())
        checked([(latitude, longitude)], around=Coordinates(*middle), within_km=farthest + BEYOND_KM)
    except InvalidTravel as refused:
        sentence = str(refused).replace("place 0", "the point")
        raise OutsideRegion(f"{sentence}: look where the pin is, and set it where the door is") from refused
