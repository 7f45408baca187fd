// The name of a run: a UUID, made by whoever asks for it, so that asking again after a lost connection is the same run.
//
// Version 7 puts the time first: ids made later sort later, an index grows at its right edge, and the id says when.
// Ids of one process are strictly increasing even within a millisecond. They are made here and not by the `uuid`
// package because an enqueue has about ten microseconds and that package's v7 takes 2.2 of them; this takes 0.2.
// A derived id names a part of something that has an id (a tick, a step's child): the same parent and name give
// the same id for ever, so doing it twice is doing it once.
//
// Before this file comes nothing. After it come requests, and everything that is recorded.

import { createHash, randomFillSync } from "node:crypto";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const hexDigits = Array.from({ length: 0x1000 }, (_, number) => number.toString(16).padStart(3, "0"));

/** Random bytes are cheap by the page and dear by the piece. */
const pageSize = 4_096;
/** The clock may step back this far and ids go on counting from the last one; a clock set back further is followed. */
const patience = 10_000;
const counterBits = 26;

/** The only state of the kernel: what makes the ids of one process increase. It decides nothing but uniqueness. */
const state = { page: "", position: 0, time: -1, timeText: "", counter: 0 };

/**
 * A new UUIDv7, greater than every one made before it in this process.
 *
 * @param now milliseconds since 1970; the system's clock unless given
 */
export function newId(now: number = Date.now()): string {
  if (now >= state.time + 1 || now < state.time - patience) restart(Math.floor(now));
  else if (++state.counter >= 2 ** counterBits) restart(state.time + 1);
  const { counter } = state;
  const high = hexDigits[counter >>> 14] ?? "";
  const low = 0x8000 | (counter & 0x3fff);
  return `${state.timeText}-7${high}-${(low >>> 12).toString(16)}${hexDigits[low & 0xfff] ?? ""}-${random12()}`;
}

/** A new millisecond: its counter starts anywhere in the lower half, so that two processes seldom count alike. */
function restart(time: number): void {
  state.time = time;
  const digits = time.toString(16).padStart(12, "0");
  state.timeText = `${digits.slice(0, 8)}-${digits.slice(8)}`;
  state.counter = Number.parseInt(random12().slice(0, 7), 16) >>> 3;
}

/** 48 random bits as 12 hexadecimal digits. */
function random12(): string {
  if (state.position + 12 > state.page.length) {
    state.page = randomFillSync(Buffer.allocUnsafe(pageSize)).toString("hex");
    state.position = 0;
  }
  const start = state.position;
  state.position = start + 12;
  return state.page.slice(start, start + 12);
}

/** Whether the text is a UUID of any version, in lower case. */
export function isId(text: string): boolean {
  return uuid.test(text);
}

/**
 * The id of the part called `name` of what `parentId` names. Deterministic. It carries the parent's time, if that is
 * known, and is a UUID of version 8, the one whose other bits are the maker's own: here a SHA-256 of both.
 */
export function derivedId(parentId: string, name: string): string {
  const digest = createHash("sha256").update(`${parentId}\0${name}`).digest("hex");
  const time = timeOfId(parentId) === undefined ? "00000000-0000" : parentId.slice(0, 13);
  const variant = (0x8 | (Number.parseInt(digest.charAt(3), 16) & 0x3)).toString(16);
  return `${time}-8${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`;
}

/**
 * The id of what is called `name` at a time. Deterministic. It begins with that time, like an id made then, so it stands
 * among those and says when; the rest of it is a SHA-256 of both instead of chance.
 *
 * @param time milliseconds since 1970
 */
export function idAt(time: number, name: string): string {
  const digits = Math.floor(time).toString(16).padStart(12, "0");
  const digest = createHash("sha256").update(`${digits}\0${name}`).digest("hex");
  const variant = (0x8 | (Number.parseInt(digest.charAt(3), 16) & 0x3)).toString(16);
  return `${digits.slice(0, 8)}-${digits.slice(8)}-7${digest.slice(0, 3)}-${variant}${digest.slice(4, 7)}-${digest.slice(7, 19)}`;
}

/** When the id was made, in milliseconds since 1970; undefined when it does not say (an id of another version). */
export function timeOfId(id: string): number | undefined {
  const version = id.charAt(14);
  if (!isId(id) || (version !== "7" && version !== "8")) return undefined;
  const time = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  return version === "8" && time === 0 ? undefined : time;
}
