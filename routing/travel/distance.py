"""Distances as the crow flies."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

EARTH_RADIUS_KM = 6371.0088
"""Mean radius, IUGG 1980."""


def air_kilometres(places: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Return great-circle distances between places given as (latitude, longitude) in degrees.

    Formula: haversine, R. W. Sinnott, Sky and Telescope 68 (1984), p. 159.

    Returns:
        Kilometres, shape (places, places); the diagonal is exactly zero.
    """
    degrees = np.array(places, dtype=np.float64).reshape(-1, 2)
    latitude, longitude = np.radians(degrees).T
    cosine = np.cos(latitude)
    chord = np.sin((latitude[:, None] - latitude) / 2) ** 2
    chord += (cosine[:, None] * cosine) * np.sin((longitude[:, None] - longitude) / 2) ** 2
    kilometres: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(chord, 1.0)))
    return kilometres


def unit_vectors(places: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Return (latitude, longitude) in degrees as points on the unit sphere, shape (places, 3)."""
    latitude, longitude = np.radians(np.array(places, dtype=np.float64).reshape(-1, 2)).T
    flat = np.cos(latitude)
    return np.stack([flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1)


def chord_kilometres(origins: NDArray[np.float64], destinations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return great-circle distances between points on the unit sphere, shape (origins, destinations).

    From the chord c between two points: 2 R asin(c / 2). Needs one trigonometric function for each pair.
    """
    squares = np.zeros((len(origins), len(destinations)))
    for axis in range(3):
        squares += (origins[:, axis, None] - destinations[:, axis]) ** 2
    half = np.minimum(np.sqrt(squares) / 2, 1.0)
    kilometres: NDArray[np.float64] = 2 * EARTH_RADIUS_KM * np.arcsin(half)
    return kilometres
