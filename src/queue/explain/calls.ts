// Its handler waits for what it asked for: for time, for a signal, for a step to be tried again, for runs that it started.
//
// Before this file comes a run that waits for its entries. After it come words.
import type { AwaitedCall, Facts } from "./facts.js";
import { standing } from "./standing.js";
import { many, named, quoted, until } from "./words.js";

/** All that it waits for; undefined: nothing of that is on record. */
export function awaitedCalls(facts: Facts): string | undefined {
  const { calls } = facts;
  if (calls.length === 0) return undefined;
  const clauses = calls.slice(0, mostTold).map((call) => clauseOf(call, facts));
  if (calls.length > mostTold) clauses.push(`${calls.length - mostTold} more`);
  const first = calls.length === 1 ? "It waits for " : `It waits for ${many(calls.length, "call")}: `;
  return `${first}${clauses.join("; ")}.${remedies(facts)}`;
}

const mostTold = 10;

function clauseOf({ step, runs, live }: AwaitedCall, { now }: Facts): string {
  const { name, kind, due, attempts, error, signal = name } = step;
  const failed =
    error === undefined ? "" : `failed ${many(attempts, "time")}, the last with ${named(error)}, and `;
  const told = runs.map((run) => standing(run.id, run, now)).join("; ");
  switch (kind) {
    case "sleep":
      return `time to pass, in ${quoted(name)}, which is ${whenDue(due, now, "over ", "due")}`;
    case "signal":
      return `signal ${quoted(signal)}, in ${quoted(name)}${due === undefined ? ", for as long as that takes" : `, ${whenDue(due, now, "at the longest ", "whose time is over")}`}`;
    case "poll":
      return `an answer to ${quoted(name)}, which ${failed}is asked for again ${whenDue(due, now, "", "now")}`;
    case "child":
      if (runs.length === 0) return `child ${quoted(name)}, which is not in this store`;
      return runs[0]?.job === name ? `child ${told}` : `child ${quoted(name)}, a run of ${told}`;
    case "children":
      return `${many(live, "child", "children")} of ${quoted(name)} to end: ${told}${live > runs.length ? `; ${live - runs.length} others` : ""}`;
    default:
      return `${kind} ${quoted(name)}, which ${failed}is tried again ${whenDue(due, now, "", "now")}`;
  }
}

function whenDue(due: Date | undefined, now: number, how: string, isDue: string): string {
  if (due !== undefined && due.getTime() > now) return `${how}${until(due.getTime(), now)}`;
  return `${isDue}: a worker goes on with it within moments`;
}

function remedies({ run, calls }: Facts): string {
  const [signal] = calls.flatMap(({ step }) => (step.signal === undefined ? [] : [step.signal]));
  if (signal === undefined) return "";
  const name = /^[\w.:-]+$/.test(signal) ? signal : `'${signal.replaceAll("'", "'\\''")}'`;
  return ` To send it: \`duckdive signal ${run.id} ${name} JSON\`.`;
}
