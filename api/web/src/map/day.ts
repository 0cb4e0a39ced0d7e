/** A local day's tours and their ways, as the page fetches them. */

import { useEffect, useState } from "react";
import { getPath, getTours, getZone, type Leg, Refused, type Tour } from "../shared/api";
import { straightLegs } from "./overlay";

export interface Day {
  date: string;
  zone: string;
  tours: Tour[];
}

export type DayState = { kind: "loading" } | { kind: "failed"; sentence: string } | ({ kind: "here" } & Day);

export interface Ways {
  paths: ReadonlyMap<string, Leg[]>;
  /** False if a tour's ways could not be had, so that the map shows straight lines. */
  complete: boolean;
}

const AT_ONCE = 4;
const NO_WAYS: Ways = { paths: new Map(), complete: true };

export function shifted(date: string, days: number): string {
  const moment = new Date(`${date}T12:00:00Z`);
  moment.setUTCDate(moment.getUTCDate() + days);
  return moment.toISOString().slice(0, 10);
}

export function isDate(text: string | null): text is string {
  return text !== null && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
}

/** A day that was asked for; else today, or tomorrow if only that has tours. */
async function findDay(asked: string | null, signal: AbortSignal): Promise<Day> {
  const zone = await getZone(signal);
  if (asked !== null) return { date: asked, zone, tours: await getTours(asked, signal) };
  const today = new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date());
  for (const date of [today, shifted(today, 1)]) {
    const tours = await getTours(date, signal);
    if (tours.length > 0) return { date, zone, tours };
  }
  return { date: today, zone, tours: [] };
}

export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The tours of a day; `attempt` changes to ask again. */
export function useDay(asked: string | null, attempt: number): DayState {
  const key = `${asked ?? ""} ${attempt}`;
  const [found, setFound] = useState<{ key: string; state: DayState } | null>(null);
  useEffect(() => {
    const abort = new AbortController();
    findDay(asked, abort.signal)
      .then((day): DayState => ({ kind: "here", ...day }))
      .catch((error: unknown): DayState => ({ kind: "failed", sentence: sentenceOf(error) }))
      .then((state) => {
        if (!abort.signal.aborted) setFound({ key, state });
      })
      .catch(console.error);
    return () => {
      abort.abort();
    };
  }, [asked, key]);
  return found?.key === key ? found.state : { kind: "loading" };
}

/** The ways of a day's tours, tour by tour as they come in. */
export function useWays(day: DayState): Ways {
  const [found, setFound] = useState<{ day: DayState; ways: Ways } | null>(null);
  useEffect(() => {
    if (day.kind !== "here") return;
    const abort = new AbortController();
    const waiting = [...day.tours];
    const paths = new Map<string, Leg[]>();
    let complete = true;
    const fetchNext = async (): Promise<void> => {
      for (let tour = waiting.shift(); tour !== undefined; tour = waiting.shift()) {
        try {
          paths.set(tour.id, await getPath(tour.id, abort.signal));
        } catch (error: unknown) {
          if (abort.signal.aborted) return;
          if (!(error instanceof Refused)) console.error(error);
          paths.set(tour.id, straightLegs(tour));
          complete = false;
        }
        setFound({ day, ways: { paths: new Map(paths), complete } });
      }
    };
    Promise.all(Array.from({ length: AT_ONCE }, fetchNext)).catch(console.error);
    return () => {
      abort.abort();
    };
  }, [day]);
  return found?.day === day ? found.ways : NO_WAYS;
}
