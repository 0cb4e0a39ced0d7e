/** The page of a video call: check the devices, wait, speak, end. It keeps nothing on this device. */
import "../shared/tokens.css";
import "./call.css";
import { showCheck } from "./check";
import { make } from "./dom";
import type { Devices } from "./media";
import { Room } from "./room";
import { RoomView, showEnd, type Ending } from "./view";
import { firstLanguage, WORDS, type Language } from "./words";

const isGuest = !location.pathname.startsWith("/calls/");
const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const path = isGuest ? "/ws/join" : `/ws${location.pathname}`;

let language = firstLanguage();
let devices: Devices | null = null;
let room: Room | null = null;
let view: RoomView | null = null;
let ending: Ending | null = null;
let stopCheck = (): void => undefined;

const main = make("main");
const label = make("label", { for: "language" });
const choice = make("select", { id: "language" }, make("option", { value: "de" }, "Deutsch"), make("option", { value: "en" }, "English"));
choice.addEventListener("change", () => {
  language = choice.value as Language;
  draw();
});

function draw(): void {
  const words = WORDS[language];
  document.documentElement.lang = language;
  document.title = `${words.title} – careapp`;
  label.textContent = words.language;
  choice.value = language;
  if (ending) {
    showEnd(main, words, language, ending, () => {
      ending = null;
      check();
    });
  } else if (room) view = new RoomView(main, room, words, language);
  else check();
}

function check(): void {
  const words = WORDS[language];
  stopCheck();
  stopCheck = showCheck(main, words, isGuest ? words.goOn : words.goOnDoctor, devices, (found) => {
    devices = found;
    join(found.stream);
  });
}

function join(stream: MediaStream): void {
  room = new Room(`${scheme}//${location.host}${path}`, stream, {
    changed: () => view?.draw(),
    show: (participant, from) => view?.show(participant, from),
    talked: (talk) => view?.talked(talk),
    told: (what) => view?.tell(what === "witnessed" ? WORDS[language].witnessed : WORDS[language].refusals[what]),
    closed: (code, reason) => {
      ending = { code, reason, isGuest };
      room = view = devices = null;
      draw();
    },
  });
  draw();
}

document.documentElement.dataset.theme = matchMedia("(prefers-contrast: more)").matches
  ? "contrast"
  : matchMedia("(prefers-color-scheme: dark)").matches
    ? "dark"
    : "light";
document
  .getElementById("page")
  ?.append(make("header", { class: "top" }, make("span", { class: "brand" }, "careapp"), label, choice), main);
// For whoever looks for a fault: how good the connections are. No content is among it.
Object.assign(globalThis, { callStatistics: () => room?.statistics() ?? [] });
draw();
