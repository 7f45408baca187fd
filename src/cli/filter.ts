// Filters as options of a command, the same for `runs` and all that act on many.
//
// Before this file comes commander. After it comes the client's own filter, which checks states and reasons.
import type { Command } from "commander";
import type { State, WaitingReason } from "../job/index.js";
import { didYouMean, isId } from "../kernel/index.js";
import type { Filter } from "../queue/index.js";
import { states } from "../run/index.js";
import { UsageError } from "./errors.js";
import { gather, pairs, since } from "./parse.js";

export interface FilterOptions {
  readonly job?: string[];
  readonly queue?: string[];
  readonly state?: string[];
  readonly reason?: string[];
  readonly waiting?: string[];
  readonly tag?: string[];
  readonly meta?: string[];
  readonly error?: string[];
  readonly text?: string;
  readonly parent?: string[];
  readonly since?: string;
  readonly until?: string;
}

const waitingReasons = ["worker", "paused", "preparation", "admission", "dependency", "entries"] as const;

export function addFilterOptions(command: Command): Command {
  return command
    .option("--job <name>", "of this job; may be given several times, as may the next seven", gather)
    .option("--queue <name>", "in this queue", gather)
    .option("--state <state>", `in this state: ${states.join(", ")}`, gather)
    .option(
      "--reason <reason>",
      "failed or cancelled for this reason: timeout, lost, a code of the job …",
      gather,
    )
    .option("--waiting <reason>", `waiting for this: ${waitingReasons.join(", ")}`, gather)
    .option("--tag <tag>", "with this tag", gather)
    .option("--meta <name=value>", "with this meta", gather)
    .option("--error <name>", "with an error of this name or code: TypeError, ECONNRESET …", gather)
    .option("--text <text>", "with this text in its input, as it stands in JSON")
    .option("--parent <id>", "started by this run, of which the whole id is given", gather)
    .option("--since <time>", 'asked for since then: "2h" (ago), or a date')
    .option("--until <time>", 'asked for before then: "7d" is more than seven days ago');
}

/**
 * The filter that the options say, once the time is known: what is wrong with them is said before a store is opened.
 *
 * @throws UsageError
 */
export function filterFrom(options: FilterOptions): (now: number) => Filter {
  const meta = pairs(options.meta, "--meta");
  const from = options.since === undefined ? undefined : since(options.since, "--since");
  const to = options.until === undefined ? undefined : since(options.until, "--until");
  const filter: Filter = {
    ...(options.job === undefined ? {} : { job: options.job }),
    ...(options.queue === undefined ? {} : { queue: options.queue }),
    ...(options.state === undefined ? {} : { state: words(options.state, states, "--state") }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
    ...(options.waiting === undefined
      ? {}
      : { waiting: words(options.waiting, waitingReasons, "--waiting") }),
    ...(options.tag === undefined ? {} : { tag: options.tag }),
    ...(meta === undefined ? {} : { meta }),
    ...(options.error === undefined ? {} : { error: options.error }),
    ...(options.text === undefined ? {} : { text: options.text }),
    ...(options.parent === undefined ? {} : { parent: options.parent.map(wholeId) }),
  };
  return (now) => ({
    ...filter,
    ...(from === undefined ? {} : { since: from(now) }),
    ...(to === undefined ? {} : { until: to(now) }),
  });
}

function words<Word extends State | WaitingReason>(
  values: readonly string[],
  known: readonly Word[],
  name: string,
): Word[] {
  return values
    .flatMap((value) => value.split(","))
    .map((value) => {
      const word = known.find((one) => one === value);
      if (word !== undefined) return word;
      throw new UsageError(
        `${name} is "${value}".${didYouMean(value, known)} It is one of ${known.join(", ")}.`,
      );
    });
}

/** A beginning is not looked up here, and would match nothing. */
function wholeId(text: string): string {
  const id = text.toLowerCase();
  if (isId(id)) return id;
  throw new UsageError(`--parent is "${text}". Use the whole id of a run: \`duckdive show\` has it.`);
}

/** Whether nothing was asked for. */
export function isEmpty(filter: Filter): boolean {
  return Object.keys(filter).length === 0;
}
