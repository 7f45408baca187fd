// In the body of which call the code is that runs now: so that a call can refuse to be made inside of another one.
//
// It follows the code through awaits, timers and callbacks.
import { AsyncLocalStorage } from "node:async_hooks";

const body = new AsyncLocalStorage<string>();

/** Runs code as the body of a call, which is named for messages. */
export function insideOf<T>(call: string, code: () => T): T {
  return body.run(call, code);
}

/** The call in whose body this is; undefined: in none. */
export function outerCall(): string | undefined {
  return body.getStore();
}
