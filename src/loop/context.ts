// The `ctx` that a handler is given: what it may know, say and ask for during one execution.
//
// Made new for every execution and bound to its fence. What handlers seldom touch, the signal and the log, is made when
// it is first touched, because most runs are short and there are many of them. Its durable calls are made when the first
// of them is.
//
// Before this file comes a claimed run. After it come the handler, and the execution that reads how it ended.
import { setMaxListeners } from "node:events";
import {
  type AnyContract,
  type ChildOptions,
  type Context,
  checkName,
  type Log,
  type Meta,
  type Outcome,
  type OutcomeValue,
  outcomes,
  type RequestOptions,
  type Signal,
  type Stored,
} from "../job/index.js";
import { type Duration, DuckdiveError, decode, derivedId, duration } from "../kernel/index.js";
import { storedText } from "../run/index.js";
import type { Claimed, Entry } from "../store/contract.js";
import type { DurableCalls, DurableSide } from "./durable.js";
import type { Environment, KnownJob } from "./environment.js";
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
  durable: DurableSide | undefined;
  /** What earlier executions have recorded; read before the handler is called, where there is any. */
  history: readonly Entry[];
  /** Called when the handler is suspended. */
  onSuspended: (names: readonly string[]) => void;
}

/** A context, and what the execution does with it. */
export interface RunContext {
  readonly ctx: Context;
  abort(reason: Error): void;
  /** Takes what was deferred, last first. What is deferred later runs at once. */
  takeDeferred(): readonly Cleanup[];
  readonly transactions: Transactions;
  /** Reads what earlier executions have recorded, where there is any. */
  prepare(): Promise<void>;
  /** Calls the handler. Its value, or the names that it waits for, having been suspended. */
  watch(call: () => unknown): Promise<Watched>;
  /** The handler has ended: what it called is written. @throws HistoryMismatchError */
  end(): Promise<void>;
  /** Nothing that the handler calls from now on does anything. */
  seal(): void;
  /** @throws OutcomeNotReturnedError when an outcome was made that is not what the handler returned */
  checkOutcomes(returned: unknown): void;
}

export type Watched = { readonly returned: unknown } | { readonly waitsFor: readonly string[] };

/** Made when it is first asked for. Every call that takes time listens to it: Node need not warn of a leak. */
function controllerOf(traces: Traces): AbortController {
  if (traces.controller === undefined) {
    traces.controller = new AbortController();
    setMaxListeners(0, traces.controller.signal);
  }
  return traces.controller;
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
  readonly #durable: () => DurableSide;
  readonly #prefix: string;

  constructor(
    claimed: Claimed,
    environment: Environment,
    notes: Notes,
    traces: Traces,
    transactions: () => Transactions,
    durable: () => DurableSide,
    prefix: string,
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
    this.#durable = durable;
    this.#prefix = prefix;
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
      const id = derivedId(run, `enqueue/${this.#prefix}${name}`);
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
      this.#calls().elsewhere(
        name,
        "tx",
        (whole) => this.#transactions().tx(whole, fn),
        rememberedValue,
      ) as Promise<Stored<T>>;
  }

  get succeed(): Context["succeed"] {
    return (fn) => this.#make(outcomes.succeed(this.#transactions().prepare(fn)));
  }

  #make(outcome: OutcomeValue): Outcome<never> {
    this.#traces.made = [...(this.#traces.made ?? []), outcome];
    return outcome as OutcomeValue & Outcome<never>;
  }

  #calls(): DurableCalls {
    return this.#durable().calls(this.#prefix);
  }

  // What the calls give was read from the store, and is what the types of `Context` say of it.
  get step(): Context["step"] {
    return ((name, fn, options) => this.#calls().step(name, fn, options)) as Context["step"];
  }

  get run(): Context["run"] {
    return ((name: string, job: AnyContract, input?: unknown, options?: ChildOptions) =>
      this.#calls().run(name, job, input, options)) as Context["run"];
  }

  get runAll(): Context["runAll"] {
    return ((name, job, inputs, options) => this.#calls().runAll(name, job, inputs, options)) as Context["runAll"];
  }

  get sleep(): Context["sleep"] {
    return (name, length) => this.#calls().sleep(name, length);
  }

  get until(): Context["until"] {
    return (name, date) => this.#calls().until(name, date);
  }

  get poll(): Context["poll"] {
    return ((name, options, fn) => this.#calls().poll(name, options, fn)) as Context["poll"];
  }

  get waitFor(): Context["waitFor"] {
    return ((name: string, signal: Signal<string, unknown, unknown>, options?: { timeout?: Duration }) =>
      this.#calls().waitFor(name, signal, options)) as Context["waitFor"];
  }

  get patched(): Context["patched"] {
    return (name) => this.#calls().patched(name);
  }

  get scope(): Context["scope"] {
    return (prefix) => {
      checkName(prefix, "ctx.scope");
      return new HandlerContext(
        this.#claimed,
        this.#environment,
        this.#notes,
        this.#traces,
        this.#transactions,
        this.#durable,
        `${this.#prefix}${prefix}/`,
      );
    };
  }
}

/** The value that a later execution would be given: the first one is given the same. */
function rememberedValue({ value }: Entry): unknown {
  return value === undefined ? undefined : decode(value);
}

/** `onLost` is called when the handler has met the loss of its claim. */
export function createContext(
  claimed: Claimed,
  known: KnownJob,
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
    durable: undefined,
    history: [],
    onSuspended: () => {},
  };
  let transactions: Transactions | undefined;
  const ownTransactions = (): Transactions => {
    const isStopped = (): boolean => controllerOf(traces).signal.aborted;
    transactions ??= createTransactions({ claimed, environment, notes, onLost, isStopped, after: () => durable().after });
    return transactions;
  };
  const durable = (): DurableSide => {
    if (traces.durable !== undefined) return traces.durable;
    const { history } = traces;
    const signal = (): AbortSignal => controllerOf(traces).signal;
    const side = environment.makeDurable({ claimed, known, history, signal, onLost });
    traces.durable = side;
    void side.suspended.then((names) => traces.onSuspended(names));
    return side;
  };
  return {
    ctx: new HandlerContext(claimed, environment, notes, traces, ownTransactions, durable, ""),
    async prepare() {
      if (!claimed.hasEntries) return;
      traces.history = await environment.store.entries(claimed.run);
      durable();
    },
    watch: (call) =>
      new Promise<Watched>((resolve, reject) => {
        traces.onSuspended = (waitsFor) => resolve({ waitsFor });
        void Promise.resolve()
          .then(call)
          .then((returned) => resolve({ returned }), reject);
      }),
    async end() {
      await traces.durable?.end();
    },
    seal() {
      traces.durable?.seal();
    },
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
