// The watchdog: a thread beside the event loop, which sees it stand still and says so, and by which run.
//
// The main thread only counts its turns, four in a second. The thread looks as often; both are as good as idle.
//
// Before this file comes what knows whom to blame. After it comes the thread.
import { Worker } from "node:worker_threads";
import { pipeDescriptor } from "../index.js";
import type { Blame } from "./blame.js";
import { type ThreadData, watch } from "./thread.js";

const every = 250;
const patience = 1_000;
const answer = 500;
/** What a stop takes at most, with its margin, unless a longer drain is asked for; who stands still drains nothing. */
const longestAlone = 30_000;
/** How many frames of the stack are told. */
const frames = 20;

const questionName = "duckdive.blame";

/** Watches until the function that it gives back is called. `alone`: what one that stands still has when the runner is gone. */
export function startWatchdog(
  blame: Pick<Blame, "current" | "only">,
  runner: number,
  alone = longestAlone,
): () => void {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const turns = setInterval(() => Atomics.add(beats, 0, 1), every);
  turns.unref();
  Object.defineProperty(globalThis, Symbol.for(questionName), {
    value: () => JSON.stringify({ run: blame.current(), stack: stackOfCaller() }),
    configurable: true,
    enumerable: false,
  });
  const workerData: ThreadData = {
    beat: beats.buffer as SharedArrayBuffer,
    only: blame.only,
    question: `globalThis[Symbol.for("${questionName}")]()`,
    pipe: pipeDescriptor,
    runner,
    every,
    patience,
    answer,
    alone,
  };
  const modules =
    '{ threads: require("node:worker_threads"), fs: require("node:fs"), inspector: require("node:inspector") }';
  const thread = new Worker(`(${watch})(${modules});`, {
    eval: true,
    workerData,
    name: "duckdive watchdog",
    execArgv: [],
    env: {},
  });
  thread.unref();
  // Without it a worker is watched less well, and goes on.
  thread.on("error", (error) =>
    process.emitWarning(`The watchdog has ended: ${error.message}`, "DuckdiveWarning"),
  );
  return () => {
    clearInterval(turns);
    void thread.terminate();
  };
}

/** The stack of what was interrupted, without the frames of the question itself. */
function stackOfCaller(): string {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = frames + 3;
  const { stack = "" } = new Error();
  Error.stackTraceLimit = stackTraceLimit;
  const lines = stack.split("\n").map((line) => line.trim());
  const asked = lines.findIndex((line) => line.includes("eval at "));
  return lines.slice(asked + 1).join("\n");
}
