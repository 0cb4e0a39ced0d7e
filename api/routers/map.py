"""The map's ground: vector tiles where they were built, else a plain map of the demo region."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.policy import EVERYBODY, may
from api.dependencies import SettingsDep
from api.etag import tagged
from api.map_style import PALETTES, Theme, plain_style, tiles_style
from api.openapi import problems
from api.ranges import ranged
from api.shapes import Example, Out, shown_as
from careapp.demo.plain_map import plain_bounds, plain_map
from careapp.errors import NotFound
from careapp.roads.attribution import Credit, map_credits
from careapp.roads.tiles import Tiles, find_tiles

router = APIRouter(prefix="/api/map", tags=["map"])

STYLE_ADDRESS = f"{router.prefix}/style.json"
PLAIN_ADDRESS = f"{router.prefix}/plain.geojson"
TILES_TYPE = "application/vnd.pmtiles"
GEOJSON_TYPE = "application/geo+json"

MAP_EXAMPLE: Example = {
    "kind": "plain",
    "style": "/api/map/style.json",
    "themes": ["light", "dark", "contrast"],
    "tiles": None,
    "bounds": [7.43, 50.66, 8.97, 51.72],
    "first_zoom": 6,
    "last_zoom": 14,
    "is_synthetic": False,
    "built_at": None,
    "credits": [
        {"text": "© OpenStreetMap contributors (ODbL)", "url": "https://www.openstreetmap.org/copyright"},
        {"text": "synthetisches Demo-Straßennetz", "url": None},
    ],
}
FIRST_ZOOM, LAST_ZOOM = 6, 14
"""Of the plain map."""


class CreditOut(Out):
    """One line that must be seen beside the map, and where its licence is."""

    model_config = shown_as(MAP_EXAMPLE["credits"][0])

    text: str
    url: str | None

    @classmethod
    def of(cls, credit: Credit) -> Self:
        """Show a credit."""
        return cls(text=credit.text, url=credit.url)


class MapOut(Out):
    """Which ground the map has, and what must be printed beside it.

    `tiles` if an OpenStreetMap extract was made into tiles, else `plain`; `bounds` are degrees west, south,
    east and north; `is_synthetic` if the extract shows no real roads.
    """

    model_config = shown_as(MAP_EXAMPLE)

    kind: Literal["tiles", "plain"]
    style: str
    themes: list[Theme]
    tiles: str | None
    bounds: list[float]
    first_zoom: int
    last_zoom: int
    is_synthetic: bool
    built_at: datetime | None
    credits: list[CreditOut]

    @classmethod
    def of(cls, tiles: Tiles | None, shown: list[Credit]) -> Self:
        """Show the tiles in use, or the plain map where there are none."""
        return cls(
            kind="plain" if tiles is None else "tiles",
            style=STYLE_ADDRESS,
            themes=list(Theme),
            tiles=None if tiles is None else tiles_address(tiles),
            bounds=list(plain_bounds()) if tiles is None else bounds_of(tiles),
            first_zoom=FIRST_ZOOM if tiles is None else tiles.first_zoom,
            last_zoom=LAST_ZOOM if tiles is None else tiles.last_zoom,
            is_synthetic=tiles is not None and tiles.synthetic,
            built_at=None if tiles is None else tiles.built_at,
            credits=[CreditOut.of(credit) for credit in shown],
        )


class NoTiles(NotFound):
    """Nobody has built tiles here."""


def _tiles_in_use(settings: SettingsDep) -> Tiles | None:
    return find_tiles(settings.roads_dir)


TilesInUse = Annotated[Tiles | None, Depends(_tiles_in_use)]


def tiles_address(tiles: Tiles) -> str:
    """Return where the tiles are; another address after each build, so that no map mixes two files."""
    return f"{router.prefix}/tiles.pmtiles?v={tiles.sha256[:16]}"


def bounds_of(tiles: Tiles) -> list[float]:
    """Return degrees west, south, east, north."""
    bounds = tiles.bounds
    return [bounds.west, bounds.south, bounds.east, bounds.north]


def _shown(media_type: str, example: Any, **schema: Any) -> dict[int | str, dict[str, Any]]:
    schema |= {"examples": [example]}
    return {200: {"description": "OK", "content": {media_type: {"schema": schema}}}}


@router.get("", dependencies=[may(*EVERYBODY)])
def get_map(tiles: TilesInUse, settings: SettingsDep) -> MapOut:
    """Tell which ground the map has and what must be printed beside it."""
    return MapOut.of(tiles, map_credits(tiles, settings.data_dir))


@router.get(
    "/style.json",
    response_class=Response,
    responses=_shown("application/json", {"version": 8, "sources": {}, "layers": []}, type="object"),
    dependencies=[may(*EVERYBODY)],
)
def get_style(
    request: Request,
    tiles: TilesInUse,
    theme: Annotated[Theme, Query(description="For the day, for the night, for the sun.")] = Theme.LIGHT,
) -> Response:
    """Show how the map is drawn: a MapLibre style that needs no fonts, icons or other hosts."""
    palette = PALETTES[theme]
    if tiles is None:
        style = plain_style(palette, url=PLAIN_ADDRESS)
    else:
        style = tiles_style(palette, url=tiles_address(tiles), bounds=bounds_of(tiles))
    return tagged(request, orjson.dumps(style), media_type="application/json")


@router.get(
    "/plain.geojson",
    response_class=Response,
    responses=_shown(GEOJSON_TYPE, {"type": "FeatureCollection", "features": []}, type="object"),
    dependencies=[may(*EVERYBODY)],
)
def get_plain_map(request: Request) -> Response:
    """List the demo region's towns, villages and stops as GeoJSON; no patient and no visit is among them."""
    return tagged(request, plain_map(), media_type=GEOJSON_TYPE)


@router.get(
    "/tiles.pmtiles",
    response_class=Response,
    responses={
        **_shown(TILES_TYPE, "PMTiles", type="string", format="binary"),
        206: {"description": "The bytes of `Range`", "content": {TILES_TYPE: {}}},
        **problems(404, 416),
    },
    dependencies=[may(*EVERYBODY)],
)
def get_tiles(request: Request, tiles: TilesInUse) -> Response:
    """Send the vector tiles, or the bytes of them that `Range` names (PMTiles version 3).

    `If-Range` with the entity tag guards against mixing two builds; 416 if the file ends before the range.
    """
    if tiles is None:
        raise NoTiles("there are no tiles here: careapp roads tiles FILE.osm.pbf builds them")
    return ranged(request, tiles.path, tag=f'"{tiles.sha256[:32]}"', media_type=TILES_TYPE)
