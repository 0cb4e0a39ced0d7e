"""Public facts that the demo region stands on: municipalities, villages, public-transport stops."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import cos, hypot, radians

_KILOMETRES_PER_DEGREE = 111.2
_ATTRIBUTION = (
    "Municipalities and villages: GeoNames (https://www.geonames.org), CC BY 4.0",
    "Population weights: Statistisches Bundesamt (Destatis), CC BY 4.0, changed",
    "Public-transport stops: DB InfraGO AG, CC BY 4.0, changed",
    "Public-transport stops: © OpenStreetMap contributors (https://openstreetmap.org/copyright), ODbL 1.0",
)


@dataclass(frozen=True)
class Point:
    """A point on the map, WGS 84.

    Attributes:
        latitude: Degrees north.
        longitude: Degrees east.
    """

    latitude: float
    longitude: float

    def kilometres_to(self, other: "Point") -> float:
        """Return the distance as the crow flies, good to a thousandth within the region (equirectangular)."""
        north = other.latitude - self.latitude
        east = (other.longitude - self.longitude) * cos(radians((self.latitude + other.latitude) / 2))
        return _KILOMETRES_PER_DEGREE * hypot(north, east)


@dataclass(frozen=True)
class MunicipalityFact:
    """One of the region's towns and municipalities.

    Attributes:
        ags: Official key, eight digits.
        name: Official name.
        district: Kreis.
        centre: Of the town or municipality.
        population: A weight for demos, no statistic.
    """

    ags: str
    name: str
    district: str
    centre: Point
    population: int


@dataclass(frozen=True)
class Settlement:
    """A village or quarter."""

    name: str
    municipality: MunicipalityFact


@dataclass(frozen=True)
class Stop:
    """A public-transport stop: it lies on a real road in a built-up area.

    Attributes:
        settlement: The nearest one of its municipality.
        point: Where it is.
    """

    settlement: Settlement
    point: Point


@dataclass(frozen=True)
class Facts:
    """All facts.

    Attributes:
        municipalities: By official key.
        stops: In the order of the file.
    """

    municipalities: tuple[MunicipalityFact, ...]
    stops: tuple[Stop, ...]


@cache
def read_facts() -> Facts:
    """Read the facts that come with the package; once for each process."""
    municipalities = {
        row["ags"]: MunicipalityFact(
            ags=row["ags"],
            name=row["name"],
            district=row["district"],
            centre=Point(float(row["latitude"]), float(row["longitude"])),
            population=int(row["population"]),
        )
        for row in _rows("municipalities")
    }
    settlements = [Settlement(row["name"], municipalities[row["ags"]]) for row in _rows("settlements")]
    stops = tuple(
        Stop(settlements[int(row["settlement"])], Point(float(row["latitude"]), float(row["longitude"])))
        for row in _rows("stops")
    )
    return Facts(tuple(municipalities.values()), stops)


def attribution() -> list[str]:
    """Return the lines that must be shown wherever the demo region is."""
    return list(_ATTRIBUTION)


def _rows(name: str) -> list[dict[str, str]]:
    file = files("careapp.demo") / "facts" / f"{name}.csv"
    return list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
