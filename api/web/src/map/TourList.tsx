/** The tours in words: everything that the map shows, for the keyboard and for those who do not see it. */

import type { Leg, Place, Stop, Tour } from "../shared/api";
import type { Theme } from "../shared/theme";
import type { Language, Words } from "../shared/words";
import type { ReactNode } from "react";
import { colourOf, inkOn } from "./colours";

interface Props {
  tours: Tour[];
  paths: ReadonlyMap<string, Leg[]>;
  tourId: string | null;
  position: number | null;
  zone: string;
  language: Language;
  theme: Theme;
  words: Words;
  /** What a call from a place can count on, in words; null while nobody wants to know. */
  linkOf: ((place: Place) => string) | null;
  onChoose: (tourId: string | null, position: number | null) => void;
  /** What stands below the stop that is chosen. */
  below: (stop: Stop) => ReactNode;
}

export function TourList(props: Props) {
  return (
    <ol className="tours" id="tours">
      {props.tours.map((tour, number) => (
        <TourItem key={tour.id} {...props} tour={tour} colour={colourOf(number, props.theme)} />
      ))}
    </ol>
  );
}

function TourItem(props: Props & { tour: Tour; colour: string }) {
  const { tour, colour, words, language, zone, onChoose } = props;
  const isChosen = props.tourId === tour.id;
  const time = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", timeZone: zone });
  const at = (moment: string) => time.format(new Date(moment));
  const legs = props.paths.get(tour.id);
  const isGuessed = legs?.some((leg) => leg.estimated) ?? false;
  const isStopGuessed = (index: number) => legs?.length === tour.stops.length + 1 && legs[index]?.estimated;
  const stopsId = `stops-${tour.id}`;
  return (
    <li className="tour" data-chosen={isChosen}>
      <button
        type="button"
        className="tour-head"
        aria-expanded={isChosen}
        aria-controls={stopsId}
        onClick={() => {
          onChoose(isChosen ? null : tour.id, null);
        }}
      >
        <Swatch colour={colour} />
        <span className="tour-name">{tour.nurse.name}</span>
        <span className="tour-times">
          {at(tour.leaves_at)}–{at(tour.returns_at)}
        </span>
        <span className="tour-more">
          {words.stops(tour.stops.length)} · {words.way(...wayOf(tour, language))}
        </span>
        <span className="tour-state">
          {tour.status === "published" ? words.published : words.proposed}
          {isGuessed ? ` · ${words.estimatedTour}` : ""}
        </span>
      </button>
      <ol className="stops" id={stopsId} hidden={!isChosen}>
        {tour.stops.map((stop, index) => (
          <li key={`${stop.visit_id}-${stop.service_number}`}>
            <button
              type="button"
              className="stop"
              aria-pressed={isChosen && props.position === stop.position}
              onClick={() => {
                onChoose(tour.id, stop.position);
              }}
            >
              <Badge colour={colour} ink={inkOn(props.theme)} value={stop.position + 1} />
              <span className="stop-time">{at(stop.starts_at)}</span>
              <span className="stop-what">
                {stop.patient.name} · {stop.title}
              </span>
              <span className="stop-where">{addressOf(stop.place)}</span>
              <span className="stop-way">
                {words.wayToStop(...wayOf(stop, language))}
                {isStopGuessed(index) ? ` (${words.guessed})` : ""}
                {props.linkOf ? ` · ${props.linkOf(stop.place)}` : ""}
              </span>
            </button>
            {isChosen && props.position === stop.position && props.below(stop)}
          </li>
        ))}
        <li className="home">{words.homeAgain(at(tour.returns_at))}</li>
      </ol>
    </li>
  );
}

function Swatch({ colour }: { colour: string }) {
  return (
    <svg className="swatch" viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="7" fill={colour} stroke="currentColor" strokeWidth="1" />
    </svg>
  );
}

function Badge({ colour, ink, value }: { colour: string; ink: string; value: number }) {
  return (
    <svg className="number" viewBox="0 0 24 24" aria-hidden="true">
      <circle cx="12" cy="12" r="11" fill={colour} />
      <text x="12" y="16.2" textAnchor="middle" fontSize="12" fontWeight="600" fill={ink}>
        {value}
      </text>
    </svg>
  );
}

function wayOf(way: Tour | Stop, language: Language): [string, string] {
  const kilometres = new Intl.NumberFormat(language, { maximumFractionDigits: 1, minimumFractionDigits: 1 });
  return [String(Math.round(way.travel_s / 60)), kilometres.format(way.metres / 1000)];
}

function addressOf(place: Place): string {
  const street = [place.street, place.house_number].filter(Boolean).join(" ");
  const city = [place.postal_code, place.city].filter(Boolean).join(" ");
  return [street, place.district, city].filter(Boolean).join(", ");
}
