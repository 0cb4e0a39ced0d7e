/** The map of a day's tours, with the same in words beside it. */

import { lazy, Suspense, useEffect, useMemo, useState } from "react";
import { type Coordinates, getMap, type MapInfo, moveHome, type Stretch } from "../shared/api";
import { firstTheme, THEMES } from "../shared/theme";
import { firstLanguage, type Language, WORDS, type Words } from "../shared/words";
import { linkAt, useCoverage } from "./coverage";
import { isDate, sentenceOf, shifted, useDay, useWays } from "./day";
import type { Drawn } from "./overlay";
import { type Pin, pinOf } from "./pin";
import { PinPanel } from "./PinPanel";
import { TourList } from "./TourList";

const NOTHING: Stretch[] = [];
const Ground = lazy(() => import("./Ground"));

function askedDate(): string | null {
  const asked = new URLSearchParams(location.search).get("date");
  return isDate(asked) ? asked : null;
}

export function MapPage() {
  const [language, setLanguage] = useState(firstLanguage);
  const [theme, setTheme] = useState(firstTheme);
  const [asked, setAsked] = useState(askedDate);
  const [attempt, setAttempt] = useState(0);
  const [chosen, setChosen] = useState<{ tourId: string | null; position: number | null }>({
    tourId: null,
    position: null,
  });
  const [pin, setPin] = useState<Pin | null>(null);
  const [savedId, setSavedId] = useState<string | null>(null);
  const [showsLinks, setShowsLinks] = useState(false);
  const words = WORDS[language];
  const day = useDay(asked, attempt);
  const ways = useWays(day);
  const map = useMap(attempt);
  const coverage = useCoverage(map.info?.bounds, showsLinks);
  const tours = useMemo(() => (day.kind === "here" ? day.tours : []), [day]);
  const drawn = useMemo<Drawn>(
    () => ({ tours, paths: ways.paths, tourId: chosen.tourId, position: chosen.position }),
    [tours, ways.paths, chosen],
  );

  useEffect(() => {
    document.documentElement.lang = language;
    document.title = `${words.title} – careapp`;
    localStorage.setItem("language", language);
  }, [language, words]);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);

  const date = asked ?? (day.kind === "here" ? day.date : "");
  const choose = (tourId: string | null, position: number | null) => {
    setChosen({ tourId, position });
    setPin(null);
    setSavedId(null);
  };
  const movePin = (at: Coordinates) => {
    setPin((held) => held && { ...held, at, refused: null });
  };
  const savePin = (held: Pin) => {
    setPin({ ...held, saving: true, refused: null });
    moveHome(held.patientId, held.at)
      .then(() => {
        setPin(null);
        setSavedId(held.patientId);
        setAttempt((before) => before + 1);
      })
      .catch((error: unknown) => {
        setPin({ ...held, saving: false, refused: sentenceOf(error) });
      });
  };
  const showDay = (next: string) => {
    history.replaceState(null, "", `?date=${next}`);
    setAsked(next);
    choose(null, null);
  };

  return (
    <>
      <a className="unseen skip" href="#list">
        {words.toList}
      </a>
      <header className="top">
        <h1>{words.title}</h1>
        <DayChoice date={date} words={words} onChange={showDay} />
        <Choice
          label={words.look}
          value={theme}
          options={THEMES.map((each) => [each, words[each]])}
          onChange={(next) => {
            localStorage.setItem("theme", next);
            setTheme(next);
          }}
        />
        <label className="switch">
          <input
            type="checkbox"
            checked={showsLinks}
            onChange={(event) => {
              setShowsLinks(event.target.checked);
            }}
          />
          {words.showLinks}
        </label>
        <Choice
          label={words.language}
          value={language}
          options={[
            ["de", "Deutsch"],
            ["en", "English"],
          ]}
          onChange={(next: Language) => {
            setLanguage(next);
          }}
        />
      </header>
      <main className="main">
        <section className="map" aria-label={words.map} aria-describedby="map-hint">
          <p className="unseen" id="map-hint">
            {words.mapHint}
          </p>
          <Suspense fallback={<p className="notice">{words.loading}</p>}>
            {map.info && (
              <Ground
                info={map.info}
                theme={theme}
                words={words}
                drawn={drawn}
                coverage={coverage?.stretches ?? NOTHING}
                pin={pin}
                onChoose={choose}
                onPin={movePin}
              />
            )}
          </Suspense>
          <Legend words={words} coverage={coverage !== null} />
          {map.info && <Credits info={map.info} words={words} />}
        </section>
        <section className="list" id="list" aria-labelledby="tours-title" tabIndex={-1}>
          <div className="list-head">
            <h2 id="tours-title">{words.tours}</h2>
            <p role="status">
              {day.kind === "loading" && words.loading}
              {day.kind === "here" &&
                (tours.length > 0 ? words.summary(tours.length, countStops(tours)) : words.noTours)}
            </p>
            {chosen.tourId !== null && (
              <button
                type="button"
                onClick={() => {
                  choose(null, null);
                }}
              >
                {words.allTours}
              </button>
            )}
          </div>
          {coverage !== null && (
            <p className="notice" role="status">
              {coverage.refused ?? (coverage.stretches.length > 0 ? words.linksShown : words.noLinks)}
            </p>
          )}
          {!ways.complete && <p className="notice">{words.noPaths}</p>}
          {[day.kind === "failed" ? day.sentence : null, map.failed].map(
            (sentence) =>
              sentence !== null && (
                <p className="notice" role="alert" key={sentence}>
                  {words.failed} {sentence}{" "}
                  <button
                    type="button"
                    onClick={() => {
                      setAttempt(attempt + 1);
                    }}
                  >
                    {words.again}
                  </button>
                </p>
              ),
          )}
          {day.kind === "here" && (
            <TourList
              tours={tours}
              paths={ways.paths}
              tourId={chosen.tourId}
              position={chosen.position}
              zone={day.zone}
              language={language}
              theme={theme}
              words={words}
              linkOf={coverage && ((place) => words.links[linkAt(coverage.stretches, place) ?? "unknown"])}
              onChoose={choose}
              below={(stop) => (
                <PinPanel
                  pin={pin}
                  saved={savedId === stop.patient.id}
                  language={language}
                  words={words}
                  onOpen={() => {
                    setSavedId(null);
                    setPin(pinOf(stop));
                  }}
                  onSave={() => {
                    if (pin) savePin(pin);
                  }}
                  onCancel={() => {
                    setPin(null);
                  }}
                />
              )}
            />
          )}
        </section>
      </main>
    </>
  );
}

