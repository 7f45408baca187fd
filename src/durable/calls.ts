// The durable side of `ctx`: every call by its name, checked, under a prefix, over one engine.
//
// Before this file come the kinds of calls. After it come the loop, which hands them to the handler and hears that it is
// suspended, and the worker, which brings both together.
import {
  type AnyContract,
  type ChildOptions,
  checkName,
  isContract,
  type Signal,
  type StepInfo,
  type Wait,
} from "../job/index.js";
import { type Duration, InvalidOptionError, outerCall } from "../kernel/index.js";
import {
  HistoryMismatchError,
  HistoryTooLongError,
  NestedStepError,
  StepNameTwiceError,
} from "../run/index.js";
import type { Entry } from "../store/contract.js";
import { type ManyOptions, runChild, runChildren } from "./children.js";
import { createEngine, type Engine, type EngineParts } from "./engine.js";
import { type CallParts, throughMiddleware } from "./parts.js";
import { type PollOptions, poll, type StepOptions, step } from "./steps.js";
import { sleep, until, waitFor } from "./waits.js";

export interface DurableOptions
  extends Omit<CallParts, "engine">,
    Pick<EngineParts, "journal" | "onLost" | "onLife"> {}

/** Durable calls of a run, at most. */
const mostCalls = 50_000;

type Body = (info: StepInfo) => unknown;

/** The calls under one prefix: `scope` makes them with a longer one. */
export interface DurableCalls {
  step(name: string, body: Body, options?: StepOptions): Wait<unknown>;
  poll(name: string, options: PollOptions, body: Body): Wait<unknown>;
  run(name: string, contract: AnyContract, input?: unknown, options?: ChildOptions): Wait<unknown>;
  runAll(
    name: string,
    contract: AnyContract,
    inputs: Iterable<unknown>,
    options?: ManyOptions,
  ): Wait<unknown>;
  sleep(name: string, length: Duration): Wait<void>;
  until(name: string, date: Date | string): Wait<void>;
  waitFor(
    name: string,
    signal: Signal<string, unknown, unknown>,
    options?: { timeout?: Duration },
  ): Wait<unknown>;
  patched(name: string): boolean;
  /** A call that is done elsewhere, such as in a transaction: `body` answers what was recorded. */
  elsewhere(
    name: string,
    kind: Entry["kind"],
    body: (name: string) => Promise<readonly Entry[]>,
    read: (entry: Entry) => unknown,
  ): Wait<unknown>;
}

export interface Durable {
  calls(prefix: string): DurableCalls;
  readonly suspended: Promise<readonly string[]>;
  /** The highest position on record that this execution knows. */
  readonly after: number;
  /** It has put something new on record, and so the run has all its attempts again. */
  readonly hasProgressed: boolean;
  /** The handler has ended: writes what it called. @throws HistoryMismatchError when it left out what it had called before */
  end(): Promise<void>;
  seal(): void;
}

/** The durable calls of one execution. */
export function createDurable(options: DurableOptions): Durable {
  const engine = createEngine({ ...options, mismatch: (call, known) => mismatch(options, call, known) });
  const parts: CallParts = { ...options, engine };
  const used = new Set<string>();

  /** The whole name of a call, which is used once in an execution and not in the body of another call. */
  function nameFor(prefix: string, name: string, kind: string): string {
    checkName(name, `ctx.${kind}`);
    const outer = outerCall();
    if (outer !== undefined) {
      throw new NestedStepError(
        `ctx.${kind} "${name}" was called inside of ${outer}. A call is remembered with all that it did, and cannot ` +
          "wait for another: make the two one after the other.",
      );
    }
    const whole = prefix + name;
    if (used.has(whole)) {
      throw new StepNameTwiceError(
        `Job "${options.job}" used the name "${whole}" twice in one execution, and a call is remembered by its name. ` +
          `Give each its own, in a loop with what it is about: \`charge ${"$"}{item.id}\`.`,
      );
    }
    used.add(whole);
    if (used.size <= mostCalls) return whole;
    throw new HistoryTooLongError(
      `Run ${options.run} of job "${options.job}" made more than ${mostCalls} durable calls, and each execution reads them all ` +
        "again. Begin it anew from time to time: `return ctx.restart(input)`; or give parts of the work to children.",
    );
  }

  return {
    calls: (prefix) => callsUnder(parts, engine, (name, kind) => nameFor(prefix, name, kind)),
    suspended: engine.suspended,
    seal: engine.seal,
    get after() {
      return engine.after;
    },
    get hasProgressed() {
      return engine.hasProgressed;
    },
    async end() {
      const [left] = await engine.end();
      if (left === undefined) return;
      throw new HistoryMismatchError(
        `Run ${options.run} of job "${options.job}" has recorded "${left}", and its handler ended without asking for it: ` +
          "the handler has changed since the run began. Keep the call for runs that have it: `if (!ctx.patched(name))`.",
      );
    },
  };
}

function callsUnder(
  parts: CallParts,
  engine: Engine,
  named: (name: string, kind: string) => string,
): DurableCalls {
  return {
    step: (name, body, options) => step(parts, named(name, "step"), body, options),
    poll: (name, options, body) => poll(parts, named(name, "poll"), options, body),
    run: (name, contract, input, options) =>
      runChild(parts, named(name, "run"), checked(contract, "run"), input, options),
    runAll: (name, contract, inputs, options) =>
      runChildren(parts, named(name, "runAll"), checked(contract, "runAll"), inputs, options),
    sleep: (name, length) => sleep(parts, named(name, "sleep"), length),
    until: (name, date) => until(parts, named(name, "until"), date),
    waitFor: (name, signal, options) => waitFor(parts, named(name, "waitFor"), signal, options),
    patched: (name) => isPatched(engine, named(name, "patched")),
    elsewhere: (name, kind, body, read) => {
      const whole = named(name, kind);
      return engine.call({
        name: whole,
        kind,
        read,
        begin: () =>
          engine.work(async () => {
            try {
              const step = { step: whole, attempt: 1 };
              engine.take((await throughMiddleware(parts, step, () => body(whole))) ?? []);
            } catch (error) {
              engine.refuse(whole, error);
            }
          }),
      });
    },
  };
}

/**
 * Whether the run goes the new way. It does unless it has been past this point without: something is on record that it has
 * not asked for again yet. What was answered once is answered always.
 */
function isPatched(engine: Engine, name: string): boolean {
  const isNew = !engine.isReplaying;
  const known = engine.mark({ name, kind: "patch", state: "done", value: String(isNew) });
  return known === undefined ? isNew : known.value === "true";
}

function checked(contract: AnyContract, kind: string): AnyContract {
  if (isContract(contract)) return contract;
  throw new InvalidOptionError(
    `ctx.${kind} was given what is not a job. Use what job({ name, … }) gives back.`,
  );
}

function mismatch(
  { run, job }: { readonly run: string; readonly job: string },
  call: Pick<Entry, "name" | "kind" | "hash">,
  known: Entry,
): HistoryMismatchError {
  const what =
    known.kind === call.kind ? `ctx.${known.kind} with another job, input or signal` : `ctx.${known.kind}`;
  return new HistoryMismatchError(
    `Job "${job}" asks for ctx.${call.kind} "${call.name}", and run ${run} has recorded ${what} under that name: the ` +
      "handler has changed since the run began. Give the new call a name of its own.",
  );
}
