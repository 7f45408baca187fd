// An isolate in a thread of the worker's process.
//
// A thread can be ended at any moment of its JavaScript, by `terminate`. Its memory is limited by its heap, which the engine
// watches; what it holds outside of that, such as buffers, is counted by nobody.
//
// That its event loop stands still is seen by a question that the loop itself would have to answer; what holds it, by the
// inspector, which interrupts the thread wherever it is. Only one that executes for long is asked.
//
// Before this file comes the pool. After it comes the thread.
import { Worker } from "node:worker_threads";
import { type Host, type HostEnd, type HostParts, insideFile } from "./host.js";
import type { FromIsolate } from "./protocol.js";
import { stackOf } from "./stack.js";

const megabyte = 1_024 ** 2;
/** How often its event loop is asked, and from when on a silent one counts as blocked, in milliseconds. */
const every = 1_000;
/**
 * Of what is young, in megabytes. Node lets a heap that has met its limit grow by 16 until the thread has ended; with more
 * than that to be moved at once, which there is by default, the whole process ends.
 */
const young = 8;

export function startThread({ memory, onMessage, onEnd, onBlocked }: HostParts): Host {
  const thread = new Worker(insideFile("entry.js"), {
    name: "duckdive isolate",
    resourceLimits: {
      maxOldGenerationSizeMb: Math.floor(memory / megabyte) - young,
      maxYoungGenerationSizeMb: young,
    },
  });
  const { threadId } = thread;
  /** Of each execution its own, so that what was asked in an earlier one changes nothing. */
  let watched: object | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** To end a thread that is being asked would leave it standing where it was stopped. */
  let asking: Promise<string | undefined> = Promise.resolve(undefined);
  let heardAt = 0;
  let end: HostEnd | undefined;

  thread.on("message", (message: FromIsolate) => {
    if (message.type === "pong") heardAt = performance.now();
    else onMessage(message);
  });
  thread.on("error", (error: Error & { readonly code?: string }) => {
    end ??=
      error.code === "ERR_WORKER_OUT_OF_MEMORY"
        ? { reason: "out-of-memory", how: "used up the heap of its thread" }
        : { reason: "crashed", how: `crashed: ${error.name}: ${error.message}` };
  });
  const gone = new Promise<void>((resolve) => {
    thread.on("exit", (code) => {
      watch(false);
      onEnd(end ?? { reason: "exited", how: `called process.exit(${code})` });
      resolve();
    });
  });

  function watch(isExecuting: boolean): void {
    clearTimeout(timer);
    watched = isExecuting ? {} : undefined;
    if (watched === undefined) return;
    const own = watched;
    heardAt = performance.now();
    later(own, () => ask(own));
  }

  function later(own: object, act: () => void): void {
    if (watched === own) timer = setTimeout(act, every).unref();
  }

  /** The answer may be on its way when this process itself stood still: it is looked for a turn later. */
  function ask(own: object): void {
    thread.postMessage({ type: "ping" });
    const askedAt = performance.now();
    later(own, () => setImmediate(() => void look(own, askedAt)));
  }

  async function look(own: object, askedAt: number): Promise<void> {
    if (watched !== own) return;
    if (heardAt >= askedAt) return ask(own);
    const since = performance.now() - heardAt;
    asking = stackOf(threadId);
    const stack = await asking;
    if (watched === own && heardAt < askedAt) onBlocked(since, stack);
  }

  return {
    send: (message) => thread.postMessage(message),
    watch(isExecuting) {
      // What is idle keeps no process alive.
      if (isExecuting) thread.ref();
      else thread.unref();
      watch(isExecuting);
    },
    async kill() {
      watch(false);
      // Whoever waits for its end must live to see it.
      thread.ref();
      await asking;
      await thread.terminate();
      await gone;
    },
  };
}
