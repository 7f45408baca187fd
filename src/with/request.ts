// A request of any web framework, as duckdive meets it: its context, its own hand for asking for runs, and what it wants
// recorded once the response is out.
//
//   begin     a request has come: its id and trace are read from its headers and carried with everything it asks for
//   hand      `enqueue`, which carries them also where the code has lost its context, and `afterResponse`
//   over      the response is out, or nobody is there any more to get it: what was held is recorded
//
// Which framework it is makes two differences only: where headers are, and how one hears that a response is out. Each has a
// file of its own beside this one.
//
// Before this file come the frameworks. After it come the client, and the recorder.
import { AsyncLocalStorage } from "node:async_hooks";
import {
  type AnyContract,
  type CarriedContext,
  type Contract,
  carriedMeta,
  type InputArgs,
  inCarried,
  mergedContext,
  prepareInput,
  type RequestContext,
  type RequestOptions,
} from "../job/index.js";
import {
  checkOptions,
  DuckdiveError,
  type Duration,
  decode,
  duration,
  InvalidOptionError,
  newId,
} from "../kernel/index.js";
import type { Duckdive, EnqueueOptions, Run } from "../queue/index.js";
import { createRecorder, type Held, type RecorderOptions } from "./recorder.js";
import { workWithin } from "./within.js";

/** There is no request whose hand could be given: its framework has not passed through duckdive. */
export class NoRequestError extends DuckdiveError {
  static readonly code = "NO_REQUEST";
  readonly code: string = NoRequestError.code;
}

/** What a request may do. */
export interface RequestHand<Tx = unknown> {
  /** The id of the request: that of its `x-request-id`, or a new one. */
  readonly id: string;
  /** What is carried with every run that it asks for. */
  readonly context: RequestContext;
  /**
   * Adds to the context, from now on: who is signed in, in which language. Undefined takes a name away.
   *
   * @throws InvalidOptionError
   * @example jobs.of(request).carry({ userId: user.id });
   */
  carry(context: RequestContext): void;
  /** As `duckdive.enqueue`, with the context of this request whatever code it is called from. */
  readonly enqueue: Duckdive<Tx>["enqueue"];
  /**
   * Has a run recorded without the response waiting for its commit. Resolves when the input was judged.
   *
   * With `tx` it is part of the request's own transaction: when that commits it is durable. Without, it is held in memory and
   * recorded when the response is out, or its client is gone; a process that dies before loses it. What goes wrong with the
   * recording is tried again, and told to `onError`.
   *
   * @returns the id of the run, under which it will be found
   * @throws InvalidInputError, NotJsonError, TooLargeError: the input cannot be stored
   * @throws AfterResponseFullError: too much waits for its recording already
   * @example await jobs.of(request).afterResponse(welcome, { userId: 7 });
   */
  afterResponse<I, O>(
    // biome-ignore lint/suspicious/noExplicitAny: as in `enqueue`, what is parsed and declared to fail is of no account
    job: Contract<string, I, any, O, any>,
    ...args: InputArgs<I, EnqueueOptions<Tx>>
  ): Promise<{ id: string }>;
}

/** What is carried with what requests ask for, and how it is recorded. */
export interface RequestsOptions extends RecorderOptions {
  /** What else is carried with what a request asks for, from its headers. */
  context?: ((headers: HeadersOf) => RequestContext) | undefined;
  /**
   * Where no worker runs, as in serverless functions: what a request has asked for is worked here, for so long, once its
   * response is out. What is left is for whoever sweeps. `{ budget: "10s" }`.
   */
  work?: { readonly budget: Duration } | undefined;
}

/** The headers of a request, by name in lower case. @inline */
export type HeadersOf = (name: string) => string | undefined;

/** What every framework's file gives: the hands of requests. */
export interface Requests<Tx = unknown> {
  /** The hand of this request. @throws NoRequestError */
  of(request: object): RequestHand<Tx>;
  /** The hand of the request that is being answered, for code that has not got it. @throws NoRequestError */
  current(): RequestHand<Tx>;
  /**
   * Records at once everything that is held, whatever becomes of the responses: before a process ends, and before
   * `duckdive.close()`. What the store does not take in time is told to `onError`.
   *
   * @param options.within 10 s unless given
   */
  flush(options?: { readonly within?: Duration }): Promise<void>;
  /** How many runs wait for their recording in this process. */
  readonly waiting: number;
}

/** A request that has begun. */
export interface Begun<Tx> {
  readonly hand: RequestHand<Tx>;
  /** Calls what answers the request. */
  run<T>(body: () => T): T;
  /** The response is out, or will never be. Resolves when all that was held is recorded, and worked where that is to be done here. */
  over(): Promise<void>;
}

export interface RequestCore<Tx> extends Requests<Tx> {
  /** @param keys what the hand is found by: the objects that stand for the request */
  begin(headers: HeadersOf, keys: readonly object[], id?: string): Begun<Tx>;
}

const known = [
  "context",
  "work",
  "onError",
  "mostHeld",
] as const satisfies readonly (keyof RequestsOptions)[];

