"""The pieces of road of an extract: which two nodes each joins, where it lies, of what class it is.

OSRM takes other speeds by pairs of OpenStreetMap nodes. To say them for a class of road, or for a place, one
must know which pairs belong to it; an extract of a region takes a minute to read, so this is read once and
kept beside the data set.
"""

from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from careapp.errors import Invalid, Unavailable
from careapp.roads.manifest import Bounds

__all__ = ["BadExtract", "ReadingToolMissing", "Segments", "read_extract", "read_segments", "way_speeds"]

ENDINGS: Final = (".osm.pbf", ".osm")
ROAD_CLASSES: Final = (
    *("motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary"),
    *(
        "secondary_link",
        "tertiary",
        "tertiary_link",
        "unclassified",
        "residential",
        "living_street",
        "service",
    ),
    *("track", "path", "cycleway", "footway", "pedestrian", "steps", "bridleway", "road", "other"),
)
"""OpenStreetMap's values of `highway`; what is none of them is "other"."""
_OTHER: Final = ROAD_CLASSES.index("other")


class BadExtract(Invalid):
    """A file is no OpenStreetMap extract, is damaged, or has no road in it."""


class ReadingToolMissing(Unavailable):
    """The extra `roads` is not installed."""


@dataclass(frozen=True, eq=False)
class Segments:
    """Pieces of road between two neighbouring nodes, in the order of their ways.

    Attributes:
        start: OpenStreetMap node, shape (segments,), int64.
        end: The other node.
        way: OpenStreetMap way, int64.
        kind: Index into `ROAD_CLASSES`, uint8.
        places: Degrees of start and end as longitude, latitude, shape (segments, 2, 2), float64.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    way: NDArray[np.int64]
    kind: NDArray[np.uint8]
    places: NDArray[np.float64]

    def write(self, path: Path) -> None:
        """Keep them; degrees are stored to 1e-7, as OpenStreetMap does."""
        places = np.round(self.places * 1e7).astype(np.int32)
        np.savez(path, start=self.start, end=self.end, way=self.way, kind=self.kind, places=places)


@dataclass(frozen=True, eq=False)
class Contents:
    """What an extract holds.

    Attributes:
        bounds: Of all its roads.
        roads: How many ways have a road on them.
        generator: Which program wrote it.
        segments: All pieces of road.
    """

    bounds: Bounds
    roads: int
    generator: str
    segments: Segments


def check_name(path: Path) -> None:
    """Refuse a file that cannot be an extract by its name.

    Raises:
        BadExtract: It is not there, or is none.
    """
    if not path.name.endswith(ENDINGS):
        raise BadExtract(f"{path.name} is no extract: name a file that ends in {' or '.join(ENDINGS)}")
    if not path.is_file():
        raise BadExtract(f"there is no file {path}: name an extract of OpenStreetMap")


def read_extract(path: Path) -> Contents:
    """Read every road of an extract.

    Raises:
        BadExtract: It is no extract, damaged, or without a road.
        ReadingToolMissing: pyosmium is not installed.
    """
    check_name(path)
    try:
        import osmium  # noqa: PLC0415 -- an extra: only who builds road data needs it
    except ImportError as missing:
        raise ReadingToolMissing(
            "pyosmium is not installed, which reads extracts: run `pip install 'careapp[roads]'`"
        ) from missing
    # Arrays, not lists: a region has millions of pieces.
    starts, ends, ways, kinds, places = array("q"), array("q"), array("q"), array("B"), array("d")
    numbers = {name: number for number, name in enumerate(ROAD_CLASSES)}
    roads = 0
    try:
        with osmium.io.Reader(str(path), osmium.osm.NOTHING) as reader:
            generator = reader.header().get("generator", "")
        processor = osmium.FileProcessor(str(path), osmium.osm.NODE | osmium.osm.WAY).with_locations()
        for way in processor.with_filter(osmium.filter.KeyFilter("highway", "route")):
            if not isinstance(way, osmium.osm.Way):
                continue
            kind = numbers.get(way.tags.get("highway") or "", _OTHER)
            roads += 1
            before = None
            for node in way.nodes:
                location = node.location
                if not location.valid():  # lies outside the extract
                    before = None
                    continue
                here = (node.ref, location.lon, location.lat)
                if before is not None and before[0] != here[0]:
                    starts.append(before[0])
                    ends.append(here[0])
                    ways.append(way.id)
                    kinds.append(kind)
                    places.extend((*before[1:], *here[1:]))
                before = here
    except (RuntimeError, OSError, ValueError) as damaged:  # osmium's own errors are RuntimeErrors
        raise BadExtract(f"{path.name} is damaged or no extract: {damaged}; fetch it again") from damaged
    if not starts:
        raise BadExtract(f"{path.name} holds no road: choose an extract of the region's OpenStreetMap data")
    segments = Segments(
        np.frombuffer(starts, np.int64),
        np.frombuffer(ends, np.int64),
        np.frombuffer(ways, np.int64),
        np.frombuffer(kinds, np.uint8),
        np.frombuffer(places, np.float64).reshape(-1, 2, 2),
    )
    west, south = segments.places.min(axis=(0, 1)).tolist()
    east, north = segments.places.max(axis=(0, 1)).tolist()
    bounds = Bounds(west=west, south=south, east=east, north=north)
    return Contents(bounds, roads, generator, segments)


def read_segments(path: Path) -> Segments:
    """Read what `Segments.write` has kept."""
    with np.load(path) as kept:
        places = kept["places"].astype(np.float64) * 1e-7
        return Segments(kept["start"], kept["end"], kept["way"], kept["kind"], places)


@dataclass(frozen=True, eq=False)
class WaySpeeds:
    """What OSRM's rules say of each way that a vehicle may use, sorted by way.

    Attributes:
        way: OpenStreetMap way, shape (ways,), int64.
        speed: Kilometres an hour forward and backward, shape (ways, 2); 0 where it may not go.
        rate: How good the way is, as OSRM weighs it (metres a second, less where it is to be avoided),
            shape (ways, 2); below 0 where the rules weigh by time alone.
    """

    way: NDArray[np.int64]
    speed: NDArray[np.float64]
    rate: NDArray[np.float64]


def way_speeds(path: Path) -> WaySpeeds:
    """Read what the rules said of each way while they ran, see `careapp.roads.rules`."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2, dtype=np.float64).reshape(-1, 5)
    rows = rows[np.argsort(rows[:, 0], kind="stable")]
    return WaySpeeds(rows[:, 0].astype(np.int64), rows[:, 1:3], rows[:, 3:5])
