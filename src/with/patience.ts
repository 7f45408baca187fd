// Waiting: before the next try, for a neighbour that is not there, and for its answers; and not a moment longer than wanted.
//
// Before this file comes a connection that was lost. After it comes the next one.
import { backoff, type Clock } from "../kernel/index.js";

/** From a tenth of a second to ten: a broker that restarts is back within seconds. */
const rule = { kind: "exponential", base: 100, factor: 2, cap: 10_000, jitter: 0.2 } as const;

/** Waits after the `failures`th failure in a row, from 1; at once when the signal is aborted. */
export function waitAfter(clock: Clock, failures: number, signal: AbortSignal): Promise<void> {
  return rest(clock, backoff(rule, failures, Math.random), signal);
}

/** Waits so many milliseconds, or until the signal is aborted. */
export function rest(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.after(milliseconds, done);
    signal.addEventListener("abort", done, { once: true });
  });
}

/** What a promise comes to, unless the signal is aborted before; then the promise goes on unheard. */
export async function within<T>(promise: PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  signal.throwIfAborted();
  let abort: () => void = () => {};
  try {
    return await new Promise<T>((resolve, reject) => {
      abort = () => reject(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      promise.then(resolve, reject);
    });
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
