// Work that is done once: `ctx.step`, and `ctx.poll`, which is work that is done until it gives something back.
//
// The body of a call runs at once, beside the handler. How it ended is what is recorded: its value, or that it failed
// and when it is tried again, or that it failed for good. While it waits to be tried again the call does not settle, and
// the run is suspended like in any other wait. The handler gets what is on record, never the live value or error.
//
// Before this file comes the engine. After it comes `ctx`.
import { defaults, type Retry, resolveRetry, retryDelay, type StepInfo, type Wait } from "../job/index.js";
import { type Duration, decode, derivedId, duration, encode, insideOf } from "../kernel/index.js";
import { PollTimeoutError, recordedFailure, StepFailedError, storedError } from "../run/index.js";
import type { Entry } from "../store/contract.js";
import { type CallParts, isDue, throughMiddleware } from "./parts.js";

type Body<T> = (step: StepInfo) => T | Promise<T>;

export interface StepOptions {
  readonly retry?: Retry;
  readonly timeout?: Duration;
}

/** Calls the body, or does not where its next try is not due yet; how it ended is recorded. */
export function step<T>(
  parts: CallParts,
  name: string,
  body: Body<T>,
  options: StepOptions = {},
): Wait<unknown> {
  const what = `ctx.step "${name}"`;
  const retry = options.retry === undefined ? parts.retry : resolveRetry(options.retry, what);
  const timeout =
    options.timeout === undefined ? undefined : duration(options.timeout, `The timeout of ${what}`);
  return parts.engine.call({
    name,
    kind: "step",
    read: resultIn,
    begin(known) {
      if (known !== undefined && !isDue(known, parts.now)) return;
      const attempt = (known?.attempts ?? 0) + 1;
      attemptOf(parts, { name, kind: "step", what, attempt, timeout }, body, {
        gave: (value) => ({ state: "done", value }),
        threw: (error) =>
          attempt < retry.attempts && (retry.when?.(error) ?? true)
            ? { state: "pending", error, due: { after: retryDelay(retry.backoff, attempt, parts.random) } }
            : { state: "failed", error },
      });
    },
  });
}

export interface PollOptions {
  readonly every: Duration;
  readonly timeout: Duration;
}

/** Calls the body every so often until it gives something back; what it throws counts as nothing yet. */
export function poll<T>(parts: CallParts, name: string, options: PollOptions, body: Body<T>): Wait<unknown> {
  const what = `ctx.poll "${name}"`;
  const every = duration(options.every, `every of ${what}`);
  const timeout = duration(options.timeout, `The timeout of ${what}`);
  return parts.engine.call({
    name,
    kind: "poll",
    read: resultIn,
    begin(known) {
      if (known !== undefined && !isDue(known, parts.now)) return;
      const attempt = (known?.attempts ?? 0) + 1;
      // While it is pending the entry keeps until when it is asked.
      const until = known?.value === undefined ? parts.now + timeout : Number(known.value);
      const again = (error?: Entry["error"]): Settling => {
        const left = until - parts.now;
        if (left > 0)
          return { state: "pending", value: String(until), due: { after: Math.min(every, left) }, error };
        return { state: "failed", error: storedError(pollTimeout(what, parts, error?.message)) };
      };
      attemptOf(parts, { name, kind: "poll", what, attempt, timeout: undefined }, body, {
        gave: (value) => (value === undefined ? again() : { state: "done", value }),
        threw: again,
      });
    },
  });
}

function pollTimeout(what: string, { run }: CallParts, last: string | undefined): PollTimeoutError {
  const said = last === undefined ? "" : ` The last time it failed: ${last}.`;
  return new PollTimeoutError(`${what} of run ${run} got no answer within its timeout.${said}`);
}

type Settling = Pick<Entry, "state" | "value" | "error" | "due">;

interface Attempt {
  readonly name: string;
  readonly kind: "step" | "poll";
  readonly what: string;
  readonly attempt: number;
  readonly timeout: number | undefined;
}

/** One call of a body. When the execution was told to stop meanwhile, what the body threw is not its own failure. */
function attemptOf<T>(
  parts: CallParts,
  { name, kind, what, attempt, timeout }: Attempt,
  body: Body<T>,
  then: {
    readonly gave: (value: string | undefined) => Settling;
    readonly threw: (error: Entry["error"] & object) => Settling;
  },
): void {
  const { engine, origin, job } = parts;
  engine.work(async () => {
    try {
      const key = derivedId(origin, `step/${name}`);
      const given = await throughMiddleware(parts, { step: name, attempt }, () =>
        inTime(parts, what, timeout, (signal) => insideOf(what, () => body({ key, attempt, signal }))),
      );
      const value = encode(given, {
        what: `The result of ${what} of job "${job}"`,
        limit: defaults.inputLimit,
      });
      engine.write({ name, kind, attempts: attempt, ...then.gave(value) });
    } catch (error) {
      if (parts.signal().aborted) engine.refuse(name, error);
      else engine.write({ name, kind, attempts: attempt, ...settlingOf(error, then.threw) });
    }
  });
}

/** A job's own `retry.when` or `backoff` may throw: then the step has failed, by that. */
function settlingOf(error: unknown, threw: (error: Entry["error"] & object) => Settling): Settling {
  try {
    return threw(storedError(error));
  } catch (fault) {
    return { state: "failed", error: storedError(fault) };
  }
}

/** The body under its timeout: past it the signal aborts, and what the body does then is nobody's any more. */
async function inTime<T>(
  { clock, signal }: CallParts,
  what: string,
  timeout: number | undefined,
  body: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  if (timeout === undefined) return body(signal());
  const own = new AbortController();
  let stop: (error: Error) => void = () => {};
  const tooLong = new Promise<never>((_resolve, reject) => {
    stop = reject;
  });
  const timer = clock.after(timeout, () => {
    const error = Object.assign(new Error(`${what} took longer than its timeout of ${timeout} ms`), {
      name: "TimeoutError",
      code: "TIMEOUT",
    });
    own.abort(error);
    stop(error);
  });
  try {
    return await Promise.race([body(AbortSignal.any([signal(), own.signal])), tooLong]);
  } finally {
    timer.cancel();
  }
}

/** What the handler gets of a settled step. */
function resultIn({ name, state, value, error }: Entry): unknown {
  if (state === "failed") {
    throw recordedFailure(new StepFailedError(name, error ?? { name: "Error", message: "it failed" }));
  }
  return value === undefined ? undefined : decode(value);
}
