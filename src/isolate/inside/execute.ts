// One execution inside an isolate: as beside a worker, without the time, which its worker keeps.
//
//   call      the handler, inside the middleware, with its `ctx`
//   say       how it ended
//   clean up  what was registered with `ctx.defer`, last first; then the isolate is free for the next one
//
// What it is stopped by comes from the worker. What it leaves uncaught ends the isolate, and so it is remembered whose code
// it is that runs: something left over by an earlier execution must not be held against this one.
//
// Before this file comes the environment. After it comes the worker, which decides what becomes of the run.
import { AsyncLocalStorage } from "node:async_hooks";
import { inContextOf } from "../../job/index.js";
import {
  cleanUp,
  createContext,
  type Environment,
  ExecutionStoppedError,
  type Notes,
  perform,
  type Stop,
} from "../../loop/index.js";
import { storedError } from "../../run/index.js";
import type { Claimed } from "../../store/contract.js";
import { type FromIsolate, IsolateNotStartedError } from "../index.js";
import type { ProcessorTime } from "./processor.js";

export interface Executor {
  execute(claimed: Claimed): void;
  abort(stop: Stop): void;
  giveUp(): void;
  /** Whether the code that runs now belongs to the execution that is under way, or to none that is known. */
  isOwnCode(): boolean;
}

interface Underway {
  readonly claimed: Claimed;
  readonly context: ReturnType<typeof createContext>;
  stop: Stop | undefined;
}

export function createExecutor(parts: {
  readonly environment: Environment;
  readonly notes: Notes;
  readonly send: (message: FromIsolate) => void;
  readonly processor: ProcessorTime;
  /** Where the jobs were looked for. */
  readonly where: string;
}): Executor {
  const { environment, notes, send, processor } = parts;
  const frames = new AsyncLocalStorage<Claimed>();
  let underway: Underway | undefined;
  const framed = <T>(claimed: Claimed, body: () => T): T =>
    frames.run(claimed, () => inContextOf(claimed.meta, body));

  function execute(claimed: Claimed): void {
    const known = environment.jobs.get(claimed.job);
    if (known === undefined) {
      const ended = { how: "threw", error: storedError(missing(claimed.job, parts.where)) } as const;
      send({ type: "ended", ended, attempt: claimed.attempt, isCleaning: false, cpu: undefined });
      return;
    }
    const context = createContext(claimed, known, environment, notes, () => send({ type: "lost" }));
    const own: Underway = { claimed, context, stop: undefined };
    underway = own;
    const before = processor();
    void framed(claimed, async () => {
      const ended = await perform(claimed, known, environment, context, () => own.stop !== undefined);
      if (underway !== own) return;
      const deferred = context.takeDeferred();
      const isCleaning = deferred.length > 0;
      const { attempt } = context;
      if (!isCleaning) underway = undefined;
      send({ type: "ended", ended, attempt, isCleaning, cpu: since(before) });
      if (!isCleaning) return;
      await cleanUp({ takeDeferred: () => deferred }, environment, claimed);
      underway = undefined;
      send({ type: "free" });
    });
  }

  function since(before: number | undefined): number | undefined {
    const now = processor();
    return before === undefined || now === undefined ? undefined : now - before;
  }

  function abort(stop: Stop): void {
    if (underway === undefined) return;
    underway.stop = stop;
    const { claimed, context } = underway;
    framed(claimed, () => context.abort(new ExecutionStoppedError(claimed.run, stop)));
  }

  async function cleanUpAfter({ claimed, context }: Underway): Promise<void> {
    context.seal();
    const deferred = context.takeDeferred();
    if (deferred.length > 0) {
      send({ type: "cleaning" });
      await cleanUp({ takeDeferred: () => deferred }, environment, claimed);
    }
    send({ type: "free" });
  }

  return {
    execute,
    abort,
    giveUp() {
      const own = underway;
      underway = undefined;
      if (own === undefined) send({ type: "free" });
      else void framed(own.claimed, () => cleanUpAfter(own));
    },
    isOwnCode() {
      const frame = frames.getStore();
      return frame === undefined || underway === undefined || frame === underway.claimed;
    },
  };
}

function missing(job: string, where: string): IsolateNotStartedError {
  return new IsolateNotStartedError(
    `${where} has no job "${job}" among its exports, so an isolate cannot find its handler. Export it there, or name ` +
      'the module that exports it: isolate: { kind: "thread", module: import.meta.url }.',
  );
}
