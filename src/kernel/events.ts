// Saying what happens, to whoever listens, without depending on them.
//
// A listener is somebody else's code: a log, a metric, a user's own function. One that throws, or whose promise
// rejects, must break neither the one who speaks nor the other listeners; its error goes to one place given at the
// start. Nothing inside duckdive is driven by events: taking every listener away changes no behaviour.
//
// Before this file comes nothing. After it come the queue's `on`, the loop's reports, and everything that observes.

/** @inline */
export type Listener<Payload> = (payload: Payload) => void;

/** Named events with typed payloads: `new Events<{ started: { runId: string } }>(report)`. */
export class Events<Map extends object> {
  readonly #listeners: { [Name in keyof Map]?: readonly Listener<Map[Name]>[] } = {};
  readonly #onListenerError: (error: unknown, name: keyof Map) => void;

  constructor(onListenerError: (error: unknown, name: keyof Map) => void) {
    this.#onListenerError = onListenerError;
  }

  /** Listens until the function that it gives back is called. Listening takes effect at the next event. */
  on<Name extends keyof Map>(name: Name, listener: Listener<Map[Name]>): () => void {
    const own: Listener<Map[Name]> = (payload) => listener(payload);
    this.#listeners[name] = [...(this.#listeners[name] ?? []), own];
    return () => {
      this.#listeners[name] = this.#listeners[name]?.filter((other) => other !== own);
    };
  }

  /** Tells every listener, in the order in which they came. Never throws. */
  emit<Name extends keyof Map>(name: Name, payload: Map[Name]): void {
    const listeners = this.#listeners[name];
    if (listeners === undefined) return;
    for (const listener of listeners) {
      try {
        const result: unknown = listener(payload);
        if (result instanceof Promise) result.catch((error: unknown) => this.#report(error, name));
      } catch (error) {
        this.#report(error, name);
      }
    }
  }

  /** Whether anybody listens: asked before a payload that is dear to make. */
  has(name: keyof Map): boolean {
    return (this.#listeners[name]?.length ?? 0) > 0;
  }

  #report(error: unknown, name: keyof Map): void {
    try {
      this.#onListenerError(error, name);
    } catch (reason) {
      process.emitWarning(
        `The reporter of listeners' errors failed itself: ${String(reason)}`,
        "DuckdiveWarning",
      );
    }
  }
}
