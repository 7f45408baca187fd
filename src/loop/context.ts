// The `ctx` that a handler is given: what it may know, say and ask for during one execution.
//
// Made new for every execution and bound to its fence. What handlers seldom touch, the signal and the log, is made when
// it is first touched, because most runs are short and there are many of them. What this version does not do yet is
// there by type and refuses by name.
//
// Before this file comes a claimed run. After it come the handler, and the execution that reads how it ended.
import {
  type AnyContract,
  type Context,
  type Log,
  type Outcome,
  type OutcomeValue,
  outcomes,
  type RequestOptions,
} from "../job/index.js";
import { DuckdiveError, type Duration, derivedId, duration, NotBuiltError } from "../kernel/index.js";
import { storedText } from "../run/index.js";
import type { Claimed } from "../store/contract.js";
import type { Environment } from "./environment.js";
import { runLog } from "./log.js";
import type { Notes } from "./notes.js";

/** A handler made an outcome and returned something else: what it asked for would silently not happen. */
export class OutcomeNotReturnedError extends DuckdiveError {
  static readonly code = "OUTCOME_NOT_RETURNED";
  readonly code: string = OutcomeNotReturnedError.code;
}

const longestNote = 1_000;

type Cleanup = () => void | Promise<void>;

/** A context, and the execution's side of it. */
export interface RunContext {
  readonly ctx: Context;
  abort(reason: Error): void;
  /** Takes what was deferred, last first. What is deferred later runs at once. */
  takeDeferred(): readonly Cleanup[];
  /** @throws OutcomeNotReturnedError when an outcome was made that is not what the handler returned */
  checkOutcomes(returned: unknown): void;
}

/** What is named and typed, and refused by this version: nothing is silently ignored. */
const refusing = {
  step: refuse("step"),
  tx: refuse("tx"),
  run: refuse("run"),
  runAll: refuse("runAll"),
  sleep: refuse("sleep"),
  until: refuse("until"),
  poll: refuse("poll"),
  waitFor: refuse("waitFor"),
  patched: refuse("patched"),
  scope: refuse("scope"),
  succeed: refuse("succeed"),
  rateLimited: refuse("rateLimited"),
};

function refuse(name: string): () => never {
  return () => {
    throw new NotBuiltError(
      `This version of duckdive does not do \`ctx.${name}\` yet. Do the work in the handler itself, or in runs of their own with \`ctx.enqueue\`.`,
    );
  };
}

export function createContext(claimed: Claimed, environment: Environment, notes: Notes): RunContext {
  const { run, token, attempt, job, meta } = claimed;
  let controller: AbortController | undefined;
  let log: Log | undefined;
  let deferred: Cleanup[] | undefined = [];
  let made: OutcomeValue[] | undefined;

  function remember(outcome: OutcomeValue): Outcome<never> {
    made = [...(made ?? []), outcome];
    return outcome as OutcomeValue & Outcome<never>;
  }

  const ctx: Context = {
    runId: run,
    attempt,
    token,
    job,
    meta,
    get signal(): AbortSignal {
      controller ??= new AbortController();
      return controller.signal;
    },
    get log(): Log {
      log ??= runLog(claimed, notes, environment.log, { run, job, attempt }, (error) =>
        environment.events.emit("error", { error, where: "log", run, job }),
      );
      return log;
    },
    progress(done: number, total?: number, note?: string): void {
      const progress = {
        done: amount(done) ?? 0,
        total: amount(total),
        note: note === undefined ? undefined : storedText(note, longestNote),
      };
      notes.say({ run, token, progress });
      environment.events.emit("progress", { run, job, ...progress });
    },
    defer(cleanup: Cleanup): void {
      if (deferred !== undefined) deferred.push(cleanup);
      else void runCleanup(cleanup, environment, claimed);
    },
    enqueue(
      name: string,
      contract: AnyContract,
      input?: unknown,
      options?: RequestOptions,
    ): Promise<{ id: string }> {
      // The id is made of the run and the name, so that a second execution asks for the same run and not for another.
      const id = derivedId(run, `enqueue/${name}`);
      return environment.enqueue(contract, input, { ...options, id, meta: { ...meta, ...options?.meta } });
    },
    fail: (...given: [string, unknown?]) => remember(outcomes.fail(...given)),
    cancel: (reason: string) => remember(outcomes.cancel(reason)),
    snooze: (length: Duration) => remember(outcomes.snooze(duration(length, "ctx.snooze"))),
    ...refusing,
  };

  return {
    ctx,
    abort(reason) {
      controller ??= new AbortController();
      controller.abort(reason);
    },
    takeDeferred() {
      const taken = deferred ?? [];
      deferred = undefined;
      return taken.reverse();
    },
    checkOutcomes(returned) {
      const lost = made?.find((outcome) => outcome !== returned);
      if (lost === undefined) return;
      throw new OutcomeNotReturnedError(
        `Job "${job}" made ctx.${lost.kind}(…) and did not return it, so it would have had no effect. Write \`return ctx.${lost.kind}(…)\`.`,
      );
    },
  };
}

/** What a handler says of its progress must never fail it, nor the write that carries it. */
function amount(value: unknown): number | undefined {
  const number = Number(value);
  return value === undefined || !Number.isFinite(number) ? undefined : number;
}

/** Runs one deferred cleanup. One that fails is reported; it does not change how the run ended. */
export async function runCleanup(
  cleanup: Cleanup,
  environment: Environment,
  claimed: Claimed,
): Promise<void> {
  try {
    await cleanup();
  } catch (error) {
    environment.events.emit("error", { error, where: "ctx.defer", run: claimed.run, job: claimed.job });
  }
}
