/** The pin of a patient's home while somebody moves it. */

import type { Coordinates, Stop } from "../shared/api";

export interface Pin {
  patientId: string;
  name: string;
  from: Coordinates;
  at: Coordinates;
  saving: boolean;
  /** Why the server did not take it; the pin stays where it was put. */
  refused: string | null;
}

const METRES_PER_DEGREE = 111_195; // a degree of a meridian of a sphere of 6371 km

export function pinOf(stop: Stop): Pin {
  const from: Coordinates = [stop.place.longitude, stop.place.latitude];
  return { patientId: stop.patient.id, name: stop.patient.name, from, at: from, saving: false, refused: null };
}

/** Move a point some metres to the east and to the north. */
export function moved([longitude, latitude]: Coordinates, east: number, north: number): Coordinates {
  const perDegree = METRES_PER_DEGREE * Math.cos((latitude * Math.PI) / 180);
  return rounded([longitude + east / perDegree, latitude + north / METRES_PER_DEGREE]);
}

/** To a hundred-thousandth of a degree, about a metre. */
export function rounded([longitude, latitude]: Coordinates): Coordinates {
  return [Math.round(longitude * 1e5) / 1e5, Math.round(latitude * 1e5) / 1e5];
}

/** Metres between two points that are near each other. */
export function metresBetween(a: Coordinates, b: Coordinates): number {
  const north = (b[1] - a[1]) * METRES_PER_DEGREE;
  const east = (b[0] - a[0]) * METRES_PER_DEGREE * Math.cos((a[1] * Math.PI) / 180);
  return Math.hypot(north, east);
}
