/** A day's tours as layers over the map's ground. */

import type { Feature, FeatureCollection } from "geojson";
import type { GeoJSONSource, LayerSpecification, Map as MapLibre } from "maplibre-gl";
import type { Leg, Tour } from "../shared/api";
import type { Theme } from "../shared/theme";
import { colourOf, inkOn } from "./colours";

export interface Drawn {
  tours: Tour[];
  paths: ReadonlyMap<string, Leg[]>;
  /** The tour that is highlighted; null highlights none. */
  tourId: string | null;
  /** Position of the stop that is highlighted in that tour. */
  position: number | null;
}

const HALOS: Record<Theme, string> = { light: "#ffffff", dark: "#14171a", contrast: "#ffffff" };

type Box = [[number, number], [number, number]];

const LINES = "tour-lines";
const STOPS = "tour-stops";
export const CLICKABLE = ["stop-circles", "small-stops"];

/** The straight way through a tour's stops, for as long as nothing better is known. */
export function straightLegs(tour: Tour): Leg[] {
  return tour.stops.slice(1).map((stop, index) => {
    const before = tour.stops[index] ?? stop;
    return {
      coordinates: [
        [before.place.longitude, before.place.latitude],
        [stop.place.longitude, stop.place.latitude],
      ],
      estimated: true,
    };
  });
}

export function boxOf(tours: Tour[]): Box | null {
  const places = tours.flatMap((tour) => tour.stops.map((stop) => stop.place));
  if (places.length === 0) return null;
  const longitudes = places.map((place) => place.longitude);
  const latitudes = places.map((place) => place.latitude);
  return [
    [Math.min(...longitudes), Math.min(...latitudes)],
    [Math.max(...longitudes), Math.max(...latitudes)],
  ];
}

function strength(drawn: Drawn, tour: Tour): number {
  return drawn.tourId === null ? 1 : drawn.tourId === tour.id ? 2 : 0;
}

function linesOf(drawn: Drawn, theme: Theme): FeatureCollection {
  const features = drawn.tours.flatMap((tour, number) =>
    (drawn.paths.get(tour.id) ?? []).map(
      (leg): Feature => ({
        type: "Feature",
        properties: { colour: colourOf(number, theme), estimated: leg.estimated, strength: strength(drawn, tour) },
        geometry: { type: "LineString", coordinates: leg.coordinates },
      }),
    ),
  );
  return { type: "FeatureCollection", features };
}

function stopsOf(drawn: Drawn, theme: Theme): FeatureCollection {
  const features = drawn.tours.flatMap((tour, number) =>
    tour.stops.map(
      (stop): Feature => ({
        type: "Feature",
        properties: {
          tour: tour.id,
          position: stop.position,
          number: String(stop.position + 1),
          colour: colourOf(number, theme),
          strength: strength(drawn, tour),
          chosen: drawn.tourId === tour.id && drawn.position === stop.position,
        },
        geometry: { type: "Point", coordinates: [stop.place.longitude, stop.place.latitude] },
      }),
    ),
  );
  return { type: "FeatureCollection", features };
}

function layers(theme: Theme): LayerSpecification[] {
  const width = ["match", ["get", "strength"], 2, 5, 1, 3, 1.5] as unknown as number;
  const opacity = ["match", ["get", "strength"], 0, 0.3, 0.9] as unknown as number;
  const colour = ["get", "colour"] as unknown as string;
  const halo = HALOS[theme];
  const round = { "line-cap": "round", "line-join": "round" } as const;
  return [
    {
      id: "line-halos",
      type: "line",
      source: LINES,
      filter: ["==", ["get", "strength"], 2],
      layout: round,
      paint: { "line-color": halo, "line-width": 9, "line-opacity": 0.85 },
    },
    {
      id: "road-lines",
      type: "line",
      source: LINES,
      filter: ["!", ["get", "estimated"]],
      layout: round,
      paint: { "line-color": colour, "line-width": width, "line-opacity": opacity },
    },
    {
      id: "estimated-lines",
      type: "line",
      source: LINES,
      filter: ["get", "estimated"],
      paint: {
        "line-color": colour,
        "line-width": width,
        "line-opacity": opacity,
        "line-dasharray": [2, 1.4],
      },
    },
    {
      id: "small-stops",
      type: "circle",
      source: STOPS,
      filter: ["<", ["get", "strength"], 2],
      paint: {
        "circle-radius": 4,
        "circle-color": colour,
        "circle-opacity": ["match", ["get", "strength"], 0, 0.45, 1],
        "circle-stroke-width": 1.2,
        "circle-stroke-color": halo,
        "circle-stroke-opacity": ["match", ["get", "strength"], 0, 0.45, 1],
      },
    },
    {
      id: "stop-circles",
      type: "circle",
      source: STOPS,
      filter: ["==", ["get", "strength"], 2],
      paint: {
        "circle-radius": ["case", ["get", "chosen"], 15, 11],
        "circle-color": colour,
        "circle-stroke-width": ["case", ["get", "chosen"], 4, 2],
        "circle-stroke-color": halo,
      },
    },
    {
      id: "stop-numbers",
      type: "symbol",
      source: STOPS,
      filter: ["==", ["get", "strength"], 2],
      layout: { "text-field": ["get", "number"], "text-size": 13, "text-allow-overlap": true },
      paint: { "text-color": inkOn(theme) },
    },
  ];
}

/** Draw, or draw anew, above whatever the ground is. */
export function draw(map: MapLibre, drawn: Drawn, theme: Theme): void {
  const lines = map.getSource<GeoJSONSource>(LINES);
  const stops = map.getSource<GeoJSONSource>(STOPS);
  if (lines && stops) {
    void lines.setData(linesOf(drawn, theme));
    void stops.setData(stopsOf(drawn, theme));
    return;
  }
  map.addSource(LINES, { type: "geojson", data: linesOf(drawn, theme) });
  map.addSource(STOPS, { type: "geojson", data: stopsOf(drawn, theme) });
  const firstName = map.getStyle().layers.find((layer) => layer.type === "symbol")?.id;
  for (const layer of layers(theme)) map.addLayer(layer, layer.type === "line" ? firstName : undefined);
}
