/** What the server and this page say to each other over the socket. */

export interface Seat {
  kind: "seat";
  participant: string;
  part: "doctor" | "nurse" | "patient" | "guest";
  name: string;
  medium: "video" | "audio";
  is_host: boolean;
  is_admitted: boolean;
  ice?: RTCConfiguration;
}

export interface Person {
  participant: string;
  part: Seat["part"];
  name: string;
  is_admitted: boolean;
  /** Another one than before: the page over there is a new one. */
  page: string;
  /** Whether they make the offers between us. */
  offers: boolean;
  camera: boolean;
  microphone: boolean;
}

export interface People {
  kind: "people";
  people: Person[];
  is_doctor_here: boolean;
}

export interface Description {
  kind: "offer" | "answer";
  from: string;
  sdp: string;
  round: string;
}

export interface Candidate {
  kind: "candidate";
  from: string;
  candidate: RTCIceCandidateInit;
  round: string;
}

export type Heard =
  | Seat
  | People
  | Description
  | Candidate
  | { kind: "ready"; from: string }
  | { kind: "text"; from: string; text: string }
  | { kind: "refused"; what: string; why: string }
  | { kind: "done"; what: string };

export type Said =
  | { kind: "offer" | "answer"; to: string; sdp: string; round: string }
  | { kind: "candidate"; to: string; candidate: RTCIceCandidateInit; round: string }
  | { kind: "ready"; to: string }
  | { kind: "text"; text: string }
  | { kind: "media"; camera: boolean; microphone: boolean }
  | { kind: "admit" | "refuse"; participant: string }
  | { kind: "consent"; language: string }
  | { kind: "end" | "leave" | "stay" };
