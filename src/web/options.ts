// What whoever mounts the web part says about it, read once.
//
// There is no way to leave out who may do what: without a token, an `authorize` or `loopback` nothing is mounted.
//
// Before this file comes the application. After it comes the mounting.
import { type AnyContract, isContract, type Log, type Signal } from "../job/index.js";
import { checkOptions, InvalidOptionError } from "../kernel/index.js";
import { consoleLog } from "../queue/index.js";
import type { Authorize } from "./role.js";
import type { Tokens } from "./session.js";
import type { Redact } from "./shown.js";

/** Who may do what, and what is shown. */
export interface WebOptions {
  /** Whoever sends it may do everything; people sign in with it. At least 16 characters. */
  token?: string | undefined;
  /** Whoever sends it may look. At least 16 characters. */
  readToken?: string | undefined;
  /** Answers what whoever asks may do, by the application's own means: `"read"`, `"operate"`, or undefined for nothing. */
  authorize?: Authorize | undefined;
  /**
   * True: whoever reaches it may do everything. For a server that listens on the loopback: only requests for `localhost`,
   * `127.0.0.1` and `[::1]` are answered, so that no page of another site gets there by a name of its own.
   */
  loopback?: boolean;
  /** The path it is mounted at: `"/jobs"`. Default: none. */
  base?: string;
  /** Definitions by which inputs are judged, beside those that the client was opened with: contracts will do. */
  jobs?: readonly AnyContract[];
  /** Signals by which payloads are judged. */
  signals?: readonly Signal<string, unknown, unknown>[];
  /**
   * Every input, output, error, step and log line passes here before it is shown; what it gives back is shown. What `redact` of
   * jobs and of `open` names is blanked out before.
   */
  redact?: Redact;
  /** How many live streams are open at once: 100 unless given. */
  streams?: number;
  /** Hears of failures that nobody expected. Default: the console. */
  log?: Log;
}

const known = [
  "token",
  "readToken",
  "authorize",
  "loopback",
  "base",
  "jobs",
  "signals",
  "redact",
  "streams",
  "log",
] as const satisfies readonly (keyof WebOptions)[];

const shortestToken = 16;

export interface Settings {
  readonly tokens: Tokens;
  readonly authorize: Authorize | undefined;
  readonly loopback: boolean;
  readonly base: string;
  readonly jobs: ReadonlyMap<string, AnyContract>;
  readonly signals: ReadonlyMap<string, Signal<string, unknown, unknown>>;
  readonly redact: Redact | undefined;
  readonly streams: number;
  readonly log: Log;
}

/** @throws InvalidOptionError */
export function settingsOf(options: WebOptions): Settings {
  checkOptions(options, known, "web()");
  const { token, readToken, authorize, loopback = false, base = "", redact, streams = 100 } = options;
  const { jobs = [], signals = [] } = options;
  checkToken(token, "token");
  checkToken(readToken, "readToken");
  if (token !== undefined && token === readToken)
    throw new InvalidOptionError("web(): token and readToken are the same. Make one of them another.");
  if (token === undefined && readToken === undefined && authorize === undefined && !loopback) {
    throw new InvalidOptionError(
      "web() needs to know who may see and do what. Give it a token (openssl rand -hex 32 makes one), or authorize: " +
        "(request) => role; or, for a server that only this machine reaches, loopback: true.",
    );
  }
  if (authorize !== undefined && typeof authorize !== "function")
    throw new InvalidOptionError(
      'web(): authorize is no function. Use (request) => "read" | "operate" | undefined.',
    );
  if (typeof base !== "string" || !/^(?:\/[\w.~-]+)*$/.test(base))
    throw new InvalidOptionError(
      'web(): base is no path. Use one such as "/jobs", without a slash at its end.',
    );
  if (!Number.isInteger(streams) || streams < 0)
    throw new InvalidOptionError("web(): streams is no whole number from 0 up.");
  for (const one of jobs) {
    if (!isContract(one)) throw new InvalidOptionError("web(): jobs has something in it that is no job.");
  }
  return {
    tokens: { operate: token, read: readToken },
    authorize,
    loopback,
    base,
    jobs: new Map(jobs.map((one) => [one.name, one])),
    signals: new Map(signals.map((one) => [one.name, one])),
    redact,
    streams,
    log: options.log ?? consoleLog,
  };
}

function checkToken(token: unknown, name: string): void {
  if (token === undefined) return;
  if (typeof token === "string" && token.length >= shortestToken && /^[\x21-\x7e]+$/.test(token)) return;
  throw new InvalidOptionError(
    `web(): ${name} is no token. Use at least ${shortestToken} visible ASCII characters without a space; ` +
      "openssl rand -hex 32 makes a good one.",
  );
}
