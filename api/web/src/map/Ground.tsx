/** The map itself; loaded after the page, for it is by far the largest part. */

import {
  addProtocol,
  Map as MapLibre,
  type MapMouseEvent,
  Marker,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url";
import "maplibre-gl/dist/maplibre-gl.css";
import { Protocol } from "pmtiles";
import { useEffect, useEffectEvent, useRef, useState } from "react";
import type { Coordinates, MapInfo, Stretch } from "../shared/api";
import type { Theme } from "../shared/theme";
import type { Words } from "../shared/words";
import { drawCoverage } from "./coverage";
import { boxOf, CLICKABLE, draw, type Drawn } from "./overlay";
import { moved, type Pin, rounded } from "./pin";

setWorkerUrl(workerUrl);
addProtocol("pmtiles", new Protocol().tile);

const MOST_ZOOM = 18;
const CLOSE_ENOUGH = 14;
const PIN_ZOOM = 16;
const STEP_M = 10;
const STRIDE_M = 100;
const STEPS: Record<string, [number, number] | undefined> = {
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
  ArrowRight: [1, 0],
  ArrowLeft: [-1, 0],
};

interface Props {
  info: MapInfo;
  theme: Theme;
  words: Words;
  drawn: Drawn;
  coverage: Stretch[];
  pin: Pin | null;
  onChoose: (tourId: string, position: number) => void;
  onPin: (at: Coordinates) => void;
}

export default function Ground({ info, theme, words, drawn, coverage, pin, onChoose, onPin }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const map = useRef<MapLibre | null>(null);
  const [broken, setBroken] = useState(false);

  const drawNow = useEffectEvent(() => {
    const current = map.current;
    if (current?.getStyle() === undefined || box.current === null) return;
    box.current.dataset.map = "busy";
    draw(current, drawn, theme);
    drawCoverage(current, coverage, theme);
    box.current.dataset.coverage = String(coverage.length);
    box.current.dataset.legs = String([...drawn.paths.values()].flat().length);
  });
  const look = useEffectEvent((animate: boolean) => {
    const chosen = drawn.tours.find((tour) => tour.id === drawn.tourId);
    const stop = chosen?.stops.find((each) => each.position === drawn.position);
    const duration = animate && !matchMedia("(prefers-reduced-motion: reduce)").matches ? 500 : 0;
    if (stop) {
      const zoom = Math.max(map.current?.getZoom() ?? 0, CLOSE_ENOUGH - 2);
      map.current?.easeTo({ center: [stop.place.longitude, stop.place.latitude], zoom, duration });
      return;
    }
    const [west, south, east, north] = info.bounds;
    const bounds = boxOf(chosen ? [chosen] : drawn.tours) ?? [
      [west, south],
      [east, north],
    ];
    map.current?.fitBounds(bounds, { padding: 48, maxZoom: CLOSE_ENOUGH, duration });
  });
  const clicked = useEffectEvent((event: MapMouseEvent) => {
    if (pin !== null) {
      if (!pin.saving) onPin(rounded([event.lngLat.lng, event.lngLat.lat]));
      return;
    }
    const layers = CLICKABLE.filter((layer) => map.current?.getLayer(layer));
    const about = map.current?.queryRenderedFeatures(event.point, { layers })[0]?.properties;
    if (about) onChoose(String(about.tour), Number(about.position));
  });
  const dragged = useEffectEvent((marker: Marker) => {
    const { lng, lat } = marker.getLngLat();
    onPin(rounded([lng, lat]));
  });
  const pressed = useEffectEvent((event: KeyboardEvent) => {
    const step = STEPS[event.key];
    if (step === undefined || pin === null || pin.saving) return;
    event.preventDefault();
    event.stopPropagation(); // else the map moves too
    const metres = event.shiftKey ? STRIDE_M : STEP_M;
    onPin(moved(pin.at, step[0] * metres, step[1] * metres));
  });
  const setPin = useEffectEvent((): Marker | null => {
    if (map.current === null || pin === null) return null;
    const element = document.createElement("button");
    element.type = "button";
    element.className = "pin";
    element.addEventListener("keydown", pressed);
    const marker = new Marker({ element, anchor: "bottom", draggable: true }).setLngLat(pin.at).addTo(map.current);
    element.setAttribute("aria-label", words.pinOf(pin.name));
    marker.on("dragend", () => {
      dragged(marker);
    });
    const zoom = Math.max(map.current.getZoom(), PIN_ZOOM);
    map.current.jumpTo({ center: pin.at, zoom });
    element.focus({ preventScroll: true });
    return marker;
  });
  const firstStyle = useEffectEvent(() => `${info.style}?theme=${theme}`);
  const names = useEffectEvent(() => ({
    "Map.Title": words.map,
    "NavigationControl.ZoomIn": words.zoomIn,
    "NavigationControl.ZoomOut": words.zoomOut,
  }));

  useEffect(() => {
    const container = box.current;
    if (container === null) return;
    let made: MapLibre;
    try {
      made = new MapLibre({
        container,
        style: firstStyle(),
        attributionControl: false, // the page prints it, for everybody to see without a click
        dragRotate: false,
        pitchWithRotate: false,
        maxZoom: MOST_ZOOM,
        locale: names(),
      });
    } catch {
      queueMicrotask(() => {
        setBroken(true);
      });
      return;
    }
    map.current = made;
    made.touchZoomRotate.disableRotation();
    made.addControl(new NavigationControl({ showCompass: false }), "top-right");
    made.addControl(new ScaleControl({ unit: "metric" }), "bottom-left");
    made.on("style.load", () => {
      drawNow();
    });
    made.on("click", clicked);
    made.on("error", (event) => {
      console.error(event.error.message);
    });
    made.on("idle", () => {
      container.dataset.map = "idle";
    });
    look(false);
    return () => {
      map.current = null;
      made.remove();
    };
  }, []);

  const shownTheme = useRef(theme);
  useEffect(() => {
    if (shownTheme.current === theme) return;
    shownTheme.current = theme;
    map.current?.setStyle(`${info.style}?theme=${theme}`, { diff: false });
  }, [info, theme]);

  useEffect(() => {
    drawNow();
  }, [drawn, coverage]);

  useEffect(() => {
    look(true);
  }, [drawn.tours, drawn.tourId, drawn.position]);

  const marker = useRef<Marker | null>(null);
  const patientId = pin?.patientId;
  useEffect(() => {
    if (patientId === undefined) return;
    marker.current = setPin();
    return () => {
      marker.current?.remove();
      marker.current = null;
    };
  }, [patientId]);
  useEffect(() => {
    if (pin) marker.current?.setLngLat(pin.at);
  }, [pin]);

  if (broken) {
    return (
      <p className="notice" role="status">
        {words.noWebGl}
      </p>
    );
  }
  return <div ref={box} className="ground" data-map="busy" />;
}
