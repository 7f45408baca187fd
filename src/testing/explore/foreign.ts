/**
 * What a handler waits for beside its durable calls: promises that duckdive does not know, pending when it is suspended.
 *
 * Where such a promise is raced with a wait, and wins once the handler is suspended, nothing comes of it. An application
 * sees that as an error event, if it happens to win. Here it is seen before, with the line that made it. Watching every
 * promise is slow, so one trial does it, in which nothing goes wrong.
 *
 * Before this file come handlers and the settlements of their runs. After it comes the report.
 */
import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { fileURLToPath } from "node:url";

/** A promise that was made in a handler, and was pending when that was suspended. */
export interface ForeignAwait {
  readonly job: string;
  /** Where it was made: a frame a line, innermost first, as far as they are the application's. */
  readonly stack: string;
}

export interface Foreign {
  readonly found: readonly ForeignAwait[];
  /** Calls a handler: what is made by it is its own. */
  handler<T>(run: string, job: string, body: () => T): T;
  /** Calls what duckdive knows of: its own code, and the bodies of steps. */
  known<T>(body: () => T): T;
  /** The handler of this run was suspended. */
  suspended(run: string): void;
  stop(): void;
}

interface Frame {
  readonly job: string;
  readonly pending: Map<number, string>;
}

/** Frames that are read to find one of the application's: libraries stand in between. */
const depth = 30;
/** What made a promise that waits for something, and not for another promise. */
const maker = /^\s*at (?:new Promise|(?:Function|Promise)\.withResolvers) /;
const library = /\(?node:|\(<anonymous>\)|[\\/]node_modules[\\/]/;
/** Where duckdive itself is. */
const ours = fileURLToPath(new URL("../../", import.meta.url));

export function watchForeign(): Foreign {
  const frames = new AsyncLocalStorage<Frame | undefined>();
  const latest = new Map<string, Frame>();
  const owners = new Map<number, Frame>();
  const found = new Map<string, ForeignAwait>();
  const hook = createHook({
    init(id, type) {
      if (type !== "PROMISE") return;
      const frame = frames.getStore();
      const stack = frame === undefined ? undefined : madeAt();
      if (frame === undefined || stack === undefined) return;
      frame.pending.set(id, stack);
      owners.set(id, frame);
    },
    promiseResolve(id) {
      owners.get(id)?.pending.delete(id);
      owners.delete(id);
    },
  }).enable();
  return {
    get found() {
      return [...found.values()];
    },
    handler(run, job, body) {
      const frame = { job, pending: new Map() };
      latest.set(run, frame);
      return frames.run(frame, body);
    },
    known: (body) => frames.run(undefined, body),
    suspended(run) {
      const frame = latest.get(run);
      for (const stack of frame?.pending.values() ?? []) {
        const { job } = frame as Frame;
        found.set(`${job}\n${stack}`, { job, stack });
      }
    },
    stop: () => void hook.disable(),
  };
}

/** Where the promise is made that is made at this moment; undefined: it only follows another one. */
function madeAt(): string | undefined {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = depth;
  const lines = new Error().stack?.split("\n") ?? [];
  Error.stackTraceLimit = stackTraceLimit;
  const made = lines.findIndex((line) => maker.test(line));
  if (made === -1) return undefined;
  const frames = lines.slice(made + 1).filter((line) => !library.test(line) && !line.includes(ours));
  return frames.length === 0 ? undefined : frames.map((line) => line.trim()).join("\n");
}
