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
  type BatchOfRun,
  type ChildOptions,
  type Context,
  carriedMeta,
  checkName,
  isPromise,
  type Log,
  type MaybePromise,
  type Meta,
  type Outcome,
  type OutcomeValue,
  outcomes,
  partsOf,
  type Redaction,
  type RequestOptions,
  type Signal,
  type Stored,
} from "../job/index.js";
import { DuckdiveError, type Duration, decode, derivedId, duration } from "../kernel/index.js";
import { originOf, restartsIn, storedText } from "../run/index.js";
import type { Claimed, Entry } from "../store/contract.js";
import type { DurableCalls, DurableSide } from "./durable.js";
import type { Environment, KnownJob } from "./environment.js";
import { runLog } from "./log.js";
import type { Notes } from "./notes.js";
import { redactionOfRun } from "./redaction.js";
import { createTransactions, type Transactions } from "./transactions.js";

/** A handler made an outcome and returned something else: what it asked for would silently not happen. */
export class OutcomeNotReturnedError extends DuckdiveError {
  static readonly code = "OUTCOME_NOT_RETURNED";
  readonly code: string = OutcomeNotReturnedError.code;
}

const longestNote = 1_000;

type Cleanup = () => void | Promise<void>;

/** A context, and what the execution does with it. */
export interface RunContext {
  readonly ctx: Context;
  abort(reason: Error): void;
  /** Takes what was deferred, last first. What is deferred later runs at once. */
  takeDeferred(): readonly Cleanup[];
  readonly transactions: Transactions;
  /** Reads what earlier executions have recorded, where there is any. */
  prepare(): Promise<void>;
  /** Calls the handler. Its value, or the names that it waits for, having been suspended. A promise only if the handler gave one. */
  watch(call: () => unknown): MaybePromise<Watched>;
  /** The handler has ended: what it called is written; undefined: it called nothing. @throws HistoryMismatchError */
  end(): Promise<void> | undefined;
  /** Nothing that the handler calls from now on does anything. */
  seal(): void;
  /** How often the run has begun anew. */
  readonly restarts: number;
  /** Which attempt this is by now: one that has put something new on record is a first one. */
  readonly attempt: number;
  /** @throws OutcomeNotReturnedError when an outcome was made that is not what the handler returned */
  checkOutcomes(returned: unknown): void;
}

export type Watched = { readonly returned: unknown } | { readonly waitsFor: readonly string[] };

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
  readonly #execution: ExecutionContext;
  readonly #prefix: string;

  constructor(execution: ExecutionContext, prefix: string) {
    const { claimed } = execution;
    this.runId = claimed.run;
    this.attempt = claimed.attempt;
    this.token = claimed.token;
    this.job = claimed.job;
    this.meta = claimed.meta;
    this.#execution = execution;
    this.#prefix = prefix;
  }

  get signal(): AbortSignal {
    return this.#execution.signal;
  }

  get log(): Log {
    return this.#execution.log;
  }

  get progress(): Context["progress"] {
    const { claimed, notes, environment } = this.#execution;
    const { run, token, job } = claimed;
    return (done, total, note) => {
      const said = this.#execution.redaction?.text(note) ?? note;
      const text = said === undefined ? undefined : storedText(said, longestNote);
      const progress = { done: amount(done) ?? 0, total: amount(total), note: text };
      notes.say({ run, token, progress });
      environment.events.emit("progress", { run, job, ...progress });
    };
  }

  get defer(): Context["defer"] {
    return (cleanup) => this.#execution.defer(cleanup);
  }

  get enqueue(): Context["enqueue"] {
    const { claimed, environment, history } = this.#execution;
    const { run, meta } = claimed;
    const origin = originOf(run, history);
    return (name: string, contract: AnyContract, input?: unknown, options?: RequestOptions) => {
      // The id is made of the run and the name, so that a second execution asks for the same run and not for another.
      const id = derivedId(origin, `enqueue/${this.#prefix}${name}`);
      return environment.enqueue(contract, input, {
        ...options,
        id,
        meta: { ...meta, ...carriedMeta(), ...options?.meta },
      });
    };
  }

  get batch(): BatchOfRun | undefined {
    const { claimed, environment } = this.#execution;
    const { run, meta, batch } = claimed;
    if (batch === undefined) return undefined;
    return {
      id: batch,
      add: async (name, requests) => {
        checkName(name, "ctx.batch.add");
        const asked = [...requests].map((request, place) => {
          const { contract, input, options } = partsOf(request);
          const id = options?.id ?? derivedId(run, `batch/${this.#prefix}${name}/${place}`);
          return contract.with(input, {
            ...options,
            id,
            meta: { ...meta, ...carriedMeta(), ...options?.meta },
          });
        });
        await environment.add(batch, asked);
      },
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

  get restart(): Context["restart"] {
    return (input) => this.#make(outcomes.restart(input));
  }

  get rateLimited(): Context["rateLimited"] {
    return (length) => this.#make(outcomes.rateLimited(duration(length, "ctx.rateLimited")));
  }

  get tx(): Context["tx"] {
    return <T>(name: string, fn: (tx: never) => T | Promise<T>) =>
      this.#calls().elsewhere(
        name,
        "tx",
        (whole) => this.#execution.transactions.tx(whole, fn),
        rememberedValue,
      ) as Promise<Stored<T>>;
  }

  get succeed(): Context["succeed"] {
    return (fn) => this.#make(outcomes.succeed(this.#execution.transactions.prepare(fn)));
  }

  #make(outcome: OutcomeValue): Outcome<never> {
    this.#execution.make(outcome);
    return outcome as OutcomeValue & Outcome<never>;
  }

  #calls(): DurableCalls {
    return this.#execution.durable.calls(this.#prefix);
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
    return ((name, job, inputs, options) =>
      this.#calls().runAll(name, job, inputs, options)) as Context["runAll"];
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
      return new HandlerContext(this.#execution, `${this.#prefix}${prefix}/`);
    };
  }
}

