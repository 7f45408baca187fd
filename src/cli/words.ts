// The words people read: how long ago, how long, how many, and the seven states with their signs and colours.
//
// Relative for people, exact for programs: what is printed as JSON has dates, and never goes through here. A state is
// always a sign and a word; only trouble colours its word.
//
// Before this file comes the kernel's duration. After it comes everything that is printed.
import type { State } from "../job/index.js";
import { formatDuration } from "../kernel/index.js";
import type { Colors } from "./colors.js";
import type { Cell } from "./table.js";

/** How long ago, or in how long. Without a date: nothing. */
export function relative(date: Date | undefined, now: number): string {
  if (date === undefined) return "";
  const away = date.getTime() - now;
  if (Math.abs(away) < 1_000) return "now";
  return away > 0 ? `in ${coarse(away)}` : `${coarse(-away)} ago`;
}

/** A duration without the part that nobody reads: whole seconds from one second up. */
export function coarse(milliseconds: number): string {
  return formatDuration(milliseconds < 1_000 ? milliseconds : Math.floor(milliseconds / 1_000) * 1_000);
}

/** A number with its thousands apart, by a comma. */
export function count(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 run`, `3 runs`, `1,234 runs`. */
export function many(number: number, one: string, several = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : several}`;
}

/** Runs a minute: exact where there are few. */
export function perMinute(rate: number | undefined): string {
  if (rate === undefined || rate === 0) return "0";
  return rate < 10 ? String(Math.round(rate * 10) / 10 || "<0.1") : count(Math.round(rate));
}

/** A part of a whole: `0%`, `<1%`, `12%`. */
export function share(part: number | undefined): string {
  if (part === undefined) return "";
  return part > 0 && part < 0.01 ? "<1%" : `${Math.round(part * 100)}%`;
}

const signs: Readonly<Record<State, string>> = {
  scheduled: "◷",
  ready: "○",
  running: "▶",
  waiting: "‖",
  succeeded: "✓",
  failed: "✗",
  cancelled: "⊘",
};

function hues(colors: Colors): Readonly<Record<State, (text: string) => string>> {
  return {
    scheduled: colors.magenta,
    ready: (text) => text,
    running: colors.cyan,
    waiting: colors.yellow,
    succeeded: colors.green,
    failed: colors.red,
    cancelled: colors.dim,
  };
}

/** A state in a table: its sign, coloured, and its word. On a pipe the word alone. */
export function stateCell(state: State, colors: Colors): Cell {
  if (!colors.isColorSupported) return state;
  const hue = hues(colors)[state];
  return {
    text: `${signs[state]} ${state}`,
    paint: (text) => (state === "failed" ? hue(text) : hue(text.slice(0, 1)) + text.slice(1)),
  };
}

/** Where an id may be cut and still be the only one: the time, and the counter within it. */
export const shortIdLength = 23;

/** Slots by queue, as they are typed: `mail=20, *=5`. */
export function slotsText(queues: Readonly<Record<string, number>>): string {
  return Object.entries(queues)
    .map(([queue, slots]) => `${queue}=${slots}`)
    .join(", ");
}
