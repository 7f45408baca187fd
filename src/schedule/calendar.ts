// When a schedule ticks: pure arithmetic, by cron in a time zone or every so often.
//
// A cron that names fixed times (no `*` and no step in its hours, minutes and seconds) ticks once on each day that it
// names: where the clocks jump over its time, at the first moment after the jump, and where its time comes twice, at the
// first of the two. Any other cron goes by the clock on the wall: what the clocks jump over is left out, and the hour that
// comes twice is ticked through twice. `every` counts real time and knows no zones. Cron itself is read by croner.
//
// Before this file comes the kernel. After it come the definition, the service and the preview.
import { Cron } from "croner";
import { InvalidOptionError } from "../kernel/index.js";

/** When it ticks, as it is stored: times in milliseconds since 1970. */
export interface Times {
  readonly cron?: string;
  readonly timeZone?: string;
  readonly every?: number;
  readonly start?: number;
  readonly end?: number;
}

export interface Calendar {
  /** The first tick after this moment. */
  next(after: number): number | undefined;
  /** The last ticks from one moment to another, both included, at most so many, in their order. */
  latest(from: number, until: number, most: number): number[];
  /** How many ticks there are from one moment to another, both included; counts to `most` and no further. */
  count(from: number, until: number, most: number): number;
}

/** Dates beyond are none. */
const lastMoment = 8.64e15;

/** @throws InvalidOptionError: the cron or the time zone cannot be read */
export function calendarOf(times: Times, where: string): Calendar {
  const { start = -lastMoment, end = lastMoment, cron, timeZone, every } = times;
  const inner = cron === undefined ? steps(every ?? 0, times.start ?? 0) : fields(cron, timeZone, where);
  const within = (tick: number | undefined): number | undefined =>
    tick !== undefined && tick <= end ? tick : undefined;
  return {
    next: (after) => within(inner.next(Math.max(after, start - 1))),
    latest: (from, until, most) => inner.latest(Math.max(from, start), Math.min(until, end), most),
    count: (from, until, most) => inner.count(Math.max(from, start), Math.min(until, end), most),
  };
}

/** Every so many milliseconds, one of them at `anchor`. */
function steps(every: number, anchor: number): Calendar {
  const upTo = (moment: number): number => Math.floor((moment - anchor) / every);
  return {
    next: (after) => anchor + (upTo(after) + 1) * every,
    latest(from, until, most) {
      const last = upTo(until);
      const first = Math.max(upTo(from - 1) + 1, last - most + 1);
      return Array.from(
        { length: Math.max(0, last - first + 1) },
        (_, index) => anchor + (first + index) * every,
      );
    },
    count: (from, until, most) => Math.max(0, Math.min(most, upTo(until) - upTo(from - 1))),
  };
}

function fields(text: string, timeZone: string | undefined, where: string): Calendar {
  const cron = read(text, timeZone, where);
  const next = (after: number): number | undefined => cron.nextRun(new Date(after))?.getTime();
  return {
    next,
    latest(from, until, most) {
      // Those before a moment, on which a tick may be itself.
      const before = cron.previousRuns(most, new Date(Math.floor(until / 1_000) * 1_000 + 1_000));
      return before
        .map((tick) => tick.getTime())
        .filter((tick) => tick >= from && tick <= until)
        .reverse();
    },
    count(from, until, most) {
      let number = 0;
      for (let tick = next(from - 1); tick !== undefined && tick <= until && number < most; tick = next(tick))
        number += 1;
      return number;
    },
  };
}

function read(text: string, timeZone: string | undefined, where: string): Cron {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch (cause) {
    throw new InvalidOptionError(
      `${where}: timeZone is ${JSON.stringify(timeZone)}, which this system does not know. Use a name such as "Europe/Lisbon".`,
      { cause },
    );
  }
  try {
    return new Cron(text, {
      paused: true,
      mode: "5-or-6-parts",
      fixedTimeRule: "no-wildcard",
      timezone: timeZone ?? "UTC",
    });
  } catch (cause) {
    throw new InvalidOptionError(
      `${where}: cron is ${JSON.stringify(text)}, which cannot be read (${reasonOf(cause)}). Use five fields, minute, hour, day ` +
        'of the month, month and day of the week, such as "15 4 * * 1-5"; with seconds, six, and they come first.',
      { cause },
    );
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^\w+: /, "").replace(/\.$/, "") : String(error);
}
