// `duckdive change`: another queue, another priority or another time for runs that have not started.
import type { Command } from "commander";
import type { Change } from "../../queue/index.js";
import { type ActOptions, act, addActOptions } from "../act.js";
import { UsageError } from "../errors.js";
import { date, integer, time } from "../parse.js";
import type { Perform } from "../perform.js";

interface ChangeOptions extends ActOptions {
  readonly toQueue?: string;
  readonly toPriority?: string;
  readonly runAt?: string;
  readonly delay?: string;
}

export function defineChange(command: Command, perform: Perform): void {
  addActOptions(command)
    .option("--to-queue <name>", "give them this queue")
    .option("--to-priority <n>", "give them this priority, from -10 to 10, bigger is sooner")
    .option("--delay <duration>", "start them after that long from now; 0s: now, also before a retry is due")
    .option("--run-at <date>", "start them at that time")
    .action((ids: string[], options: ChangeOptions) =>
      perform((cli) => {
        const change = changeFrom(options);
        return act(
          cli,
          {
            verb: "change",
            done: "changed",
            states: ["scheduled", "ready", "waiting"],
            apply: (duckdive, target, _, bulk) => duckdive.change(target, change, bulk),
          },
          ids,
          options,
        );
      }),
    );
}

/** @throws UsageError */
function changeFrom({ toQueue, toPriority, runAt, delay }: ChangeOptions): Change {
  if (runAt !== undefined && delay !== undefined)
    throw new UsageError(
      "--delay and --run-at were both given. Use one: --delay counts from now, --run-at is a date.",
    );
  const change: Change = {
    ...(toQueue === undefined ? {} : { queue: toQueue }),
    ...(toPriority === undefined ? {} : { priority: priorityFrom(toPriority) }),
    ...(runAt === undefined ? {} : { runAt: date(runAt, "--run-at") }),
    ...(delay === undefined ? {} : { delay: time(delay, "--delay") }),
  };
  if (Object.keys(change).length > 0) return change;
  throw new UsageError("Change what? Use --to-queue NAME, --to-priority N, --delay TIME or --run-at DATE.");
}

/** Said before runs are looked for, so that a mistake is told when nothing matches too. */
function priorityFrom(value: string): number {
  const priority = integer(value, "--to-priority", -10);
  if (priority <= 10) return priority;
  throw new UsageError(`--to-priority is "${value}". Use a whole number from -10 to 10.`);
}
