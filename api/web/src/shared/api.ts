/** What the pages ask of the server. */

export interface Named {
  id: string;
  name: string;
}

export interface Place {
  street: string | null;
  house_number: string | null;
  postal_code: string | null;
  city: string | null;
  district: string | null;
  latitude: number;
  longitude: number;
}

export interface Stop {
  position: number;
  visit_id: string;
  service_number: number;
  title: string;
  patient: Named;
  place: Place;
  arrives_at: string;
  starts_at: string;
  ends_at: string;
  travel_s: number;
  metres: number;
}

export interface Tour {
  id: string;
  date: string;
  status: string;
  nurse: Named;
  organisation: Named;
  leaves_at: string;
  returns_at: string;
  travel_s: number;
  metres: number;
  stops: Stop[];
}

export interface Credit {
  text: string;
  url: string | null;
}

export interface MapInfo {
  kind: "tiles" | "plain";
  style: string;
  bounds: [number, number, number, number];
  is_synthetic: boolean;
  credits: Credit[];
}

export type Coordinates = [number, number];

/** One leg of a tour; `estimated` if no road was asked, so that its line is a guess. */
export interface Leg {
  coordinates: Coordinates[];
  estimated: boolean;
}

/** What a call from a cell can count on. */
export type LinkKind = "video" | "audio" | "none";

/** Neighbouring cells that expect the same: west, south, east and north in degrees. */
export interface Stretch {
  kind: LinkKind;
  box: [number, number, number, number];
}

export class Refused extends Error {
  constructor(
    readonly status: number,
    sentence: string,
  ) {
    super(sentence);
  }
}

async function get(address: string, signal: AbortSignal): Promise<unknown> {
  return read(await fetch(address, { signal, headers: { Accept: "application/json, application/geo+json" } }));
}

async function read(answer: Response): Promise<unknown> {
  if (answer.status === 401) signInAgain();
  if (!answer.ok) {
    const problem = (await answer.json().catch(() => null)) as { detail?: string } | null;
    throw new Refused(answer.status, problem?.detail ?? answer.statusText);
  }
  return answer.json();
}

/** Nobody is signed in any more: sign in and come back to this very page. */
function signInAgain(): void {
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
}

/** What shows the server that a write comes from one of our pages; none where no cookie signs in. */
async function token(): Promise<Record<string, string>> {
  const me = (await read(await fetch("/api/me"))) as { csrf_token: string | null };
  return me.csrf_token === null ? {} : { "X-CSRF-Token": me.csrf_token };
}

export async function getZone(signal: AbortSignal): Promise<string> {
  return ((await get("/api/about", signal)) as { zone: string }).zone;
}

export async function getMap(signal: AbortSignal): Promise<MapInfo> {
  return (await get("/api/map", signal)) as MapInfo;
}

export async function getTours(date: string, signal: AbortSignal): Promise<Tour[]> {
  return ((await get(`/api/tours?date=${encodeURIComponent(date)}`, signal)) as { items: Tour[] }).items;
}

/** Put the pin of a patient's home to where the door is; plans from then on drive there. */
export async function moveHome(patientId: string, [longitude, latitude]: Coordinates): Promise<void> {
  const answer = await fetch(`/api/patients/${patientId}/home/point`, {
    method: "PUT",
    headers: { "Content-Type": "application/json", Accept: "application/json", ...(await token()) },
    body: JSON.stringify({ latitude, longitude }),
  });
  await read(answer);
}

interface CoverageFeature {
  geometry: { coordinates: Coordinates[][] };
  properties: { kind: LinkKind };
}

/** Where a call is likely to hold, in an area; what nobody knows is left out. */
export async function getCoverage(bounds: readonly number[], signal: AbortSignal): Promise<Stretch[]> {
  const address = `/api/coverage?bbox=${encodeURIComponent(bounds.join(","))}`;
  const found = (await get(address, signal)) as { features: CoverageFeature[] };
  return found.features.flatMap((each) => {
    const [first, , opposite] = each.geometry.coordinates[0] ?? [];
    return first && opposite ? [{ kind: each.properties.kind, box: [...first, ...opposite] }] : [];
  });
}

interface PathFeature {
  geometry: { type: string; coordinates: Coordinates[] };
  properties: { estimated?: boolean; is_estimated?: boolean } | null;
}

/** The ways of a tour, leg by leg. */
export async function getPath(tourId: string, signal: AbortSignal): Promise<Leg[]> {
  const found = (await get(`/api/tours/${tourId}/path`, signal)) as { features: PathFeature[] };
  return found.features
    .filter((each) => each.geometry.type === "LineString")
    .map((each) => ({
      coordinates: each.geometry.coordinates,
      estimated: each.properties?.estimated ?? each.properties?.is_estimated ?? true,
    }));
}
