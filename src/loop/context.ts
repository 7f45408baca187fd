// The `ctx` that a handler is given: what it may know, say and ask for during one execution.
//
// Made new for every execution and bound to its fence. What handlers seldom touch, the signal and the log, is made when
// it is first touched, because most runs are short and there are many of them. What this version does not do yet is
// there by type and refuses by name.
//
// Before this file comes a claimed run. After it come the handler, and the execution that reads how it ended.
import { setMaxListeners } from "node:events";
import {
  type AnyContract,
  type Context,
  type Log,
  type Meta,
  type Outcome,
  type OutcomeValue,
  outcomes,
  type RequestOptions,
  type Stored,
} from "../job/index.js";
import { DuckdiveError, derivedId, duration, NotBuiltError } from "../kernel/index.js";
import { storedText } from "../run/index.js";
import type { Claimed } from "../store/contract.js";
import type { Environment } from "./environment.js";
import { runLog } from "./log.js";
import type { Notes } from "./notes.js";
import { createTransactions, type Transactions } from "./transactions.js";

/** A handler made an outcome and returned something else: what it asked for would silently not happen. */
export class OutcomeNotReturnedError extends DuckdiveError {
  static readonly code = "OUTCOME_NOT_RETURNED";
  readonly code: string = OutcomeNotReturnedError.code;
}

const longestNote = 1_000;

type Cleanup = () => void | Promise<void>;

/** The execution's side of a context: what the handler's calls have left behind. */
interface Traces {
  controller: AbortController | undefined;
  log: Log | undefined;
  deferred: Cleanup[] | undefined;
  hasEnded: boolean;
  made: OutcomeValue[] | undefined;
}

/** A context, and what the execution does with it. */
export interface RunContext {
  readonly ctx: Context;
  abort(reason: Error): void;
  /** Takes what was deferred, last first. What is deferred later runs at once. */
  takeDeferred(): readonly Cleanup[];
  readonly transactions: Transactions;
  /** @throws OutcomeNotReturnedError when an outcome was made that is not what the handler returned */
  checkOutcomes(returned: unknown): void;
}

/** Made when it is first asked for. Every call that takes time listens to it: Node need not warn of a leak. */
function controllerOf(traces: Traces): AbortController {
  if (traces.controller === undefined) {
    traces.controller = new AbortController();
    setMaxListeners(0, traces.controller.signal);
  }
  return traces.controller;
}

/** What is named and typed, and refused by this version: nothing is silently ignored. */
function refuse(name: string): never {
  throw new NotBuiltError(
    `This version of duckdive does not do \`ctx.${name}\` yet. Do the work in the handler itself, or in runs of their own with \`ctx.enqueue\`.`,
  );
}

/**
 * The `ctx` itself. Its functions are made when they are reached for: a run that uses none of them costs none, and
 * `const { log, progress } = ctx` works.
 */
class HandlerContext implements Context {
  readonly runId: string;
  readonly attempt: number;
  readonly token: number;
  readonly job: string;
  readonly meta: Meta;
  readonly #claimed: Claimed;
  readonly #environment: Environment;
  readonly #notes: Notes;
  readonly #traces: Traces;
  readonly #transactions: () => Transactions;

  constructor(
    claimed: Claimed,
    environment: Environment,
    notes: Notes,
    traces: Traces,
    transactions: () => Transactions,
  ) {
    this.runId = claimed.run;
    this.attempt = claimed.attempt;
    this.token = claimed.token;
    this.job = claimed.job;
    this.meta = claimed.meta;
    this.#claimed = claimed;
    this.#environment = environment;
    this.#notes = notes;
    this.#traces = traces;
    this.#transactions = transactions;
  }

  get signal(): AbortSignal {
    return controllerOf(this.#traces).signal;
  }

  get log(): Log {
    const { run, job, attempt } = this.#claimed;
    const { log, events } = this.#environment;
    this.#traces.log ??= runLog(this.#claimed, this.#notes, log, { run, job, attempt }, (error) =>
      events.emit("error", { error, where: "log", run, job }),
    );
    return this.#traces.log;
  }

