// Markup, and the words that stand in it: everything that a page says of a number or a time is said by one of these.
//
// `html` escapes whatever it is given, so nothing that is stored can become markup. Spaces inside a number are ones at which
// no line breaks. A time is written in UTC, with the moment itself beside it; the script makes it the reader's own.
//
// Before this file come values. After it come the pages.
import { html } from "hono/html";
import type { WebEnvironment } from "../environment.js";

export { html } from "hono/html";

export type Html = ReturnType<typeof html>;

/** What a page has to know of the request that asks for it. */
export interface Site extends Pick<WebEnvironment["Variables"], "role" | "base" | "session"> {
  readonly now: Date;
  /** The path below the base, with its query. */
  readonly address: string;
  readonly theme: "light" | "dark" | undefined;
  /** Jobs that have failed within the hour. */
  readonly failing: number;
  /** What was just done, in a sentence. */
  readonly notice: string | undefined;
  readonly assets: { readonly style: string; readonly script: string };
}

const noBreak = "\u00a0";
const thin = "\u202f";

/** `17 493`. */
export function count(number: number): string {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, thin);
}

/** `1 run`, `3 runs`. */
export function many(number: number, one: string, several = `${one}s`): string {
  return `${count(number)} ${number === 1 ? one : several}`;
}

/** `10 ms`, `3.1 s`, `6 min 14 s`, `2 h 05 min`, `3 d 4 h`. */
export function lasting(milliseconds: number): string {
  const time = Math.max(0, milliseconds);
  if (time < 100) return unit(Math.round(time), "ms");
  if (time < 59_950) return `${(time / 1_000).toFixed(1)}${noBreak}s`;
  const seconds = Math.round(time / 1_000);
  if (seconds < 3_600) return pair(Math.floor(seconds / 60), "min", seconds % 60, "s");
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return pair(Math.floor(minutes / 60), "h", minutes % 60, "min");
  const hours = Math.round(minutes / 60);
  return `${unit(Math.floor(hours / 24), "d")}${hours % 24 === 0 ? "" : ` ${unit(hours % 24, "h")}`}`.replace(
    / /g,
    noBreak,
  );
}

/** As a person says it: `22 s`, `4 min`, `11 h`, `3 d`. */
export function roughly(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1_000;
  if (seconds < 10 && seconds >= 0.95) return unit(Math.round(seconds), "s");
  if (seconds < 0.95) return `${seconds.toFixed(1)}${noBreak}s`;
  if (seconds < 99.5) return unit(Math.round(seconds), "s");
  if (seconds < 99 * 60) return unit(Math.round(seconds / 60), "min");
  if (seconds < 47 * 3_600) return unit(Math.round(seconds / 3_600), "h");
  return unit(Math.round(seconds / 86_400), "d");
}

function unit(number: number, name: string): string {
  return `${number}${noBreak}${name}`;
}

function pair(big: number, bigName: string, small: number, smallName: string): string {
  return `${unit(big, bigName)}${noBreak}${String(small).padStart(2, "0")}${noBreak}${smallName}`;
}

/** The last four of an id, as people tell runs of one job apart. */
export function short(id: string): string {
  return id.slice(-4);
}

/** `4 min ago`, `in 8 min`. */
export function ago(at: Date, now: Date): Html {
  const distance = now.getTime() - at.getTime();
  const text = distance >= -500 ? `${roughly(distance)} ago` : `in ${roughly(-distance)}`;
  return moment(at, text, "ago");
}

/** The time of day, to the minute, the second, or a tenth of it; another day than today's is said. */
export function clock(at: Date, form: "minute" | "second" | "tenth" | "day" = "second"): Html {
  return moment(at, written(at, form), form);
}

function written(at: Date, form: "minute" | "second" | "tenth" | "day"): string {
  const iso = at.toISOString();
  if (form === "minute") return iso.slice(11, 16);
  if (form === "second") return iso.slice(11, 19);
  if (form === "tenth") return iso.slice(11, 21);
  return `${iso.slice(0, 10)} ${iso.slice(11, 16)}`;
}

function moment(at: Date, text: string, form: string): Html {
  const iso = at.toISOString();
  const utc = `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
  return html`<time datetime="${iso}" title="${utc}" data-form="${form}">${text}</time>`;
}

/** The address of a page, with a query: what is undefined or empty is left out. */
export function to(site: Pick<Site, "base">, path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== "") search.append(name, String(one));
    }
  }
  const text = search.toString();
  return `${site.base}${path}${text === "" ? "" : `?${text}`}`;
}

export type Query = Readonly<Record<string, string | number | undefined | readonly string[]>>;

/** The address of what has a name: names are anything. */
export function toNamed(site: Pick<Site, "base">, path: string, name: string): string {
  return `${site.base}${path}/${encodeURIComponent(name)}`;
}

/** What is in a text with an error that is not the page's to tell in full. */
export function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
