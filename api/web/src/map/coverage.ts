/** Where a call is likely to hold: a layer under the tours, and the same in words at each stop. */

import type { FeatureCollection } from "geojson";
import type { FillLayerSpecification, GeoJSONSource, LineLayerSpecification, Map as MapLibre } from "maplibre-gl";
import { useEffect, useState } from "react";
import { getCoverage, type LinkKind, type Place, type Stretch } from "../shared/api";
import type { Theme } from "../shared/theme";
import { sentenceOf } from "./day";

const SOURCE = "coverage";

/** From light to dark by day, from dark to light by night: told apart without colours, too. */
const COLOURS: Record<Theme, Record<LinkKind, string>> = {
  light: { video: "#5aa86f", audio: "#c98a1b", none: "#8c1d18" },
  dark: { video: "#3f8f5c", audio: "#d9a441", none: "#ffb4ab" },
  contrast: { video: "#5aa86f", audio: "#a86a00", none: "#5c0000" },
};

export interface Coverage {
  stretches: Stretch[];
  refused: string | null;
}

/** What is known of an area, once somebody wants to see it. */
export function useCoverage(bounds: readonly number[] | undefined, wanted: boolean): Coverage | null {
  const [found, setFound] = useState<Coverage | null>(null);
  useEffect(() => {
    if (!wanted || bounds === undefined) return;
    const stop = new AbortController();
    getCoverage(bounds, stop.signal)
      .then((stretches) => {
        setFound({ stretches, refused: null });
      })
      .catch((error: unknown) => {
        if (!stop.signal.aborted) setFound({ stretches: [], refused: sentenceOf(error) });
      });
    return () => {
      stop.abort();
    };
  }, [bounds, wanted]);
  return wanted ? found : null;
}

/** What a call from a place can count on; null: nobody knows. */
export function linkAt(stretches: Stretch[], place: Place): LinkKind | null {
  const { longitude, latitude } = place;
  const found = stretches.find(
    ({ box: [west, south, east, north] }) =>
      west <= longitude && longitude < east && south <= latitude && latitude < north,
  );
  return found?.kind ?? null;
}

function areas(stretches: Stretch[]): FeatureCollection {
  return {
    type: "FeatureCollection",
    features: stretches.map(({ kind, box: [west, south, east, north] }) => ({
      type: "Feature",
      properties: { kind },
      geometry: {
        type: "Polygon",
        coordinates: [
          [
            [west, south],
            [east, south],
            [east, north],
            [west, north],
            [west, south],
          ],
        ],
      },
    })),
  };
}

/** Draw what is known below everything else of ours; nothing takes it away. */
export function drawCoverage(map: MapLibre, stretches: Stretch[], theme: Theme): void {
  const source = map.getSource<GeoJSONSource>(SOURCE);
  if (source) {
    void source.setData(areas(stretches));
    return;
  }
  if (stretches.length === 0) return;
  const { video, audio, none } = COLOURS[theme];
  const colour = ["match", ["get", "kind"], "video", video, "audio", audio, none] as unknown as string;
  const above = ["line-halos", ...map.getStyle().layers.filter((each) => each.type === "symbol").map((each) => each.id)];
  const before = above.find((id) => map.getLayer(id));
  const fill: FillLayerSpecification = {
    id: "coverage-areas",
    type: "fill",
    source: SOURCE,
    paint: { "fill-color": colour, "fill-opacity": 0.3, "fill-antialias": false },
  };
  const bars: LineLayerSpecification = {
    id: "coverage-none",
    type: "line",
    source: SOURCE,
    filter: ["==", ["get", "kind"], "none"],
    paint: { "line-color": colour, "line-width": 1, "line-dasharray": [2, 2] },
  };
  map.addSource(SOURCE, { type: "geojson", data: areas(stretches) });
  map.addLayer(fill, before);
  map.addLayer(bars, before);
}
