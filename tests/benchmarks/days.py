"""Invented days of any size: villages in a hilly region, nurses who start from home."""

import numpy as np

from routing.problem import Link, Nurses, Problem, Service, TimeWindow, Vehicle
from routing.travel import CarEstimate, Coordinates

HOUR = 3600
MINUTE = 60
SUNDERN = (51.15, 8.0), (51.35, 8.3)
REGION = (50.7, 7.4), (51.7, 8.9)


def a_day(
    visits: int,
    nurses: int,
    seed: int,
    *,
    patients: int | None = None,
    hours: tuple[int, ...] = (5, 6, 8),
    corners: tuple[tuple[float, float], tuple[float, float]] = SUNDERN,
) -> Problem:
    """Return a day around Sundern: a tenth of the visits need two nurses, a third three skills, one in five
    two windows.

    Nurses work so many hours in a morning or a late shift and rest by law. With fewer patients than visits
    some have several.
    """
    rng = np.random.default_rng(seed)
    villages = rng.uniform(*corners, (max(3, visits // 12), 2))
    homes = patients or visits

    def place() -> Coordinates:
        latitude, longitude = villages[rng.integers(len(villages))] + rng.normal(0, 0.01, 2)
        return Coordinates(float(latitude), float(longitude))

    places = [place() for _ in range(homes + nurses)]
    services: list[Service] = []
    links = []
    for visit in range(visits):
        opens = int(rng.integers(6 * 4, 17 * 4)) * 15 * MINUTE
        width = int(rng.choice([30, 60, 120, 240])) * MINUTE
        windows = [TimeWindow(opens, opens + width)]
        if rng.random() < 0.2:
            windows.append(TimeWindow(opens + width + HOUR, opens + 2 * width + HOUR))
        service = Service(
            f"{visit}",
            visit % homes,
            int(rng.choice([10, 15, 20, 30, 45])) * MINUTE,
            tuple(windows),
            skills={"care": int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))},
            visit=f"visit {visit}",
            penalty=int(rng.choice([2, 4, 8])) * HOUR,
        )
        services.append(service)
        if rng.random() < 0.1:
            services.append(
                Service(
                    f"{visit}b",
                    visit % homes,
                    service.duration,
                    service.windows,
                    {"care": 1},
                    service.visit,
                    penalty=HOUR,
                )
            )
            links.append(Link(len(services) - 2, len(services) - 1, 0, 0, Nurses.DIFFERENT))
    vehicles = []
    for nurse in range(nurses):
        begins = int(rng.choice([6, 6, 7, 12])) * HOUR
        length = int(rng.choice(hours))
        vehicles.append(
            Vehicle(
                f"{nurse}",
                homes + nurse,
                homes + nurse,
                TimeWindow(begins, begins + (length + 1) * HOUR),
                skills={"care": int(rng.choice([1, 2, 3], p=[0.3, 0.4, 0.3]))},
                max_work=length * HOUR,
            )
        )
    return Problem(tuple(services), tuple(vehicles), (CarEstimate().travel(places),), tuple(links))


def a_region(visits: int, nurses: int, seed: int) -> Problem:
    """Return a day of all care services of Südwestfalen together, whose nurses may go everywhere."""
    return a_day(visits, nurses, seed, patients=visits * 11 // 20, hours=(6, 7, 8), corners=REGION)
