// What runs in a thread, or a process, that executes isolated handlers.
//
// It is told where the application is, loads it, and says that it is ready; then it executes one run after the other until
// it is ended. What its code leaves uncaught ends it, with a word about whose code that was.
//
// Before this file comes the start of a thread or a process. After it come the executions.
import { startWatchdog } from "../../runner/child/index.js";
import { type Beginning, isolateMark, sentError, type ToIsolate } from "../index.js";
import type { Load } from "./application.js";
import { createCalls } from "./calls.js";
import { openChannel } from "./channel.js";
import { environmentOf } from "./environment.js";
import { createExecutor, type Executor } from "./execute.js";
import { createRemoteNotes } from "./notes.js";
import { processorTime } from "./processor.js";
import { createRemoteStore, type RemoteStore } from "./store.js";

/** How long a process that stands still may go on without its worker, in milliseconds. */
const alone = 1_000;

const channel = openChannel();
const { send } = channel;
const calls = createCalls(send);
let executor: Executor | undefined;
let remote: RemoteStore | undefined;

Reflect.set(globalThis, isolateMark, true);
process.on("uncaughtException", crash);
process.on("unhandledRejection", crash);
channel.listen(obey);
if (channel.kind === "process")
  startWatchdog({ current: () => undefined, only: new SharedArrayBuffer(4) }, process.ppid, alone);

function obey(message: ToIsolate): void {
  switch (message.type) {
    case "begin":
      void begin(message.beginning).then(
        () => send({ type: "ready" }),
        (error: unknown) => send({ type: "unfit", error: sentError(error) }),
      );
      break;
    case "execute":
      remote?.setTime(message.now);
      executor?.execute(message.claimed);
      break;
    case "abort":
      executor?.abort(message.stop);
      break;
    case "giveUp":
      executor?.giveUp();
      break;
    case "answer":
      calls.answer(message);
      break;
    case "ping":
      send({ type: "pong" });
      break;
  }
}

async function begin(beginning: Beginning): Promise<void> {
  const { load }: { load: Load } = await import(beginning.loader);
  const application = await load(beginning.source);
  if (beginning.hasMiddleware && application.middleware === undefined) {
    throw new Error(
      `the worker has middleware, and ${application.where} has no configuration that says which. Export it beside the ` +
        "jobs: `export default config({ store, jobs, middleware })`",
    );
  }
  remote = createRemoteStore(calls, application.store);
  executor = createExecutor({
    environment: environmentOf(application, remote.store, beginning, send),
    notes: createRemoteNotes(calls, send),
    send,
    processor: processorTime(channel.kind),
    where: application.where,
  });
}

function crash(error: unknown): void {
  send({ type: "crashed", error: sentError(error), isInnocent: executor?.isOwnCode() === false });
  channel.leave(1);
}
