// Durations as people write them, and as people read them.
//
// A duration in an option is `"30s"` or a number of milliseconds; it is parsed once, at the door, and is a whole
// number of milliseconds from there on. No name in duckdive carries a unit. What cannot be read is refused with
// the place and the remedy, because a timeout that silently became NaN is a job that hangs for ever.
//
// Before this file come only the errors. After it come job policies, request options and everything shown to people.

import { InvalidDurationError } from "./errors.js";

/** A number of milliseconds, or a number with a unit: `"250ms"`, `"30s"`, `"5m"`, `"1.5h"`, `"7d"`, `"2w"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d" | "w"}`;

const millisecondsOf: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** About a hundred years: more is a mistake, and less keeps `now + duration` far inside what a Date can hold. */
const longest = 100 * 365.25 * 86_400_000;

const shape = /^(\d+(?:\.\d+)?(?:e\d+)?)(ms|[smhdw])$/i;

/**
 * The duration in whole milliseconds.
 *
 * @param value `"30s"` or milliseconds
 * @param where what is being read, for the message: `job "mail": timeout`
 * @throws InvalidDurationError when it is no duration, negative, not finite, or over a hundred years
 * @example duration("1.5h", "timeout") // 5400000
 */
export function duration(value: Duration, where: string): number {
  const milliseconds = typeof value === "number" ? value : parse(value, where);
  if (Number.isNaN(milliseconds) || milliseconds < 0) {
    throw new InvalidDurationError(
      `${where} is ${String(value)}, which is not a duration. Use milliseconds from 0 up, or a string such as "30s".`,
    );
  }
  if (milliseconds > longest) {
    throw new InvalidDurationError(
      `${where} is ${show(value)}, which is over 100 years. Use a shorter one: a number is read as milliseconds.`,
    );
  }
  return Math.round(milliseconds);
}

function parse(value: unknown, where: string): number {
  const match = typeof value === "string" ? shape.exec(value) : null;
  const unit = match?.[2] === undefined ? undefined : millisecondsOf[match[2]];
  if (match === null || unit === undefined) {
    throw new InvalidDurationError(
      `${where} is ${show(value)}, which is not a duration. ` +
        `Use a number and a unit without a space: "250ms", "30s", "5m", "2h", "7d", "1w"; or milliseconds as a number.`,
    );
  }
  return Number(match[1]) * unit;
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

/**
 * A duration for people: its two largest parts.
 *
 * @example formatDuration(90_000) // "1m 30s"
 * @example formatDuration(250) // "250ms"
 */
export function formatDuration(milliseconds: number): string {
  const whole = Math.round(milliseconds);
  if (whole < 0) return `-${formatDuration(-whole)}`;
  if (whole < 1_000) return `${whole}ms`;
  if (whole < 10_000 && whole % 1_000 !== 0) return `${(Math.floor(whole / 100) / 10).toFixed(1)}s`;
  const units = ["d", "h", "m", "s"] as const;
  let rest = whole;
  const parts: { count: number; unit: string }[] = [];
  for (const unit of units) {
    const size = millisecondsOf[unit] ?? 1;
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || parts.length > 0) parts.push({ count, unit });
  }
  return parts
    .slice(0, 2)
    .filter((part) => part.count > 0)
    .map((part) => `${part.count}${part.unit}`)
    .join(" ");
}
