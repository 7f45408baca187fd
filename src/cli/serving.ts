// The parent of what `duckdive serve` starts: one runner for the workers, and one for the process that serves.
//
// Two runners, because they have nothing to do with each other: a worker that dies is nothing to the web part, whose death
// is nothing to the workers, and each is started again by its own rules. They live as long as each other: when one of them
// has ended, told to or because it gave up, the other is stopped.
//
// Before this file comes `serve`. After it come the runner, and in its processes serve-here.ts and work-here.ts.
import { type AddressInfo, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import type { Duration } from "../kernel/index.js";
import { createRunner, type Runner, type RunnerOptions } from "../runner/index.js";
import { WebPortError } from "./errors.js";
import type { Cli } from "./session.js";
import type { Supervision } from "./supervise.js";
import type { Teller } from "./teller.js";

/** Says to a process which part it is: `web` or `jobs`. */
export const servedPart = "DUCKDIVE_SERVES";

/** Where it is served, and what is asked of whoever asks. */
export interface Where {
  readonly host: string;
  readonly port: number;
  readonly token: string | undefined;
  readonly readToken: string | undefined;
}

interface Serving extends Pick<Supervision, "processes" | "isWatching"> {
  readonly cli: Cli;
  readonly teller: Teller;
  readonly where: Where;
  readonly drain: Duration;
}

/** Keeps them alive until told to stop; answers the exit code. @throws WebPortError */
export async function superviseServing({ cli, teller, where, drain, ...more }: Serving): Promise<number> {
  const port = await freePort(where);
  const shared = { drain, ...(more.isWatching ? { watch: [cli.folder] } : {}) };
  const web = createRunner({
    ...shared,
    // One that replaces another is found where that was, also where the port was left to the system.
    program: programOf("web", ["--port", String(port)]),
    processes: 1,
    say: sayOf(teller, "web"),
  });
  const jobs = createRunner({
    ...shared,
    program: programOf("jobs"),
    ...(more.processes === undefined ? {} : { processes: more.processes }),
    say: sayOf(teller, "jobs"),
  });
  const codes = await Promise.all([web, jobs].map((runner, at, all) => live(runner, all[1 - at] ?? runner)));
  return Math.max(...codes);
}

async function live(runner: Runner, other: Runner): Promise<number> {
  // That it gave up it has said itself; its exit code says why.
  runner.start().catch(() => {});
  const code = await runner.over;
  void other.stop();
  return code;
}

function programOf(part: "web" | "jobs", more: readonly string[] = []): RunnerOptions["program"] {
  return {
    file: fileURLToPath(new URL("./main.js", import.meta.url)),
    args: [...process.argv.slice(2), ...more],
    env: { [servedPart]: part },
  };
}

/** Of the one that serves only trouble is told: that it serves it says itself, and both hear the same signals. */
function sayOf(teller: Teller, part: "web" | "jobs"): RunnerOptions["say"] {
  return (event, text, fields, level = "info") => {
    if (part === "web" && level !== "warn" && level !== "error") return;
    teller.say(event, part === "web" ? `web: ${text}` : text, { ...fields, part }, level);
    teller.flush();
  };
}

/**
 * The port, once it is known to be free: one that is taken is told at once, and not by a process that is started again and
 * again.
 */
function freePort({ port, host }: Where): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => reject(portError({ port, host }, error)));
    probe.listen(port, host, () => {
      const { port: free } = probe.address() as AddressInfo;
      probe.close(() => resolve(free));
    });
  });
}

export function portError({ port, host }: Pick<Where, "port" | "host">, cause: unknown): WebPortError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new WebPortError(
    `The API cannot be served at ${host}, port ${port}: ${why}. Choose another one: --port ${port + 1}.`,
    { cause },
  );
}