function useMap(attempt: number): { info: MapInfo | null; failed: string | null } {
  const [found, setFound] = useState<{ info: MapInfo | null; failed: string | null }>({
    info: null,
    failed: null,
  });
  useEffect(() => {
    const abort = new AbortController();
    getMap(abort.signal)
      .then((info) => {
        setFound({ info, failed: null });
      })
      .catch((error: unknown) => {
        if (!abort.signal.aborted) setFound({ info: null, failed: sentenceOf(error) });
      });
    return () => {
      abort.abort();
    };
  }, [attempt]);
  return found;
}

function countStops(tours: { stops: unknown[] }[]): number {
  return tours.reduce((sum, tour) => sum + tour.stops.length, 0);
}

function DayChoice(props: { date: string; words: Words; onChange: (date: string) => void }) {
  const { date, words, onChange } = props;
  return (
    <div className="day">
      <button
        type="button"
        aria-label={words.dayBefore}
        disabled={date === ""}
        onClick={() => {
          onChange(shifted(date, -1));
        }}
      >
        ‹
      </button>
      <label>
        <span className="unseen">{words.day}</span>
        <input
          type="date"
          required
          value={date}
          onChange={(event) => {
            if (isDate(event.target.value)) onChange(event.target.value);
          }}
        />
      </label>
      <button
        type="button"
        aria-label={words.dayAfter}
        disabled={date === ""}
        onClick={() => {
          onChange(shifted(date, 1));
        }}
      >
        ›
      </button>
    </div>
  );
}

function Choice<Value extends string>(props: {
  label: string;
  value: Value;
  options: (readonly [Value, string])[];
  onChange: (value: Value) => void;
}) {
  return (
    <label className="choice">
      <span>{props.label}</span>
      <select
        value={props.value}
        onChange={(event) => {
          const found = props.options.find(([value]) => value === event.target.value);
          if (found) props.onChange(found[0]);
        }}
      >
        {props.options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Legend({ words, coverage }: { words: Words; coverage: boolean }) {
  return (
    <ul className="legend" aria-label={words.legend}>
      <li>
        <svg viewBox="0 0 34 8" aria-hidden="true">
          <line x1="2" y1="4" x2="32" y2="4" />
        </svg>
        {words.road}
      </li>
      <li>
        <svg viewBox="0 0 34 8" aria-hidden="true">
          <line x1="2" y1="4" x2="32" y2="4" strokeDasharray="6 4" />
        </svg>
        {words.estimated}
      </li>
      {coverage &&
        (["video", "audio", "none"] as const).map((kind) => (
          <li key={kind}>
            <svg viewBox="0 0 34 8" aria-hidden="true" className="link" data-kind={kind}>
              <rect x="2" y="0.5" width="30" height="7" />
            </svg>
            {words.links[kind]}
          </li>
        ))}
    </ul>
  );
}

function Credits({ info, words }: { info: MapInfo; words: Words }) {
  return (
    <p className="credits">
      {info.kind === "plain" && <span>{words.plainMap} </span>}
      {info.is_synthetic && <span>{words.syntheticMap} </span>}
      <span>{words.credits}: </span>
      {info.credits.map(({ text, url }, number) => (
        <span key={text}>
          {number > 0 && " · "}
          {url === null ? text : <a href={url}>{text}</a>}
        </span>
      ))}
    </p>
  );
}