  get progress(): Context["progress"] {
    const { run, token, job } = this.#claimed;
    return (done, total, note) => {
      const text = note === undefined ? undefined : storedText(note, longestNote);
      const progress = { done: amount(done) ?? 0, total: amount(total), note: text };
      this.#notes.say({ run, token, progress });
      this.#environment.events.emit("progress", { run, job, ...progress });
    };
  }

  get defer(): Context["defer"] {
    return (cleanup) => {
      if (this.#traces.hasEnded) void runCleanup(cleanup, this.#environment, this.#claimed);
      else this.#traces.deferred = [...(this.#traces.deferred ?? []), cleanup];
    };
  }

  get enqueue(): Context["enqueue"] {
    const { run, meta } = this.#claimed;
    return (name: string, contract: AnyContract, input?: unknown, options?: RequestOptions) => {
      // The id is made of the run and the name, so that a second execution asks for the same run and not for another.
      const id = derivedId(run, `enqueue/${name}`);
      return this.#environment.enqueue(contract, input, {
        ...options,
        id,
        meta: { ...meta, ...options?.meta },
      });
    };
  }

  get fail(): (codeOrReason: string, ...data: [data?: unknown]) => Outcome<never> {
    return (codeOrReason, ...data) => this.#make(outcomes.fail(codeOrReason, ...data));
  }

  get cancel(): Context["cancel"] {
    return (reason) => this.#make(outcomes.cancel(reason));
  }

  get snooze(): Context["snooze"] {
    return (length) => this.#make(outcomes.snooze(duration(length, "ctx.snooze")));
  }

  get rateLimited(): Context["rateLimited"] {
    return (length) => this.#make(outcomes.rateLimited(duration(length, "ctx.rateLimited")));
  }

  get tx(): Context["tx"] {
    return <T>(name: string, fn: (tx: never) => T | Promise<T>) =>
      // What was stored of a T is a Stored<T>.
      this.#transactions().tx(name, fn) as Promise<Stored<T>>;
  }

  get succeed(): Context["succeed"] {
    return (fn) => this.#make(outcomes.succeed(this.#transactions().prepare(fn)));
  }

  #make(outcome: OutcomeValue): Outcome<never> {
    this.#traces.made = [...(this.#traces.made ?? []), outcome];
    return outcome as OutcomeValue & Outcome<never>;
  }

  step(): never {
    return refuse("step");
  }

  run(): never {
    return refuse("run");
  }

  runAll(): never {
    return refuse("runAll");
  }

  sleep(): never {
    return refuse("sleep");
  }

  until(): never {
    return refuse("until");
  }

  poll(): never {
    return refuse("poll");
  }

  waitFor(): never {
    return refuse("waitFor");
  }

  patched(): never {
    return refuse("patched");
  }

  scope(): never {
    return refuse("scope");
  }
}

/** `onLost` is called when the handler has met the loss of its claim. */
export function createContext(
  claimed: Claimed,
  environment: Environment,
  notes: Notes,
  onLost: () => void,
): RunContext {
  const traces: Traces = {
    controller: undefined,
    log: undefined,
    deferred: undefined,
    hasEnded: false,
    made: undefined,
  };
  let transactions: Transactions | undefined;
  const ownTransactions = (): Transactions => {
    const isStopped = (): boolean => controllerOf(traces).signal.aborted;
    transactions ??= createTransactions({ claimed, environment, notes, onLost, isStopped });
    return transactions;
  };
  return {
    ctx: new HandlerContext(claimed, environment, notes, traces, ownTransactions),
    get transactions() {
      return ownTransactions();
    },
    abort(reason) {
      controllerOf(traces).abort(reason);
    },
    takeDeferred() {
      traces.hasEnded = true;
      return traces.deferred?.reverse() ?? [];
    },
    checkOutcomes(returned) {
      const lost = traces.made?.find((outcome) => outcome !== returned);
      if (lost === undefined) return;
      throw new OutcomeNotReturnedError(
        `Job "${claimed.job}" made ctx.${lost.kind}(…) and did not return it, so it would have had no effect. Write \`return ctx.${lost.kind}(…)\`.`,
      );
    },
  };
}

/** What a handler says of its progress must never fail it, nor the write that carries it. */
function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
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
