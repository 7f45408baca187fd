// How worker processes are looked after, as typed: how many, what they may grow to, and what does not go together.
//
// Before this file come the commands that start workers. After it comes the runner.
import { type Bytes, bytes, didYouMean } from "../kernel/index.js";
import { UsageError } from "./errors.js";
import { memoryShare } from "./memory.js";
import { integer, time } from "./parse.js";
import type { Cli } from "./session.js";
import type { Supervision } from "./supervise.js";
import { memoryNotShared } from "./target.js";
import { formats, type Teller } from "./teller.js";

export interface SupervisionOptions {
  readonly untilEmpty?: boolean;
  readonly processes?: string;
  readonly maxAge?: string;
  readonly maxRuns?: string;
  readonly maxMemory?: string;
  readonly maxBlock?: string;
  readonly watch?: boolean;
  readonly healthPort?: string;
}

/** Without a word about processes, a database in memory is worked in the only process that has it. */
export function supervisionOf(options: SupervisionOptions, isMemory: boolean): Supervision {
  const { untilEmpty, processes, maxAge, maxRuns, maxMemory, maxBlock, watch, healthPort } = options;
  const number = processes === undefined ? undefined : integer(processes, "--processes", 0);
  const chosen = number ?? (untilEmpty === true || isMemory ? 0 : undefined);
  if (isMemory && chosen !== 0) throw memoryNotShared();
  const needed = { "max-age": maxAge, "max-runs": maxRuns, "max-memory": maxMemory, "max-block": maxBlock };
  const given = Object.entries({ ...needed, watch, "health-port": healthPort }).find(
    ([, value]) => value !== undefined,
  );
  if (chosen === 0 && given !== undefined) {
    throw new UsageError(
      `--${given[0]} is for processes that are looked after, and there are none with ` +
        `${withoutProcesses(number, isMemory)}`,
    );
  }
  return {
    processes: chosen,
    maxAge: maxAge === undefined ? undefined : time(maxAge, "--max-age"),
    maxRuns: maxRuns === undefined ? undefined : integer(maxRuns, "--max-runs", 1),
    maxMemory: chosen === 0 ? undefined : maxMemoryOf(maxMemory, chosen),
    maxBlock: maxBlock === undefined ? undefined : time(maxBlock, "--max-block"),
    isWatching: watch === true,
    health: healthPort === undefined ? undefined : healthOf(healthPort),
  };
}

/** In bytes. */
function maxMemoryOf(given: string | undefined, processes: number | undefined): number | undefined {
  if (given === undefined) return memoryShare(processes);
  return given === "0" ? undefined : bytes(given as Bytes, "--max-memory");
}

function withoutProcesses(number: number | undefined, isMemory: boolean): string {
  if (isMemory) return "a database in memory. Use one in a file: --store sqlite:./duckdive.db.";
  return `${number === 0 ? "--processes 0" : "--until-empty alone"}. Say how many: --processes 1.`;
}

/** `8080`, `0.0.0.0:8080` or `[::]:8080`. */
function healthOf(address: string): { port: number; host?: string } {
  const [, bracketed, plain, port = ""] = /^(?:\[(.+)\]:|([^:]+):)?(\d{1,5})$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (port !== "" && Number(port) <= 65_535)
    return { port: Number(port), ...(host === undefined ? {} : { host }) };
  throw new UsageError(
    `--health-port is "${address}". Use a port, or a host and a port: 8080, 0.0.0.0:8080.`,
  );
}

/** Of the log: what `--log` says. @throws UsageError */
export function formatOf({ globals }: Cli, given: string | undefined): Teller["format"] {
  const wanted = given ?? (globals.json === true ? "json" : "pretty");
  const format = formats.find((one) => one === wanted);
  if (format !== undefined) return format;
  throw new UsageError(
    `--log is "${wanted}".${didYouMean(wanted, formats)} It is one of ${formats.join(", ")}.`,
  );
}
