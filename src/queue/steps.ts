// What a run has on record, and doing it again from one of its steps on.
//
// A record is kept by the store as text. Here it becomes what an application reads: values are values, dates are Dates, and
// what only the runtime needs is left out.
//
// Before this file come the entries of a run. After it come the client, explanations and the command line.
import type { StoredError } from "../job/index.js";
import { InvalidOptionError, shownValue } from "../kernel/index.js";
import { childId, hasEnded, originOf } from "../run/index.js";
import type { Entry, Store } from "../store/contract.js";
import type { Access } from "./access.js";
import { NotRetryableError, RunNotFoundError, UnknownStepError } from "./errors.js";

/** A durable call of a run, as it is on record. */
export interface Step {
  readonly name: string;
  /** The call: `child` is `ctx.run`, `children` is `ctx.runAll`, `signal` is `ctx.waitFor`, `sleep` is `ctx.until` as well. */
  readonly kind: Exclude<Entry["kind"], "restart">;
  readonly state: Entry["state"];
  /** How often its function was called. */
  readonly attempts: number;
  /** The order of settling inside the run, from 1. */
  readonly position?: number;
  /** What it gave back. */
  readonly value?: unknown;
  /** What it failed with; of one that is pending, what its last attempt did. */
  readonly error?: StoredError;
  /** When it is tried again, asked again, over, or given up. */
  readonly due?: Date;
  /** Of a wait: the name of the signal. */
  readonly signal?: string;
  /** Of a child: the id of its run. */
  readonly run?: string;
  /** When it settled, or was last written before that. */
  readonly at?: Date;
}

/** The record as an application reads it, in the order in which the store gives it. */
export function stepsOf(run: string, entries: readonly Entry[]): Step[] {
  const origin = originOf(run, entries);
  return entries.flatMap((entry) => {
    const { kind } = entry;
    return kind === "restart" ? [] : [stepOf(origin, { ...entry, kind })];
  });
}

function stepOf(origin: string, entry: Entry & Pick<Step, "kind">): Step {
  const { name, kind, state, attempts = 0, position, error, due, hash, at } = entry;
  const value = givenBack(entry);
  return {
    name,
    kind,
    state,
    attempts,
    ...(position === undefined ? {} : { position }),
    ...(value === undefined ? {} : { value }),
    ...(error === undefined ? {} : { error }),
    ...(due !== undefined && "at" in due && state === "pending" ? { due: new Date(due.at) } : {}),
    ...(kind === "signal" && hash !== undefined ? { signal: hash } : {}),
    ...(kind === "child" ? { run: childId(origin, name) } : {}),
    ...(at === undefined ? {} : { at: new Date(at) }),
  };
}

/** What is kept of one that is pending is the runtime's own. Of many children their ends are kept, each with its own text. */
function givenBack({ kind, state, value }: Entry): unknown {
  if (state === "pending" || value === undefined) return undefined;
  const given = shownValue(value);
  return kind === "children" && Array.isArray(given) ? given.map(withOutput) : given;
}

function withOutput(end: { readonly output?: unknown }): object {
  return typeof end.output === "string" ? { ...end, output: shownValue(end.output) } : end;
}

/** @throws RunNotFoundError */
export async function readSteps({ store, opening }: Access, run: string): Promise<Step[]> {
  await opening();
  const [[found], entries] = await Promise.all([store.find([run]), store.entries(run)]);
  if (found === undefined) throw new RunNotFoundError(run);
  return stepsOf(run, entries);
}

/**
 * Forgets what is on record from a step on and makes the run ready. Two writes: the first alone leaves a run that failed, as it
 * was, with a shorter record, and any retry goes on from there.
 *
 * @throws RunNotFoundError, NotRetryableError, UnknownStepError: nothing was forgotten
 */
export async function retryFrom({ store, opening }: Access, run: string, step: unknown): Promise<number> {
  if (typeof step !== "string" || step === "") {
    throw new InvalidOptionError(
      "`from` of duckdive.retry(id) is no name. Use the name of a step that the run has on record: duckdive.steps(id) has them.",
    );
  }
  await opening();
  await refuseOthers(store, run);
  const known = stepsOf(run, await store.entries(run)).map(({ name }) => name);
  if (!known.includes(step)) throw new UnknownStepError({ runId: run, step, known });
  if (!(await store.forget(run, step))) await refuseOthers(store, run);
  const [isRetried] = await store.retry([run]);
  return isRetried ? 1 : 0;
}

async function refuseOthers(store: Store, id: string): Promise<void> {
  const [run] = await store.find([id]);
  if (run === undefined) throw new RunNotFoundError(id);
  const { state } = run;
  if (!hasEnded(state) || state === "succeeded") throw new NotRetryableError({ runId: id, state });
}
