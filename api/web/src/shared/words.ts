/** What the pages say, in both languages; the type of the German words holds the English ones to the same keys. */

const de = {
  title: "Karte der Touren",
  day: "Tag",
  dayBefore: "Tag davor",
  dayAfter: "Tag danach",
  language: "Sprache",
  look: "Darstellung",
  light: "Hell",
  dark: "Dunkel",
  contrast: "Kontrast",
  tours: "Touren",
  toList: "Zur Liste der Touren springen",
  map: "Karte",
  mapHint: "Pfeiltasten verschieben die Karte, Plus und Minus zoomen. Alles, was sie zeigt, steht auch in der Liste.",
  loading: "Wird geladen …",
  noTours: "Für diesen Tag sind keine Touren geplant.",
  failed: "Das hat nicht geklappt:",
  again: "Noch einmal versuchen",
  allTours: "Alle Touren zeigen",
  stops: (count: number) => (count === 1 ? "1 Halt" : `${count} Halte`),
  summary: (tours: number, stops: number) =>
    `${tours === 1 ? "1 Tour" : `${tours} Touren`} mit ${stops === 1 ? "1 Halt" : `${stops} Halten`}`,
  way: (minutes: string, kilometres: string) => `${minutes} min, ${kilometres} km Fahrt`,
  wayToStop: (minutes: string, kilometres: string) => `Fahrt ${minutes} min, ${kilometres} km`,
  homeAgain: (time: string) => `${time} zurück`,
  proposed: "Entwurf",
  published: "freigegeben",
  legend: "Zeichen",
  road: "Weg auf der Straße",
  estimated: "geschätzt (keine Straße bekannt)",
  estimatedTour: "Wege geschätzt",
  guessed: "geschätzt",
  noPaths: "Wege sind nicht abrufbar; die Karte zeigt gerade Linien von Halt zu Halt.",
  plainMap: "Einfache Karte ohne Straßen: Orte und Haltestellen der Demo-Region.",
  syntheticMap: "Erfundene Straßen (synthetisches Demo-Straßennetz).",
  noWebGl: "Dieser Browser kann die Karte nicht zeichnen (WebGL fehlt). Die Liste enthält alles.",
  credits: "Kartendaten",
  zoomIn: "Näher heran",
  zoomOut: "Weiter weg",
};

export type Words = typeof de;
export type Language = "de" | "en";

const en = {
  title: "Map of the tours",
  day: "Day",
  dayBefore: "Day before",
  dayAfter: "Day after",
  language: "Language",
  look: "Look",
  light: "Light",
  dark: "Dark",
  contrast: "Contrast",
  tours: "Tours",
  toList: "Skip to the list of tours",
  map: "Map",
  mapHint: "Arrow keys move the map, plus and minus zoom. All that it shows also stands in the list.",
  loading: "Loading …",
  noTours: "No tours are planned for this day.",
  failed: "That did not work:",
  again: "Try again",
  allTours: "Show all tours",
  stops: (count) => (count === 1 ? "1 stop" : `${count} stops`),
  summary: (tours, stops) =>
    `${tours === 1 ? "1 tour" : `${tours} tours`} with ${stops === 1 ? "1 stop" : `${stops} stops`}`,
  way: (minutes, kilometres) => `${minutes} min, ${kilometres} km of driving`,
  wayToStop: (minutes, kilometres) => `${minutes} min, ${kilometres} km away`,
  homeAgain: (time) => `back at ${time}`,
  proposed: "draft",
  published: "published",
  legend: "Key",
  road: "way by road",
  estimated: "estimated (no road known)",
  estimatedTour: "ways estimated",
  guessed: "estimated",
  noPaths: "Ways cannot be fetched; the map shows straight lines from stop to stop.",
  plainMap: "Plain map without roads: places and public-transport stops of the demo region.",
  syntheticMap: "Invented roads (synthetisches Demo-Straßennetz).",
  noWebGl: "This browser cannot draw the map (no WebGL). The list holds everything.",
  credits: "Map data",
  zoomIn: "Zoom in",
  zoomOut: "Zoom out",
} satisfies Words;

export const WORDS: Record<Language, Words> = { de, en };

export function firstLanguage(): Language {
  const chosen = localStorage.getItem("language") ?? navigator.language;
  return chosen.toLowerCase().startsWith("en") ? "en" : "de";
}
