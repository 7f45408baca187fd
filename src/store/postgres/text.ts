// How values travel: as text, in PostgreSQL's own notation, and back.
//
// PostgreSQL's text cannot hold the character NUL, which JavaScript's can: it becomes U+FFFD, the sign for what cannot be
// shown. Inside of JSON texts (inputs, outputs) it is written as an escape and stays what it is.
import { isId } from "../../kernel/index.js";
import type { Text } from "./driver.js";

/** `{a,b}`: a list whose elements need no quoting: ids and numbers. */
export function plainList(values: readonly (string | number)[]): string {
  return `{${values.join(",")}}`;
}

/** `{a,b}` of those that are ids; no run has another one. */
export function idList(values: readonly string[]): string {
  return plainList(values.filter(isId));
}

/** `{"a","b",NULL}`: a list of any texts. */
export function textList(values: readonly (string | undefined)[]): string {
  const quoted = values.map((value) =>
    value === undefined ? "NULL" : `"${withoutNul(value).replace(/["\\]/g, "\\$&")}"`,
  );
  return `{${quoted.join(",")}}`;
}

/** JSON whose strings PostgreSQL can take apart. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value);
  return text.includes("\\u0000")
    ? JSON.stringify(value, (_key, part: unknown) => (typeof part === "string" ? withoutNul(part) : part))
    : text;
}

export function withoutNul(text: string): string {
  return text.includes("\0") ? text.replaceAll("\0", "\uFFFD") : text;
}

/** The elements of a list of ids, states or numbers; NULL is null. */
export function listOf(text: Text | undefined): (string | null)[] {
  if (text === null || text === undefined || text === "{}") return [];
  return text
    .slice(1, -1)
    .split(",")
    .map((element) => (element === "NULL" ? null : element));
}

export function numberOf(text: Text | undefined): number {
  return Number(text);
}

export function optionalNumber(text: Text | undefined): number | undefined {
  return text === null || text === undefined ? undefined : Number(text);
}

export function optionalText(text: Text | undefined): string | undefined {
  return text ?? undefined;
}

export function truthOf(text: Text | undefined): boolean {
  return text === "t";
}
