/**
 * The connection with one other page. One of the two makes all offers: the doctor, else whom the server names.
 *
 *     the other one: ready ──▶ offerer: new connection, offer ──▶ answer ──▶ both: candidates ──▶ connected
 *
 * Each offer opens a new round; what belongs to an older one is dropped. Whoever is ready again gets a new offer.
 */
import type { Candidate, Description, Said } from "./messages";

const ASK_AGAIN_MS = 12_000;
const LOST_FOR_MS = 5_000;

export interface Eyes {
  say: (message: Said) => void;
  show: (stream: MediaStream) => void;
  changed: (state: RTCPeerConnectionState) => void;
}

export class Peer {
  private connection: RTCPeerConnection | null = null;
  private round = "";
  private early: RTCIceCandidateInit[] = [];
  private timer = 0;

  constructor(
    private readonly to: string,
    private readonly offers: boolean,
    private readonly ice: RTCConfiguration,
    private readonly local: MediaStream,
    private readonly eyes: Eyes,
  ) {}

  get isConnected(): boolean {
    return this.connection?.connectionState === "connected";
  }

  async statistics(): Promise<RTCStatsReport | null> {
    return (await this.connection?.getStats()) ?? null;
  }

  /** Say that an offer may come, and again until one has led to a connection. */
  ask(): void {
    clearTimeout(this.timer);
    if (this.offers) return;
    this.eyes.say({ kind: "ready", to: this.to });
    this.timer = setTimeout(() => {
      if (!this.isConnected) this.ask();
    }, ASK_AGAIN_MS);
  }

  async offer(): Promise<void> {
    if (!this.offers) return;
    this.round = crypto.randomUUID();
    const connection = this.open(this.round);
    for (const kind of ["audio", "video"] as const) {
      const track = this.local.getTracks().find((each) => each.kind === kind);
      if (track) connection.addTransceiver(track, { direction: "sendrecv", streams: [this.local] });
      else connection.addTransceiver(kind, { direction: "recvonly" });
    }
    await connection.setLocalDescription();
    this.describe("offer", connection);
  }

  async take(description: Description): Promise<void> {
    if (description.kind === "answer") {
      if (description.round !== this.round || !this.connection) return;
      await this.connection.setRemoteDescription({ type: "answer", sdp: description.sdp });
      await this.addEarly();
      return;
    }
    if (this.offers) return;
    this.round = description.round;
    const connection = this.open(this.round);
    await connection.setRemoteDescription({ type: "offer", sdp: description.sdp });
    for (const track of this.local.getTracks()) connection.addTrack(track, this.local);
    await connection.setLocalDescription();
    this.describe("answer", connection);
    await this.addEarly();
  }

  async add(candidate: Candidate): Promise<void> {
    if (candidate.round !== this.round || !this.connection) return;
    if (this.connection.remoteDescription) await this.connection.addIceCandidate(candidate.candidate);
    else this.early.push(candidate.candidate);
  }

  close(): void {
    clearTimeout(this.timer);
    this.connection?.close();
    this.connection = null;
  }

  private open(round: string): RTCPeerConnection {
    this.close();
    this.early = [];
    const connection = new RTCPeerConnection(this.ice);
    this.connection = connection;
    const stream = new MediaStream();
    connection.addEventListener("track", (event) => {
      stream.addTrack(event.track);
      this.eyes.show(stream);
    });
    connection.addEventListener("icecandidate", (event) => {
      if (event.candidate && connection === this.connection) {
        this.eyes.say({ kind: "candidate", to: this.to, candidate: event.candidate.toJSON(), round });
      }
    });
    connection.addEventListener("connectionstatechange", () => {
      if (connection === this.connection) this.changed(connection.connectionState);
    });
    return connection;
  }

  private describe(kind: "offer" | "answer", connection: RTCPeerConnection): void {
    const sdp = connection.localDescription?.sdp;
    if (sdp) this.eyes.say({ kind, to: this.to, sdp, round: this.round });
  }

  private async addEarly(): Promise<void> {
    for (const candidate of this.early.splice(0)) await this.connection?.addIceCandidate(candidate);
  }

  private changed(state: RTCPeerConnectionState): void {
    clearTimeout(this.timer);
    this.eyes.changed(state);
    if (state === "failed") void this.again();
    else if (state === "disconnected") {
      this.timer = setTimeout(() => {
        if (!this.isConnected) void this.again();
      }, LOST_FOR_MS);
    }
  }

  private async again(): Promise<void> {
    if (this.offers) await this.offer();
    else this.ask();
  }
}
