// What a worker says: a line an event, for people, for machines, or not at all.
//
// Lines are gathered and written together some fifty times a second, because a worker may end thirty thousand runs in
// one, and a write for each would be most of its work. When nobody reads any more the worker goes on unheard.
//
// Before this file come events of runs, and the log of handlers. After it comes standard output.
import type { Log, StoredError } from "../job/index.js";
import { formatDuration } from "../kernel/index.js";
import type { Duckdive } from "../queue/index.js";
import type { RunEvents } from "../run/index.js";
import { colorsFor } from "./colors.js";
import type { Cli } from "./session.js";
import { clean } from "./text.js";

export const formats = ["pretty", "json", "quiet"] as const;

type Level = "debug" | "info" | "warn" | "error";

export interface Teller {
  readonly format: (typeof formats)[number];
  /** For handlers, and for duckdive's own warnings. */
  readonly log: Log;
  /** Something about the worker itself. */
  say(event: string, text: string, fields?: object, level?: Level): void;
  /** Tells what happens to runs from now on. */
  follow(duckdive: Pick<Duckdive<unknown, boolean>, "on">): void;
  /** Writes what was gathered. */
  flush(): void;
}

/** Milliseconds between two writes. */
const writeEvery = 20;
const enough = 64 * 1024;

export function createTeller(cli: Cli, format: Teller["format"]): Teller {
  const { stdout } = process;
  const colors = colorsFor(stdout, cli.env);
  const levels: Record<Level, (text: string) => string> = {
    debug: colors.dim,
    info: (text) => text,
    warn: colors.yellow,
    error: colors.red,
  };
  let gathered = "";
  let timer: NodeJS.Timeout | undefined;
  let isHeard = true;
  stdout.removeAllListeners("error").on("error", () => {
    isHeard = false;
    gathered = "";
  });

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (gathered !== "" && isHeard) stdout.write(gathered);
    gathered = "";
  }

  function write(line: string): void {
    if (!isHeard) return;
    gathered += `${line}\n`;
    if (gathered.length > enough) flush();
    else timer ??= setTimeout(flush, writeEvery).unref();
  }

  function tell(level: Level, event: string, text: string, fields: object, sign?: string): void {
    if (format === "quiet" && level !== "error" && level !== "warn") return;
    const now = new Date();
    if (format === "json") {
      write(json({ time: now.toISOString(), level, event, ...fields }));
      return;
    }
    const marked = sign === undefined ? "" : `${sign} `;
    write(`${colors.dim(shownTime(now, stdout.isTTY === true))} ${marked}${levels[level](clean(text))}`);
  }

  function logAt(level: Level) {
    return (message: string, fields: object = {}): void => {
      tell(level, "log", logText(message, { ...fields }), { message, ...plain(fields) });
    };
  }

  return {
    format,
    flush,
    log: { debug: logAt("debug"), info: logAt("info"), warn: logAt("warn"), error: logAt("error") },
    say: (event, text, fields = {}, level = "info") => tell(level, event, text, fields),
    follow(duckdive) {
      const on = <Name extends keyof RunEvents>(
        event: Name,
        level: Level,
        sign: string,
        sentence: (about: RunEvents[Name]) => string,
      ): void => {
        duckdive.on(event, (about) => tell(level, event, sentence(about), about, sign));
      };
      const { green, yellow, red, dim, magenta } = colors;
      on("succeeded", "info", green("✓"), (about) => `${named(about)} succeeded in ${took(about)}`);
      on("retrying", "warn", yellow("↻"), (about) => `${named(about)} ${failedAttempt(about)}`);
      on(
        "failed",
        "error",
        red("✗"),
        (about) => `${named(about)} failed for good (${about.reason}): ${thrown(about)}`,
      );
      on("cancelled", "info", dim("⊘"), (about) => `${named(about)} cancelled: ${about.reason}`);
      on("snoozed", "info", magenta("◷"), (about) => `${named(about)} goes on later`);
      on("handedBack", "info", "↩", (about) => `${named(about)} handed back`);
      on("parked", "info", yellow("‖"), (about) => `${named(about)} waits (${about.reason})`);
      on(
        "refused",
        "warn",
        yellow("!"),
        (about) => `${named(about)} was not this worker's any more: its end was refused`,
      );
      on(
        "abandoned",
        "warn",
        yellow("!"),
        (about) => `${named(about)} did not obey its signal (${about.why}), and may go on`,
      );
      on("leaked", "warn", yellow("!"), (about) =>
        about.isOver
          ? `${named(about)} has ended at last; ${about.leaked} that were given up go on here`
          : `${named(about)} was given up and goes on; ${about.leaked} such go on here`,
      );
      on("lost", "warn", yellow("!"), (about) => {
        const why = about.cause === undefined ? "" : ` (${about.cause})`;
        return about.innocent === true
          ? `${named(about)} was given back: its worker ${about.worker} is gone${why}, by no fault of its own`
          : `${named(about)} attempt ${about.attempt} was lost with worker ${about.worker}${why}`;
      });
    },
  };
}

function named({ job, run }: { readonly job: string; readonly run: string }): string {
  return `${job} ${run}`;
}

function took({ milliseconds }: { readonly milliseconds: number }): string {
  return formatDuration(milliseconds);
}

function failedAttempt(about: RunEvents["retrying"]): string {
  return `attempt ${about.attempt} failed, another follows: ${thrown(about)}`;
}

function thrown({ error: { name, message } }: { readonly error: StoredError }): string {
  return `${name}: ${message}`;
}

/** The time of day for people, who know the date; all of it for a log. */
function shownTime(now: Date, isTerminal: boolean): string {
  return isTerminal ? now.toTimeString().slice(0, 8) : now.toISOString();
}

/** A line of a handler begins as the lines about its run do; what is bound to it is not repeated. */
function logText(message: string, fields: Readonly<Record<string, unknown>>): string {
  const { run, job, attempt, ...others } = fields;
  const isOfRun = typeof run === "string" && typeof job === "string";
  const rest = Object.entries(isOfRun ? others : fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}=${fieldText(value)}`);
  return `${isOfRun ? `${job} ${run} ` : ""}${message}${rest.join("")}`;
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return JSON.stringify(`${value.name}: ${value.message}`);
  if (typeof value === "string") return /^[\w@./:-]+$/.test(value) ? value : JSON.stringify(value);
  return json(value);
}

function plain(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value,
    ]),
  );
}

/** JSON of whatever a handler logs: a line must not fail because of what is in it. */
function json(value: unknown): string {
  try {
    return (
      JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part)) ??
      String(value)
    );
  } catch (error) {
    return JSON.stringify({ notShown: String(error) });
  }
}
