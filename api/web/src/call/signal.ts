/** The socket: connects, connects again with the same seat, and hands on what is heard one after the other. */
import type { Heard, Said } from "./messages";

/** Codes after which connecting again may help; with any other the server means it. */
const MAY_PASS = new Set([1001, 1005, 1006, 1011, 1012, 1013, 4409, 4500, 4503]);
const TAKEN = 4409;
const MOST_TAKEN = 2;
const LONGEST_PAUSE_MS = 5000;

export interface Ears {
  hear: (message: Heard) => Promise<void>;
  opened: () => void;
  /** The connection broke; it is being made again. */
  lost: () => void;
  closed: (code: number, reason: string) => void;
}

export class Signal {
  private socket: WebSocket | null = null;
  private tries = 0;
  private taken = 0;
  private timer = 0;
  private isOver = false;
  private queue: Promise<void> = Promise.resolve();
  private readonly page = crypto.randomUUID().replaceAll("-", "");

  constructor(
    private readonly address: string,
    private readonly ears: Ears,
  ) {
    addEventListener("online", () => {
      if (!this.isOver && this.socket?.readyState !== WebSocket.OPEN) this.connect();
    });
  }

  connect(): void {
    clearTimeout(this.timer);
    this.socket?.close();
    const socket = new WebSocket(`${this.address}?page=${this.page}`);
    this.socket = socket;
    socket.addEventListener("open", () => {
      if (socket === this.socket) this.ears.opened();
    });
    socket.addEventListener("message", (event: MessageEvent<string>) => {
      if (socket !== this.socket) return;
      this.tries = this.taken = 0;
      const message = JSON.parse(event.data) as Heard;
      this.queue = this.queue.then(() => this.ears.hear(message)).catch((error: unknown) => {
        console.warn("a message could not be used", error instanceof Error ? error.name : "");
      });
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.socket) this.gone(event.code, event.reason);
    });
  }

  say(message: Said): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  /** Close the socket for good. */
  stop(): void {
    this.isOver = true;
    clearTimeout(this.timer);
    this.socket?.close();
  }

  private gone(code: number, reason: string): void {
    if (this.isOver) return;
    if (code === TAKEN) this.taken += 1;
    if (!MAY_PASS.has(code) || this.taken > MOST_TAKEN) {
      this.isOver = true;
      this.ears.closed(code, reason);
      return;
    }
    this.ears.lost();
    this.tries += 1;
    const pause = Math.min(LONGEST_PAUSE_MS, 250 * 2 ** this.tries);
    this.timer = setTimeout(() => {
      this.connect();
    }, pause);
  }
}
