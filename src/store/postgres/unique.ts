// Unique keys on the way to the database, and what a request is answered that met one.
//
// A key travels as a hash, beside its run; the rule of what becomes of a conflict is a part of the run's shape. Who holds
// the key is decided in the database, by the functions of migration 0016, and so is what the holder is given.
//
// Before this file come `intake.ts` and `settle.ts`. After it come the statements.
import { createHash } from "node:crypto";
import { type State, UniqueConflictError } from "../../job/index.js";
import type { Inserted, NewRun, Unique } from "../contract.js";
import { StoreBusyError } from "../errors.js";
import { lockTimeout, stateOf, wordsOf } from "./errors.js";

/** How long a request waits, in milliseconds, for a transaction of the application that has recorded the same key. */
export const patienceWithKeys = 5_000;
/** Those that share a statement wait for a moment only, and then each for itself: one need not hold up the others. */
export const patienceTogether = 100;

const bits: Readonly<Partial<Record<State, number>>> = { scheduled: 1, ready: 2, waiting: 4, running: 8 };
const allLive: readonly State[] = ["scheduled", "ready", "waiting", "running"];

type Keyed = Pick<NewRun, "unique">;

export function isKeyed({ unique }: Keyed): boolean {
  return unique !== undefined;
}

/** A key as the database knows it: half of a SHA-256, in the form of a UUID. */
export function hashOf({ key }: Pick<Unique, "key">): string {
  return createHash("sha256").update(key).digest("hex").slice(0, 32);
}

/** The hashes of these runs' keys, as a list; null: none of them has one. */
export function hashesOf(runs: readonly Keyed[]): string | null {
  if (!runs.some(isKeyed)) return null;
  return `{${runs.map(({ unique }) => (unique === undefined ? "NULL" : hashOf(unique))).join(",")}}`;
}

/** The rest of the rule: part of the run's shape, since most runs of a job share it. */
export function ruleOf({ while: states, window, onConflict }: Unique): object {
  const counted = states ?? (window === undefined ? allLive : []);
  return {
    while: counted.reduce((sum, state) => sum | (bits[state] ?? 0), 0),
    window,
    kind: onConflict.kind,
    ...(onConflict.kind === "replace" ? { fields: onConflict.fields } : {}),
    ...(onConflict.kind === "debounce" ? { delay: onConflict.delay, at_most: onConflict.atMost } : {}),
  };
}

/** A run that nobody is there to be refused for: where its rule says `reject`, the one that has the key is enough. */
export function unrefused<Run extends Keyed>(run: Run): Run {
  if (run.unique?.onConflict.kind !== "reject") return run;
  return { ...run, unique: { ...run.unique, onConflict: { kind: "ignore" } } };
}

/** What became of a run that was not recorded: which one is meant in its place, and why. */
export interface Met {
  readonly id: string;
  readonly run: string;
  readonly answer: string;
}

/** The answer to each run; an error where a rule refuses it. */
export function answersWith(
  runs: readonly NewRun[],
  met: readonly Met[],
): (Inserted | UniqueConflictError)[] {
  const byId = new Map(met.map((one) => [one.id, one]));
  const recorded = new Set<string>();
  return runs.map(({ id, fresh, job }) => {
    const found = byId.get(id);
    if (found === undefined) return { id, created: recorded.size < recorded.add(id).size };
    const { run, answer } = found;
    // A fresh one that was there came with an attempt of this very call whose answer was lost.
    if (answer === "present") return { id, created: fresh === true };
    if (answer === "rejected") return new UniqueConflictError({ job, existing: run });
    return { id: run, created: false, ...(answer === "changed" ? { changed: true as const } : {}) };
  });
}

/** The same where one that is refused refuses all. */
export function allAnswersWith(runs: readonly NewRun[], met: readonly Met[]): Inserted[] {
  return answersWith(runs, met).map((answer) => {
    if (answer instanceof UniqueConflictError) throw answer;
    return answer;
  });
}

/** What the database threw over a call with unique keys, as what it means. */
export function keyTrouble(error: unknown, runs: readonly NewRun[], where: string): unknown {
  if (stateOf(error) === "DD001") {
    const [, id, existing = ""] = /unique (\S+) (\S+)/.exec(wordsOf(error)) ?? [];
    const job = runs.find((run) => run.id === id)?.job ?? runs[0]?.job ?? "";
    return new UniqueConflictError({ job, existing });
  }
  if (!isLockTimeout(error)) return error;
  const jobs = [...new Set(runs.filter(isKeyed).map(({ job }) => `"${job}"`))].slice(0, 3).join(", ");
  return new StoreBusyError(
    `A transaction in ${where} that has recorded or changed a run of ${jobs} with the same unique key has not ended for ` +
      `${patienceWithKeys / 1_000} seconds, and nothing was recorded. Try again when it has; keep such transactions short.`,
    { cause: error },
  );
}

/** A lock was waited for as long as the statement said. */
export function isLockTimeout(error: unknown): boolean {
  return stateOf(error) === lockTimeout;
}
