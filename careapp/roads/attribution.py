"""Whose data a map shows: what must be printed beside it."""

import logging
from dataclasses import dataclass
from pathlib import Path

from careapp.roads.manifest import RoadsDamaged, find_manifest
from careapp.roads.tiles import OPENSTREETMAP, SYNTHETIC_NETWORK, Tiles

LOG = logging.getLogger("careapp.roads")


@dataclass(frozen=True)
class Credit:
    """One line beside a map.

    Attributes:
        text: What is printed, short enough for a telephone.
        url: Where the licence or the source is; None if there is nothing to look up.
    """

    text: str
    url: str | None


_OPENSTREETMAP = Credit("© OpenStreetMap contributors (ODbL)", "https://www.openstreetmap.org/copyright")
_GEONAMES = Credit("GeoNames (CC BY 4.0)", "https://www.geonames.org")
_RAILWAY = Credit("DB InfraGO AG (CC BY 4.0)", "https://data.deutschebahn.com")
_SYNTHETIC = Credit("synthetisches Demo-Straßennetz", None)


def map_credits(tiles: Tiles | None, data_dir: Path) -> list[Credit]:
    """Return what is printed on a map, whether its ground is tiles or the plain map.

    The demo region's homes lie beside public-transport stops and carry names of GeoNames, so those two stand
    on every map on which tours may be drawn; and OpenStreetMap does for its part in the stops.

    Args:
        tiles: As `find_tiles` gave them.
        data_dir: The data folder.
    """
    is_invented = any(SYNTHETIC_NETWORK in line for line in credit_lines(tiles, data_dir))
    return [*([_SYNTHETIC] if is_invented else []), _OPENSTREETMAP, _GEONAMES, _RAILWAY]


def credit_lines(tiles: Tiles | None, data_dir: Path) -> list[str]:
    """Return the full lines about the map and the roads in use, for `/api/about`.

    What cannot be read counts as OpenStreetMap's: rather named too often than not at all.

    Args:
        tiles: As `find_tiles` gave them.
        data_dir: The data folder.
    """
    return [
        *(f"Map: {line}" for line in (tiles.attribution if tiles is not None else ())),
        *(f"Roads: {line}" for line in _of_roads(data_dir)),
    ]


def _of_roads(data_dir: Path) -> list[str]:
    try:
        manifest = find_manifest(data_dir)
    except (RoadsDamaged, OSError) as damage:
        LOG.warning("the manifest of the road data cannot be read: %s", type(damage).__name__)
        return [OPENSTREETMAP]
    if manifest is None:
        return []
    return [*([SYNTHETIC_NETWORK] if manifest.synthetic else []), manifest.attribution]
