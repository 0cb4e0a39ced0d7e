/** The call as this page knows it: who is here, with whom it is connected. Draws nothing. */
import type { Heard, People, Person, Seat } from "./messages";
import { Peer } from "./peer";
import { Signal } from "./signal";

export interface Talk {
  from: string;
  text: string;
}

export interface RoomEyes {
  /** Something to be seen has changed. */
  changed: () => void;
  show: (participant: string, stream: MediaStream) => void;
  talked: (talk: Talk) => void;
  told: (what: "witnessed" | "consent" | "other") => void;
  closed: (code: number, reason: string) => void;
}

export class Room {
  seat: Seat | null = null;
  people: Person[] = [];
  isDoctorHere = false;
  isLost = false;
  readonly states = new Map<string, RTCPeerConnectionState>();
  private readonly peers = new Map<string, { page: string; peer: Peer }>();
  private readonly signal: Signal;

  constructor(
    address: string,
    readonly local: MediaStream,
    private readonly eyes: RoomEyes,
  ) {
    this.signal = new Signal(address, {
      hear: (message) => this.hear(message),
      opened: () => {
        this.isLost = false;
        this.tellDevices();
        eyes.changed();
      },
      lost: () => {
        this.isLost = true;
        eyes.changed();
      },
      closed: (code, reason) => {
        this.hangUp();
        eyes.closed(code, reason);
      },
    });
    this.signal.connect();
  }

  has(kind: "audio" | "video"): boolean {
    return this.local.getTracks().some((track) => track.kind === kind && track.enabled);
  }

  /** Switch the microphone or the camera on or off, as far as there is one. */
  turn(kind: "audio" | "video"): void {
    for (const track of this.local.getTracks()) if (track.kind === kind) track.enabled = !track.enabled;
    this.tellDevices();
    this.eyes.changed();
  }

  admit(participant: string): void {
    this.signal.say({ kind: "admit", participant });
  }

  refuse(participant: string): void {
    this.signal.say({ kind: "refuse", participant });
  }

  write(text: string): void {
    this.signal.say({ kind: "text", text });
  }

  witness(language: string): void {
    this.signal.say({ kind: "consent", language });
  }

  leave(): void {
    this.signal.say({ kind: "leave" });
  }

  end(): void {
    this.signal.say({ kind: "end" });
  }

  /** Of the connection with each other page: for tests, and whoever looks for a fault. */
  async statistics(): Promise<RTCStatsReport[]> {
    const asked = [...this.peers.values()].map(({ peer }) => peer.statistics());
    return (await Promise.all(asked)).filter((report) => report !== null);
  }

  nameOf(participant: string): string {
    if (participant === this.seat?.participant) return this.seat.name;
    return this.people.find((each) => each.participant === participant)?.name ?? "";
  }

  private hangUp(): void {
    for (const { peer } of this.peers.values()) peer.close();
    this.peers.clear();
    this.signal.stop();
    for (const track of this.local.getTracks()) track.stop();
  }

  private tellDevices(): void {
    if (this.seat?.is_admitted) {
      this.signal.say({ kind: "media", camera: this.has("video"), microphone: this.has("audio") });
    }
  }

  private async hear(message: Heard): Promise<void> {
    switch (message.kind) {
      case "seat":
        this.sit(message);
        break;
      case "people":
        this.meet(message);
        break;
      case "ready":
        await this.peers.get(message.from)?.peer.offer();
        break;
      case "offer":
      case "answer":
        await this.peers.get(message.from)?.peer.take(message);
        break;
      case "candidate":
        await this.peers.get(message.from)?.peer.add(message);
        break;
      case "text":
        this.eyes.talked(message);
        break;
      case "done":
        this.eyes.told("witnessed");
        break;
      case "refused":
        if (message.what === "admit" || message.what === "consent") {
          this.eyes.told(message.why === "consent" ? "consent" : "other");
        }
    }
  }

  private sit(seat: Seat): void {
    const before = this.seat;
    this.seat = seat;
    if (!before && seat.medium === "audio") for (const track of this.local.getVideoTracks()) track.enabled = false;
    if (!before?.is_admitted) this.tellDevices();
    this.eyes.changed();
  }

  private meet({ people, is_doctor_here }: People): void {
    this.people = people;
    this.isDoctorHere = is_doctor_here;
    const present = new Map(people.filter((each) => each.is_admitted).map((each) => [each.participant, each]));
    for (const [participant, { page, peer }] of this.peers) {
      // Pictures need no server: who has lost only the socket is still seen, until another page of theirs comes.
      const person = present.get(participant);
      if (person ? person.page === page : peer.isConnected) continue;
      this.forget(participant);
    }
    if (this.seat?.is_admitted) for (const person of present.values()) this.greet(person);
    this.eyes.changed();
  }

  private greet(person: Person): void {
    const known = this.peers.get(person.participant);
    if (known) return;
    const ice = this.seat?.ice ?? {};
    const peer: Peer = new Peer(person.participant, !person.offers, ice, this.local, {
      say: (message) => {
        this.signal.say(message);
      },
      show: (stream) => {
        this.eyes.show(person.participant, stream);
      },
      changed: (state) => {
        this.states.set(person.participant, state);
        const isHere = this.people.some((each) => each.participant === person.participant);
        if (!isHere && (state === "failed" || state === "disconnected")) this.forget(person.participant);
        this.eyes.changed();
      },
    });
    this.peers.set(person.participant, { page: person.page, peer });
    peer.ask();
  }

  private forget(participant: string): void {
    this.peers.get(participant)?.peer.close();
    this.peers.delete(participant);
    this.states.delete(participant);
  }
}