/** What leads from a line of the log to the request that asked for the run. Who asked is not in it: logs are kept elsewhere. */
function requestIn({ requestId, traceparent }: Meta): { requestId?: string; traceId?: string } {
  const traceId = traceparent?.split("-")[1];
  return { ...(requestId === undefined ? {} : { requestId }), ...(traceId === undefined ? {} : { traceId }) };
}

/** The value that a later execution would be given: the first one is given the same. */
function rememberedValue({ value }: Entry): unknown {
  return value === undefined ? undefined : decode(value);
}

const nothing: readonly Entry[] = [];

/**
 * What the handler's calls leave behind. There is one for every execution, most of which leave nothing: what is not touched
 * costs a field.
 */
class ExecutionContext implements RunContext {
  readonly claimed: Claimed;
  readonly environment: Environment;
  readonly notes: Notes;
  readonly ctx: HandlerContext;
  /** What earlier executions have recorded; read before the handler is called, where there is any. */
  history = nothing;
  readonly #known: KnownJob;
  readonly #onLost: () => void;
  #controller: AbortController | undefined;
  #log: Log | undefined;
  #deferred: Cleanup[] | undefined;
  #hasEnded = false;
  #made: OutcomeValue[] | undefined;
  #durable: DurableSide | undefined;
  #transactions: Transactions | undefined;
  /** Called when the handler is suspended. */
  #onSuspended: ((names: readonly string[]) => void) | undefined;

  constructor(claimed: Claimed, known: KnownJob, environment: Environment, notes: Notes, onLost: () => void) {
    this.claimed = claimed;
    this.environment = environment;
    this.notes = notes;
    this.#known = known;
    this.#onLost = onLost;
    this.ctx = new HandlerContext(this, "");
  }

  /** Made when it is first asked for. Every call that takes time listens to it: Node need not warn of a leak. */
  get #abort(): AbortController {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      setMaxListeners(0, this.#controller.signal);
    }
    return this.#controller;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  abort(reason: Error): void {
    this.#abort.abort(reason);
  }

  get redaction(): Redaction | undefined {
    return redactionOfRun(this.claimed, this.environment.jobs.get(this.claimed.job));
  }

  get log(): Log {
    const { run, job, attempt, meta } = this.claimed;
    const { log, events } = this.environment;
    this.#log ??= runLog(
      this.claimed,
      this.notes,
      log,
      { run, job, attempt, ...requestIn({ ...meta, ...carriedMeta() }) },
      (error) => events.emit("error", { error, where: "log", run, job }),
      this.redaction,
    );
    return this.#log;
  }

  defer(cleanup: Cleanup): void {
    if (this.#hasEnded) void runCleanup(cleanup, this.environment, this.claimed);
    else this.#deferred = [...(this.#deferred ?? []), cleanup];
  }

  takeDeferred(): readonly Cleanup[] {
    this.#hasEnded = true;
    return this.#deferred?.reverse() ?? [];
  }

  make(outcome: OutcomeValue): void {
    this.#made = [...(this.#made ?? []), outcome];
  }

  checkOutcomes(returned: unknown): void {
    const lost = this.#made?.find((outcome) => outcome !== returned);
    if (lost === undefined) return;
    throw new OutcomeNotReturnedError(
      `Job "${this.claimed.job}" made ctx.${lost.kind}(…) and did not return it, so it would have had no effect. Write \`return ctx.${lost.kind}(…)\`.`,
    );
  }

  get transactions(): Transactions {
    const { claimed, environment, notes } = this;
    this.#transactions ??= createTransactions({
      claimed,
      environment,
      notes,
      onLost: this.#onLost,
      isStopped: () => this.signal.aborted,
      after: () => this.durable.after,
    });
    return this.#transactions;
  }

  get durable(): DurableSide {
    if (this.#durable !== undefined) return this.#durable;
    const side = this.environment.makeDurable({
      claimed: this.claimed,
      retry: this.#known.policy,
      history: this.history,
      signal: () => this.signal,
      onLost: this.#onLost,
    });
    this.#durable = side;
    void side.suspended.then((names) => this.#onSuspended?.(names));
    return side;
  }

  async prepare(): Promise<void> {
    if (!this.claimed.hasEntries) return;
    this.history = await this.environment.store.entries(this.claimed.run);
    void this.durable;
  }

  watch(call: () => unknown): MaybePromise<Watched> {
    const returned = call();
    if (!isPromise(returned)) return { returned };
    return new Promise<Watched>((resolve, reject) => {
      this.#onSuspended = (waitsFor) => {
        this.environment.retained?.add(this.claimed.job, this.ctx);
        resolve({ waitsFor });
      };
      Promise.resolve(returned).then((value: unknown) => resolve({ returned: value }), reject);
    });
  }

  end(): Promise<void> | undefined {
    return this.#durable?.end();
  }

  seal(): void {
    this.#durable?.seal();
  }

  get restarts(): number {
    return restartsIn(this.history);
  }

  get attempt(): number {
    return this.#durable?.hasProgressed ? 1 : this.claimed.attempt;
  }
}

/** `onLost` is called when the handler has met the loss of its claim. */
export function createContext(
  claimed: Claimed,
  known: KnownJob,
  environment: Environment,
  notes: Notes,
  onLost: () => void,
): RunContext {
  return new ExecutionContext(claimed, known, environment, notes, onLost);
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
