/** The screens of waiting, of the call and of its end. */
import { button, make, showIn } from "./dom";
import type { Person } from "./messages";
import type { Room, Talk } from "./room";
import type { Words } from "./words";

/** Draws a room; pictures and the text field stay the same elements while names and states change. */
export class RoomView {
  private readonly heading = make("h1", { tabindex: "-1" });
  private readonly status = make("p", { role: "status", class: "status" });
  private readonly told = make("p", { role: "alert", class: "told" });
  private readonly waiting = make("ul", { class: "people" });
  private readonly waitingRoom: HTMLElement;
  private readonly stage = make("div", { class: "stage" });
  private readonly own = make("video", { playsinline: true, class: "mirror own" });
  private readonly tiles = new Map<string, { figure: HTMLElement; video: HTMLVideoElement; caption: HTMLElement }>();
  private readonly microphone: HTMLButtonElement;
  private readonly camera: HTMLButtonElement;
  private readonly end: HTMLButtonElement;
  private readonly witness: HTMLButtonElement;
  private readonly log = make("ol", { role: "log", class: "log", tabindex: "0" });
  private readonly talk: HTMLElement;
  private wasAdmitted = false;
  private drawnWaiting = "";

  constructor(
    into: HTMLElement,
    private readonly room: Room,
    private readonly words: Words,
    language: string,
  ) {
    this.waitingRoom = make("section", { "aria-label": words.waitingRoom }, make("h2", {}, words.waitingRoom), this.waiting);
    this.own.muted = true;
    this.own.setAttribute("aria-label", words.yourPicture);
    this.microphone = button(words.microphone, () => {
      room.turn("audio");
    });
    this.camera = button(words.camera, () => {
      room.turn("video");
    });
    const leave = button(words.hangUp, () => {
      room.leave();
    });
    this.end = button(
      words.end,
      () => {
        room.end();
      },
      { class: "danger" },
    );
    this.witness = button(words.witness, () => {
      room.witness(language);
    });
    this.talk = this.makeTalk();
    this.log.setAttribute("aria-label", words.messages);
    const bar = make("div", { class: "row bar" }, this.microphone, this.camera, this.witness, leave, this.end);
    into.replaceChildren(this.heading, this.status, this.told, this.waitingRoom, this.stage, bar, this.talk);
    this.draw();
    this.heading.focus();
  }

  draw(): void {
    const { room, words } = this;
    const seat = room.seat;
    const isAdmitted = seat?.is_admitted ?? false;
    this.heading.textContent = words.title;
    this.status.textContent = this.sentence();
    this.waitingRoom.hidden = !seat?.is_host;
    this.witness.hidden = !(seat?.part === "nurse" && !isAdmitted);
    this.end.hidden = !seat?.is_host;
    this.talk.hidden = this.stage.hidden = !isAdmitted;
    this.press(this.microphone, room.has("audio"), room.local.getAudioTracks().length > 0);
    this.press(this.camera, room.has("video"), room.local.getVideoTracks().length > 0);
    this.own.hidden = !room.has("video");
    if (seat?.is_host) this.drawWaiting();
    if (isAdmitted) this.drawStage();
    if (isAdmitted && !this.wasAdmitted) {
      showIn(this.own, room.local);
      this.heading.focus();
    }
    this.wasAdmitted = isAdmitted;
  }

  show(participant: string, stream: MediaStream): void {
    showIn(this.tile(participant).video, stream);
  }

  talked({ from, text }: Talk): void {
    const name = from === this.room.seat?.participant ? this.words.you : this.room.nameOf(from);
    this.log.append(make("li", {}, make("b", {}, `${name}: `), text));
    this.log.scrollTop = this.log.scrollHeight;
  }

  tell(sentence: string): void {
    this.told.textContent = sentence;
  }

  private sentence(): string {
    const { room, words } = this;
    if (room.isLost) return words.lost;
    if (!room.seat) return words.connecting;
    const you = words.youAre(room.seat.name);
    if (!room.seat.is_admitted) return `${you} ${room.isDoctorHere ? words.waiting : words.waitingDoctorAway}`;
    const others = room.people.filter((each) => each.is_admitted).map((each) => each.name);
    const who = others.length > 0 ? `${words.inRoom}: ${others.join(", ")}.` : words.alone;
    return room.seat.medium === "audio" ? `${you} ${who} ${words.audioFirst}` : `${you} ${who}`;
  }

