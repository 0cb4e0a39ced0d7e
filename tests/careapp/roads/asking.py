"""OSRM's HTTP interface, asked directly."""

from typing import Any

import httpx2


def seconds(base_url: str, *places: tuple[float, float], profile: str = "car") -> list[list[float | None]]:
    """Return OSRM's durations in seconds between places given as longitude, latitude."""
    answer = ask(base_url, f"table/v1/{profile}/{joined(places)}", annotations="duration")
    durations: list[list[float | None]] = answer["durations"]
    return durations


def ask(base_url: str, path: str, **parameters: str) -> Any:
    return httpx2.get(f"{base_url}/{path}", params=parameters, timeout=30).raise_for_status().json()


def joined(places: tuple[tuple[float, float], ...]) -> str:
    return ";".join(f"{longitude:.6f},{latitude:.6f}" for longitude, latitude in places)
