// The parent of worker processes: it keeps them alive, and loads nothing of the application.
//
// Each process is this same command line once more, told by its environment that it is looked after.
//
// Before this file comes `work`. After it comes the runner.
import { fileURLToPath } from "node:url";
import type { Duration } from "../kernel/index.js";
import { createRunner, type RunnerOptions } from "../runner/index.js";
import type { Cli } from "./session.js";
import { stateOfRunner, tellSystemd } from "./tell-systemd.js";
import type { Teller } from "./teller.js";

/** What was asked for, of those who look after the processes. */
export interface Supervision {
  /** undefined: one for each core. */
  readonly processes: number | undefined;
  readonly maxAge: Duration | undefined;
  readonly maxRuns: number | undefined;
  readonly maxMemory: number | undefined;
  readonly maxBlock: Duration | undefined;
  readonly isWatching: boolean;
  readonly health: { readonly port: number; readonly host?: string } | undefined;
}

interface Supervised extends Supervision {
  readonly cli: Cli;
  readonly teller: Teller;
  readonly drain: Duration;
}

/** Keeps them alive until told to stop; answers the exit code. @throws HealthPortError */
export async function supervise({ cli, teller, isWatching, drain, ...limits }: Supervised): Promise<number> {
  const runner = createRunner({
    program: { file: fileURLToPath(new URL("./main.js", import.meta.url)), args: process.argv.slice(2) },
    drain,
    ...given(limits),
    ...(isWatching ? { watch: [cli.folder] } : {}),
    say(event, text, fields, level) {
      teller.say(event, text, fields, level);
      // A runner says little, and what it says last has to be read.
      teller.flush();
    },
  });
  const hush = tellSystemd(cli.env, teller, () => stateOfRunner(runner.health));
  try {
    await runner.start();
  } catch (error) {
    // That it gave up it has said itself; its exit code says why.
    if (!isGivingUp(error)) throw error;
  }
  const exit = await runner.over;
  await hush();
  return exit;
}

type Limits = Pick<RunnerOptions, "processes" | "maxAge" | "maxRuns" | "maxMemory" | "maxBlock" | "health">;

/** The options that were given. */
function given(options: { readonly [Name in keyof Limits]: Limits[Name] | undefined }): Limits {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function isGivingUp(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "RUNNER_GAVE_UP";
}