  /** Drawn anew only when somebody comes or goes: a button that is about to be pressed must not vanish. */
  private drawWaiting(): void {
    const waiting = this.room.people.filter((each) => !each.is_admitted);
    const shown = waiting.map((each) => each.participant).join();
    if (shown === this.drawnWaiting && this.waiting.children.length > 0) return;
    this.drawnWaiting = shown;
    this.waiting.replaceChildren(
      ...(waiting.length > 0 ? waiting.map((each) => this.waitingPerson(each)) : [make("li", {}, this.words.nobodyWaits)]),
    );
  }

  private waitingPerson(person: Person): HTMLElement {
    const { room, words } = this;
    const admit = button(words.admit(person.name), () => {
      this.tell("");
      room.admit(person.participant);
    });
    const refuse = button(words.refuse(person.name), () => {
      room.refuse(person.participant);
    });
    return make("li", {}, `${person.name} (${words.parts[person.part]}) `, admit, " ", refuse);
  }

  private drawStage(): void {
    const { room, words } = this;
    const here = new Map(room.people.filter((each) => each.is_admitted).map((each) => [each.participant, each]));
    for (const [participant, { figure, video }] of this.tiles) {
      if (here.has(participant) || room.states.has(participant)) continue;
      video.srcObject = null;
      figure.remove();
      this.tiles.delete(participant);
    }
    for (const person of here.values()) {
      const { video, caption } = this.tile(person.participant);
      const state = room.states.get(person.participant) ?? "new";
      const off = [person.camera ? "" : words.cameraOff, person.microphone ? "" : words.microphoneOff];
      caption.textContent = [`${person.name} (${words.parts[person.part]})`, words.states[state], ...off]
        .filter((each) => each !== "")
        .join(" · ");
      video.setAttribute("aria-label", person.name);
    }
    if (!this.own.isConnected) this.stage.append(this.own);
  }

  private tile(participant: string): { figure: HTMLElement; video: HTMLVideoElement; caption: HTMLElement } {
    const known = this.tiles.get(participant);
    if (known) return known;
    const video = make("video", { playsinline: true, autoplay: true, class: "remote" });
    const caption = make("figcaption");
    const made = { figure: make("figure", {}, video, caption), video, caption };
    this.tiles.set(participant, made);
    this.stage.prepend(made.figure);
    return made;
  }

  private press(element: HTMLButtonElement, isOn: boolean, isThere: boolean): void {
    element.setAttribute("aria-pressed", String(isOn));
    element.disabled = !isThere;
  }

  private makeTalk(): HTMLElement {
    const { room, words } = this;
    const input = make("input", { id: "message", maxlength: "2000", autocomplete: "off" });
    const form = make(
      "form",
      { class: "row" },
      make("label", { for: "message" }, words.message),
      input,
      make("button", { type: "submit" }, words.send),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const text = input.value.trim();
      if (text === "") return;
      room.write(text);
      input.value = "";
    });
    return make("section", { class: "talk" }, make("h2", {}, words.messages), this.log, form);
  }
}

export interface Ending {
  code: number;
  reason: string;
  isGuest: boolean;
}

export function showEnd(into: HTMLElement, words: Words, language: string, ending: Ending, again: () => void): void {
  const { code, reason, isGuest } = ending;
  const heading = make("h1", { tabindex: "-1" }, words.over);
  const parts: HTMLElement[] = [heading, make("p", {}, words.ends[String(code)] ?? words.ends.other ?? "")];
  if (code === 4425 && !Number.isNaN(Date.parse(reason))) {
    const time = new Date(reason).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
    parts.push(make("p", {}, words.opensAt(time)));
  }
  if (code === 4428) parts.push(make("p", {}, make("a", { href: "/join" }, words.toLink)));
  else if (code === 4401 && !isGuest) {
    const next = encodeURIComponent(location.pathname);
    parts.push(make("p", {}, make("a", { href: `/sign-in?next=${next}` }, words.signIn)));
  }
  if (![4403, 4404, 4410, 4421, 4428].includes(code)) parts.push(button(words.again, again));
  into.replaceChildren(...parts);
  heading.focus();
}
