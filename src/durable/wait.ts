// A promise that knows whether somebody waits for it.
//
// `await`, `Promise.all`, `Promise.race` and `Promise.any` all call `then` of a promise that is no plain one; what they make of
// it is a plain promise again. A `.catch()` has no function for the value, and is not waiting: whoever waits for what it gives
// back is. So a handler need not say that it waits: the runtime sees it.
//
// Before this file comes nothing. After it come the calls of a handler.
import type { Wait } from "../job/index.js";

/** Called each time that somebody asks for the value. */
type OnAsked = () => void;

class AskedPromise<T> extends Promise<T> implements Wait<T> {
  readonly "~wait" = true;
  onAsked: OnAsked | undefined;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: whoever asks is seen here and nowhere else
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    if (typeof onFulfilled !== "function") return this.#behind(super.then(onFulfilled, onRejected));
    this.onAsked?.();
    return super.then(onFulfilled, onRejected);
  }

  override catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<T | B> {
    return this.then(undefined, onRejected);
  }

  /** What comes after this one, and asks for it when it is asked for itself. */
  #behind<A>(next: Promise<A>): Promise<A> {
    const behind = new AskedPromise<A>((resolve, reject) => void next.then(resolve, reject));
    behind.onAsked = () => this.onAsked?.();
    return behind;
  }
}

export interface MadeWait<T> {
  readonly wait: Wait<T>;
  readonly resolve: (value: T | PromiseLike<T>) => void;
  readonly reject: (error: unknown) => void;
  /** Nobody is told any more when it is asked for: what it held on to may go. */
  forget(): void;
}

/** A promise that tells when it is asked for. */
export function createWait<T>(onAsked: OnAsked): MadeWait<T> {
  let resolve: MadeWait<T>["resolve"] = () => {};
  let reject: MadeWait<T>["reject"] = () => {};
  const wait = new AskedPromise<T>((settle, refuse) => {
    resolve = settle;
    reject = refuse;
  });
  wait.onAsked = onAsked;
  return {
    wait,
    resolve,
    reject,
    forget: () => {
      wait.onAsked = undefined;
    },
  };
}
