"""Areas on the map, and which pieces of road touch them."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from careapp.errors import Invalid
from careapp.roads.segments import Segments

__all__ = ["Area", "BadArea", "touched"]

LEAST_RADIUS_M: Final = 5
MOST_RADIUS_M: Final = 20_000
MOST_CORNERS: Final = 200
_METRES_A_DEGREE: Final = 111_195.0
"""Of latitude: the Earth's mean radius (IUGG 1980) times one degree."""

Points = NDArray[np.float64]


class BadArea(Invalid):
    """A closure's area is no area."""


@dataclass(frozen=True)
class Area:
    """A circle or a polygon.

    Attributes:
        middle: Longitude and latitude of a circle's middle.
        radius_m: Of the circle.
        polygon: Corners as longitude and latitude.
    """

    middle: tuple[float, float] | None = None
    radius_m: int | None = None
    polygon: tuple[tuple[float, float], ...] = ()

    def check(self) -> None:
        """Refuse what is no area.

        Raises:
            BadArea: Neither or both of circle and polygon, too large, too small, or off the Earth.
        """
        corners = [self.middle] if self.middle is not None else list(self.polygon)
        if (self.middle is None) == (not self.polygon) or (self.middle is None) != (self.radius_m is None):
            raise BadArea("name either a place with a radius, or the corners of an area")
        if self.radius_m is not None and not LEAST_RADIUS_M <= self.radius_m <= MOST_RADIUS_M:
            raise BadArea(f"the radius must lie between {LEAST_RADIUS_M} and {MOST_RADIUS_M} m")
        if self.polygon and not 3 <= len(set(self.polygon)) <= len(self.polygon) <= MOST_CORNERS:
            raise BadArea(f"an area has 3 to {MOST_CORNERS} corners, each in one place")
        for longitude, latitude in corners:
            if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
                raise BadArea("a corner lies off the Earth: give longitude first, then latitude, in degrees")


def touched(segments: Segments, area: Area) -> NDArray[np.bool_]:
    """Return which segments touch an area, shape (segments,).

    The Earth is flat here, with metres true at the area's middle: an area is at most some 40 km wide, where
    that is off by a few parts in a thousand.
    """
    corners = np.array([area.middle] if area.middle is not None else area.polygon, dtype=np.float64)
    middle = corners.mean(axis=0)
    scale = np.array([np.cos(np.radians(middle[1])), 1.0]) * _METRES_A_DEGREE
    outline = (corners - middle) * scale
    reach = float(area.radius_m or 0.0)
    least, most = outline.min(axis=0) - reach, outline.max(axis=0) + reach
    found = np.zeros(len(segments.start), dtype=np.bool_)
    places = segments.places
    low, high = places.min(axis=1), places.max(axis=1)
    near = np.flatnonzero(((high >= middle + least / scale) & (low <= middle + most / scale)).all(axis=1))
    ends = (places[near] - middle) * scale
    if area.middle is not None:
        found[near] = _distance_from_zero(ends[:, 0], ends[:, 1]) <= reach
    else:
        found[near] = _inside(ends[:, 0], outline) | _crosses(ends[:, 0], ends[:, 1], outline)
    return found


def _distance_from_zero(start: Points, end: Points) -> NDArray[np.float64]:
    """Distance of each line from the origin; lines have shape (lines, 2)."""
    along = end - start
    length = (along**2).sum(axis=1)
    part = np.clip(-(start * along).sum(axis=1) / np.where(length > 0, length, 1.0), 0.0, 1.0)
    distance: NDArray[np.float64] = np.hypot(*(start + part[:, None] * along).T)
    return distance


def _inside(points: Points, outline: Points) -> NDArray[np.bool_]:
    """Whether each point lies in a polygon: a ray to the east leaves it an odd number of times."""
    inside = np.zeros(len(points), dtype=np.bool_)
    x, y = points.T
    for (x1, y1), (x2, y2) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        if y1 != y2:
            inside ^= ((y1 > y) != (y2 > y)) & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    return inside


def _crosses(start: Points, end: Points, outline: Points) -> NDArray[np.bool_]:
    """Whether each line meets the outline."""
    meets = np.zeros(len(start), dtype=np.bool_)
    for here, there in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        apart = _side(start, end, here) * _side(start, end, there) <= 0
        meets |= apart & (_side(here, there, start) * _side(here, there, end) <= 0)
    return meets


def _side(start: Points, end: Points, point: Points) -> NDArray[np.float64]:
    """On which side of a line a point lies: positive, negative, or 0 on it."""
    along, away = end - start, point - start
    side: NDArray[np.float64] = along[..., 0] * away[..., 1] - along[..., 1] * away[..., 0]
    return side