/** @throws InvalidOptionError, InvalidDurationError */
export function createRequests<Tx, Sync extends boolean>(
  duckdive: Duckdive<Tx, Sync>,
  options: RequestsOptions = {},
): RequestCore<Tx> {
  checkOptions(options, known, "requests()");
  const { work, context = () => ({}) } = options;
  const budget = work === undefined ? undefined : duration(work.budget, "The budget of requests()");
  const recorder = createRecorder(duckdive, options);
  const hands = new WeakMap<object, RequestHand<Tx>>();
  const current = new AsyncLocalStorage<RequestHand<Tx>>();

  function begin(headers: HeadersOf, keys: readonly object[], given?: string): Begun<Tx> {
    const id = given ?? idIn(headers) ?? newId();
    const below = { ...carriedMeta(), requestId: id, ...traceIn(headers) };
    const carried: CarriedContext = { meta: below };
    try {
      carried.meta = mergedContext(below, context(headers), "requests({ context })");
    } catch (error) {
      // What is carried is not worth failing the request for.
      recorder.tell(error);
    }
    const held: Held[] = [];
    const asked: Run[] = [];
    let isOver = false;

    /** Nobody awaits it who could be told: never rejects. */
    async function record(all: readonly Held[]): Promise<void> {
      const runs = [...(await recorder.record(all)), ...asked.splice(0)];
      if (budget === undefined || runs.length === 0) return;
      await workWithin(duckdive, runs, { budget }).catch(recorder.tell);
    }

    const hand: RequestHand<Tx> = {
      id,
      get context() {
        return carried.meta;
      },
      carry(more) {
        carried.meta = mergedContext(carried.meta, more, "carry()");
      },
      async enqueue(job, ...args) {
        const run = await inCarried(carried, () => duckdive.enqueue(job, ...args));
        if (budget !== undefined) asked.push(run);
        return run;
      },
      async afterResponse(job, ...args) {
        const [input, given = {}] = args as [unknown, (RequestOptions & { tx?: unknown })?];
        if (given.tx !== undefined) {
          const run = await inCarried(carried, () => duckdive.enqueue(job, ...args));
          if (budget !== undefined) asked.push(run);
          return { id: run.id };
        }
        const one = await heldOf(job, input, { ...given, meta: { ...carried.meta, ...given.meta } });
        recorder.hold(one);
        if (isOver) void record([one]);
        else held.push(one);
        return { id: one.id };
      },
    };
    for (const key of keys) hands.set(key, hand);
    return {
      hand,
      run: (body) => current.run(hand, () => inCarried(carried, body)),
      over() {
        if (isOver) return Promise.resolve();
        isOver = true;
        return record(held.splice(0));
      },
    };
  }

  return {
    begin,
    of(request) {
      const hand = hands.get(request);
      if (hand === undefined)
        throw new NoRequestError(
          "This request has not passed through duckdive. Mount what requests() gives before the routes that use it.",
        );
      return hand;
    },
    current() {
      const hand = current.getStore();
      if (hand === undefined)
        throw new NoRequestError(
          "No request is being answered here. Mount what requests() gives before the routes; where a library has lost the " +
            "context, use of(request).",
        );
      return hand;
    },
    flush: recorder.flush,
    get waiting() {
      return recorder.waiting;
    },
  };
}

/** What is to be recorded, judged, and as it is now: what the caller changes in its input afterwards is not in it. */
async function heldOf(job: AnyContract, input: unknown, options: RequestOptions): Promise<Held> {
  const { text } = await prepareInput(job, input);
  const id = options.id ?? newId();
  const kept = text === undefined ? undefined : decode(text);
  return { id, job, request: job.with(kept, { ...options, id }) };
}

/** An id that somebody before us has given, if it is one that can stand in a log: others are not taken. */
function idIn(headers: HeadersOf): string | undefined {
  const id = headers("x-request-id");
  return id !== undefined && /^[\x21-\x7e]{1,200}$/.test(id) ? id : undefined;
}

/** A trace as W3C Trace Context writes it. */
function traceIn(headers: HeadersOf): Record<string, string> {
  const parent = headers("traceparent");
  if (parent === undefined || !/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}/.test(parent)) return {};
  const state = headers("tracestate");
  const hasState = state !== undefined && /^[\x20-\x7e]{1,512}$/.test(state);
  return parent.length > 200 ? {} : { traceparent: parent, ...(hasState ? { tracestate: state } : {}) };
}

/** One header of node:http; of several of a name, the first. */
export function nodeHeaders(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): HeadersOf {
  return (name) => {
    const value = headers[name];
    return typeof value === "string" ? value : value?.[0];
  };
}

/** The headers of a Request. */
export function fetchHeaders(headers: { get(name: string): string | null }): HeadersOf {
  return (name) => headers.get(name) ?? undefined;
}

/** What is used of a response of node:http. */
export interface NodeResponse {
  readonly writableFinished: boolean;
  readonly destroyed: boolean;
  once(event: "finish" | "close", listener: () => void): unknown;
}

/** Ends a request when its response is out, or its connection is gone. */
export function overWith(response: NodeResponse, begun: Pick<Begun<unknown>, "over">): void {
  const over = (): void => void begun.over();
  if (response.writableFinished || response.destroyed) over();
  response.once("finish", over);
  response.once("close", over);
}

/** What a framework mounts, which also gives the hands of its requests. */
export function withHands<Mounted extends object, Tx>(
  mounted: Mounted,
  core: Requests<Tx>,
): Mounted & Requests<Tx> {
  const { of, current, flush } = core;
  const hands = Object.assign(mounted, { of, current, flush, waiting: 0 });
  return Object.defineProperty(hands, "waiting", { get: () => core.waiting });
}

/** @throws InvalidOptionError */
export function checkFunction(value: unknown, what: string, remedy: string): void {
  if (typeof value === "function") return;
  throw new InvalidOptionError(`${what} is no function. ${remedy}`);
}
