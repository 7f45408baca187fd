// Middleware: a function around something that happens, in an onion.
//
// There are three things to stand around. Around enqueue it sees a request before it is recorded and may add tags and
// meta to it: that is how a trace travels with a run. Around execute it sees the run, and what it awaits is the
// handler: that is where a log context, a connection or a span lives for exactly as long as the run is worked on. Around a step
// it sees one call of the body of a step, and not what is remembered of it. Beside them it may observe the client that it was
// given to, which tells what happens.
// The first in the list is the outermost. Errors pass through; whoever catches one and does not throw it again has
// decided that it is none.
//
// Before this file comes the list given to `open({ middleware })`. After it come the queue's enqueue and the loop.
import type { RunRecord } from "../job/index.js";
import { DuckdiveError, type Listener } from "../kernel/index.js";
import type { RunEvents } from "../run/index.js";

/** A request on its way to the store. What it asks for is fixed; what it carries may be added to. */
export interface EnqueueRequest {
  readonly id: string;
  readonly job: string;
  readonly queue: string;
  /** What is stored: the input after JSON. Changing it changes nothing. */
  readonly input: unknown;
  readonly tags: string[];
  readonly meta: Record<string, string>;
}

/** Around one execution of a handler. */
export type ExecuteMiddleware = (run: RunRecord, next: () => Promise<void>) => Promise<void>;

/** Around the recording of one request. */
export type EnqueueMiddleware = (request: EnqueueRequest, next: () => Promise<void>) => Promise<void>;

/** One call of the body of a `ctx.step`, `ctx.poll` or `ctx.tx`. */
export interface StepCall {
  readonly run: string;
  readonly job: string;
  /** Its whole name. */
  readonly step: string;
  /** From 1; how often this step was tried. */
  readonly attempt: number;
}

/** Around one call of the body of a step. */
export type StepMiddleware = (step: StepCall, next: () => Promise<void>) => Promise<void>;

/** What of a client may be observed. */
export interface Observed {
  /** Hears of an event of this process. Answers how to hear no more of it. */
  on<Name extends keyof RunEvents>(event: Name, listener: Listener<RunEvents[Name]>): () => void;
  /** Queues, and how many runs there are in each. */
  queues(): Promise<readonly QueueCounts[]>;
}

/** How many runs of a queue are in each state that has not ended. */
export interface QueueCounts {
  readonly name: string;
  readonly scheduled: number;
  readonly ready: number;
  readonly running: number;
  readonly waiting: number;
}

/** What `open({ middleware })` takes: a function stands around execute, an object names what it stands around. */
export type Middleware =
  | ExecuteMiddleware
  | {
      readonly enqueue?: EnqueueMiddleware | undefined;
      readonly execute?: ExecuteMiddleware | undefined;
      readonly step?: StepMiddleware | undefined;
      /** Called when a client is opened; what it gives back is called when that is closed. */
      readonly observe?: ((client: Observed) => () => void) | undefined;
    };

/** A middleware called `next()` a second time: what it stands around happens once. */
export class NextCalledTwiceError extends DuckdiveError {
  static readonly code = "NEXT_CALLED_TWICE";
  readonly code: string = NextCalledTwiceError.code;
}

/** All of an onion in one function: `subject` for every layer, `core` for the middle. */
export type Composed<Subject> = (subject: Subject, core: () => Promise<void>) => Promise<void>;

type Layer<Subject> = (subject: Subject, next: () => Promise<void>) => Promise<void>;

/**
 * Composes layers, the first outermost.
 *
 * A layer that forgets to await `next()` does not end before what it stands around has ended, and fails with it.
 *
 * @throws NextCalledTwiceError when a layer calls `next()` again, also after the first call has ended
 */
export function compose<Subject>(layers: readonly Layer<Subject>[]): Composed<Subject> {
  if (layers.length === 0) return (_subject, core) => core();
  return (subject, core) => enter(layers, 0, subject, core);
}

async function enter<Subject>(
  layers: readonly Layer<Subject>[],
  position: number,
  subject: Subject,
  core: () => Promise<void>,
): Promise<void> {
  const layer = layers[position];
  if (layer === undefined) return core();
  let inner: Promise<void> | undefined;
  let innerEnded = false;
  const next = (): Promise<void> => {
    if (inner !== undefined) return Promise.reject(nextCalledTwice(layer));
    inner = enter(layers, position + 1, subject, core);
    const ended = (): void => {
      innerEnded = true;
    };
    inner.then(ended, ended);
    return inner;
  };
  await layer(subject, next);
  if (!innerEnded) await inner;
}

function nextCalledTwice(layer: { readonly name: string }): NextCalledTwiceError {
  const name = layer.name === "" ? "A middleware" : `The middleware "${layer.name}"`;
  return new NextCalledTwiceError(
    `${name} called next() twice. Call it once: what it stands around happens once.`,
  );
}

/** The layers around execute. */
export function executeLayers(middleware: readonly Middleware[]): ExecuteMiddleware[] {
  return middleware.flatMap((one) => {
    if (typeof one === "function") return [one];
    return one.execute === undefined ? [] : [one.execute];
  });
}

/** The layers around execute, composed. */
export function composeExecute(middleware: readonly Middleware[]): Composed<RunRecord> {
  return compose(executeLayers(middleware));
}

/** The layers around steps, composed; undefined when there are none. */
export function composeStep(middleware: readonly Middleware[]): Composed<StepCall> | undefined {
  const layers = middleware.flatMap((one) =>
    typeof one === "function" || one.step === undefined ? [] : [one.step],
  );
  return layers.length === 0 ? undefined : compose(layers);
}

/** The layers around enqueue, composed; undefined when there are none, so that an enqueue need not pass through. */
export function composeEnqueue(middleware: readonly Middleware[]): Composed<EnqueueRequest> | undefined {
  const layers = middleware.flatMap((one) =>
    typeof one === "function" || one.enqueue === undefined ? [] : [one.enqueue],
  );
  return layers.length === 0 ? undefined : compose(layers);
}
