"""How the map looks: a MapLibre style without a font server, icons or anything else to fetch."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Json = dict[str, Any]
Layer = dict[str, Any]

TILES_SOURCE, PLAIN_SOURCE = "tiles", "plain"


class Theme(StrEnum):
    """For the day, for the night, for the sun on a telephone."""

    LIGHT = "light"
    DARK = "dark"
    CONTRAST = "contrast"


@dataclass(frozen=True)
class Palette:
    """The colours of a theme; `land` and `roads` by the class that `careapp.roads.layers` gives."""

    ground: str
    water: str
    building: str
    boundary: str
    rail: str
    ink: str
    faint_ink: str
    water_ink: str
    halo: str
    casing: str
    stops: str
    land: dict[str, str]
    roads: dict[str, str]


PALETTES = {
    Theme.LIGHT: Palette(
        ground="#f5f3ed",
        water="#a8cfe6",
        building="#dcd4c9",
        boundary="#9a86a8",
        rail="#9b9a99",
        ink="#2f3136",
        faint_ink="#5b5f66",
        water_ink="#2b6690",
        halo="#ffffff",
        casing="#c9bfae",
        stops="#b7ab98",
        land={
            "forest": "#d2e2c6",
            "grass": "#e6efd9",
            "field": "#f2eedd",
            "park": "#dbeacb",
            "built": "#ebe5dc",
            "works": "#e6e0e4",
        },
        roads={
            "motorway": "#eba766",
            "trunk": "#f1b877",
            "primary": "#f6d08c",
            "secondary": "#fae7b0",
            "tertiary": "#ffffff",
            "minor": "#ffffff",
            "service": "#fdfcfa",
            "track": "#b8a78c",
            "path": "#b8a78c",
        },
    ),
    Theme.DARK: Palette(
        ground="#1e2227",
        water="#16384e",
        building="#31363d",
        boundary="#8d7aa0",
        rail="#6b7078",
        ink="#eef0f3",
        faint_ink="#b4bac3",
        water_ink="#8cc3e6",
        halo="#14171a",
        casing="#14171a",
        stops="#59616c",
        land={
            "forest": "#213027",
            "grass": "#242c28",
            "field": "#24272a",
            "park": "#243329",
            "built": "#282c32",
            "works": "#2b2a31",
        },
        roads={
            "motorway": "#a8733d",
            "trunk": "#96703f",
            "primary": "#8a7446",
            "secondary": "#6f6547",
            "tertiary": "#575d66",
            "minor": "#4a5059",
            "service": "#40454d",
            "track": "#5c5648",
            "path": "#5c5648",
        },
    ),
    Theme.CONTRAST: Palette(
        ground="#ffffff",
        water="#7fb7dc",
        building="#b9b9b9",
        boundary="#5b2a86",
        rail="#4a4a4a",
        ink="#000000",
        faint_ink="#1c1c1c",
        water_ink="#003a66",
        halo="#ffffff",
        casing="#000000",
        stops="#7a7a7a",
        land={
            "forest": "#cfe5bd",
            "grass": "#ffffff",
            "field": "#ffffff",
            "park": "#dff0cf",
            "built": "#eeeeee",
            "works": "#e4e4e4",
        },
        roads={
            "motorway": "#ff9d2e",
            "trunk": "#ffb04d",
            "primary": "#ffd24d",
            "secondary": "#fff08a",
            "tertiary": "#ffffff",
            "minor": "#ffffff",
            "service": "#ffffff",
            "track": "#6b4e16",
            "path": "#6b4e16",
        },
    ),
}


def tiles_style(palette: Palette, *, url: str, bounds: list[float]) -> Json:
    """Return the style over vector tiles with the layers of `careapp.roads.layers`.

    Args:
        palette: The colours.
        url: Of the PMTiles file.
        bounds: Degrees west, south, east, north.
    """
    source = {"type": "vector", "url": f"pmtiles://{url}", "bounds": bounds}
    return _style(
        {TILES_SOURCE: source}, [*_ground(palette), *_areas(palette), *_ways(palette), *_names(palette)]
    )


def plain_style(palette: Palette, *, url: str) -> Json:
    """Return the style over the GeoJSON of `careapp.demo.plain_map`."""
    source = {"type": "geojson", "data": url}
    places = {
        "id": "municipality-points",
        "type": "circle",
        "source": PLAIN_SOURCE,
        "filter": ["==", ["get", "layer"], "municipality"],
        "paint": {
            "circle-color": palette.ink,
            "circle-radius": ["match", ["get", "rank"], 1, 4.5, 2, 3.5, 2.5],
            "circle-stroke-color": palette.halo,
            "circle-stroke-width": 1.5,
        },
    }
    stops = {
        "id": "stops",
        "type": "circle",
        "source": PLAIN_SOURCE,
        "filter": ["==", ["get", "layer"], "stops"],
        "paint": {
            "circle-color": palette.stops,
            "circle-opacity": ["interpolate", ["linear"], ["zoom"], 7, 0.35, 12, 0.7],
            "circle-radius": ["interpolate", ["exponential", 1.6], ["zoom"], 7, 0.9, 10, 1.8, 14, 5],
        },
    }
    return _style(
        {PLAIN_SOURCE: source},
        [
            *_ground(palette),
            stops,
            places,
            _plain_label("village", 10.5, 11, 14, palette, ink=palette.faint_ink),
            _plain_label("municipality", 6, 12, 19, palette, ink=palette.ink),
        ],
    )


def _style(sources: Json, layers: list[Layer]) -> Json:
    return {"version": 8, "name": "careapp", "sources": sources, "layers": layers}


def _ground(palette: Palette) -> list[Layer]:
    return [{"id": "ground", "type": "background", "paint": {"background-color": palette.ground}}]


def _areas(palette: Palette) -> list[Layer]:
    land = [item for each in palette.land.items() for item in each]
    return [
        _layer("land", "fill", "land", {"fill-color": ["match", ["get", "class"], *land, palette.ground]}),
        _layer("water", "fill", "water", {"fill-color": palette.water}),
        _layer(
            "waterways",
            "line",
            "waterways",
            {
                "line-color": palette.water,
                "line-width": _by_class({"river": (0.8, 6), "canal": (0.6, 4)}, (0.2, 2)),
            },
        ),
        _layer("buildings", "fill", "buildings", {"fill-color": palette.building}, first=13),
        _layer(
            "boundaries",
            "line",
            "boundaries",
            {
                "line-color": palette.boundary,
                "line-dasharray": [4, 3],
                "line-width": 1,
                "line-opacity": 0.7,
            },
        ),
    ]


_ROAD_WIDTHS = {
    "motorway": (1.4, 14),
    "trunk": (1.3, 13),
    "primary": (1.1, 12),
    "secondary": (0.9, 11),
    "tertiary": (0.7, 10),
    "minor": (0.4, 9),
    "service": (0.2, 5),
}


def _ways(palette: Palette) -> list[Layer]:
    colours = [item for each in palette.roads.items() for item in each]
    drawn: list[Any] = ["in", ["get", "class"], ["literal", list(_ROAD_WIDTHS)]]
    thin: list[Any] = ["in", ["get", "class"], ["literal", ["track", "path"]]]
    order = ["match", ["get", "class"], *_ranks(), 0]
    round_ends = {"line-cap": "round", "line-join": "round", "line-sort-key": order}
    casings = {name: (least + 0.8, most + 2.2) for name, (least, most) in _ROAD_WIDTHS.items()}
    colour = ["match", ["get", "class"], *colours, palette.casing]
    return [
        _layer(
            "tracks",
            "line",
            "roads",
            {"line-color": colour, "line-width": _growing(0.4, 2), "line-dasharray": [3, 2]},
            drawn=thin,
        ),
        _layer(
            "casings",
            "line",
            "roads",
            {"line-color": palette.casing, "line-width": _by_class(casings, (0.5, 3))},
            drawn=drawn,
            layout=round_ends,
        ),
        _layer(
            "roads",
            "line",
            "roads",
            {"line-color": colour, "line-width": _by_class(_ROAD_WIDTHS, (0.4, 2))},
            drawn=drawn,
            layout=round_ends,
        ),
        _layer("rails", "line", "rails", {"line-color": palette.rail, "line-width": _growing(0.6, 2.5)}),
    ]


def _ranks() -> list[str | int]:
    return [item for rank, name in enumerate(reversed(_ROAD_WIDTHS), 1) for item in (name, rank)]


def _names(palette: Palette) -> list[Layer]:
    along = {"symbol-placement": "line", "text-max-angle": 30}
    return [
        _label("house-numbers", "addresses", "number", palette.faint_ink, palette, size=(10, 12), first=16),
        _label(
            "water-names",
            "waterways",
            "name",
            palette.water_ink,
            palette,
            size=(10, 13),
            first=12,
            layout=along,
        ),
        _label(
            "road-names", "roads", "name", palette.faint_ink, palette, size=(10, 14), first=13, layout=along
        ),
        *(
            _label(
                f"{kind}-names",
                "places",
                "name",
                ink,
                palette,
                size=size,
                first=first,
                drawn=["==", ["get", "class"], kind],
                layout={"symbol-sort-key": ["-", 0, ["get", "people"]]},
            )
            for kind, first, size, ink in (
                ("neighbourhood", 14, (10, 13), palette.faint_ink),
                ("isolated_dwelling", 14, (10, 13), palette.faint_ink),
                ("hamlet", 12, (10, 14), palette.faint_ink),
                ("suburb", 11, (11, 15), palette.faint_ink),
                ("village", 9, (11, 16), palette.ink),
                ("town", 7, (12, 20), palette.ink),
                ("city", 6, (14, 24), palette.ink),
            )
        ),
    ]


def _label(
    name: str,
    layer: str,
    field: str,
    ink: str,
    palette: Palette,
    *,
    size: tuple[float, float],
    first: float,
    drawn: list[Any] | None = None,
    layout: Json | None = None,
) -> Layer:
    text = {
        "text-field": ["get", field],
        "text-size": ["interpolate", ["linear"], ["zoom"], first, size[0], 16, size[1]],
    }
    if first >= 16:
        text["text-size"] = size[0]
    paint = {"text-color": ink, "text-halo-color": palette.halo, "text-halo-width": 1.6}
    return _layer(name, "symbol", layer, paint, drawn=drawn, layout=text | (layout or {}), first=first)


def _plain_label(kind: str, first: float, least: float, most: float, palette: Palette, *, ink: str) -> Layer:
    return {
        "id": f"{kind}-names",
        "type": "symbol",
        "source": PLAIN_SOURCE,
        "minzoom": first,
        "filter": ["==", ["get", "layer"], kind],
        "layout": {
            "text-field": ["get", "name"],
            "text-size": ["interpolate", ["linear"], ["zoom"], first, least, 15, most],
            "text-variable-anchor": ["top", "bottom", "left", "right"],
            "text-radial-offset": 0.5,
            "symbol-sort-key": ["get", "rank"],
        },
        "paint": {"text-color": ink, "text-halo-color": palette.halo, "text-halo-width": 1.8},
    }


def _layer(
    name: str,
    kind: str,
    layer: str,
    paint: Json,
    *,
    drawn: list[Any] | None = None,
    layout: Json | None = None,
    first: float = 0,
) -> Layer:
    described: Layer = {
        "id": name,
        "type": kind,
        "source": TILES_SOURCE,
        "source-layer": layer,
        "paint": paint,
    }
    if drawn is not None:
        described["filter"] = drawn
    if layout:
        described["layout"] = layout
    if first:
        described["minzoom"] = first
    return described


def _growing(least: float, most: float) -> list[Any]:
    """Return a width in pixels that grows from zoom 8 to zoom 17."""
    return ["interpolate", ["exponential", 1.5], ["zoom"], 8, least, 17, most]


def _by_class(widths: Mapping[str, tuple[float, float]], other: tuple[float, float]) -> list[Any]:
    ends = []
    for end in (0, 1):
        values = [item for name, width in widths.items() for item in (name, width[end])]
        ends.append(["match", ["get", "class"], *values, other[end]])
    return ["interpolate", ["exponential", 1.5], ["zoom"], 8, ends[0], 17, ends[1]]
