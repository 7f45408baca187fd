// What a worker does that its runner asks for, of itself or on behalf of another that cannot do it any more.
//
// Before this file comes what the runner says. After it comes the worker, and the answers to the runner.
import type { RunningWorker } from "../../worker.js";
import type { Blocked, Death, FromWorker, ToWorker } from "../index.js";

/** What of a worker is asked for. */
export type Asked = Pick<RunningWorker, "quiet" | "resume" | "kill" | "rescue" | "note">;

/** The frames of a stack that are kept with a run, in characters. */
const longestStack = 4_000;

export function actsOf(parts: {
  readonly worker: Asked;
  /** The worker is to stop within so many milliseconds. */
  readonly stop: (drain: number) => void;
  readonly onError: (error: unknown) => void;
  readonly tellStatus: () => void;
  readonly send: (message: FromWorker) => void;
}): (message: ToWorker) => void {
  const { worker, stop, onError, tellStatus, send } = parts;

  async function bury(death: Death): Promise<void> {
    const runs = await worker.rescue([death]);
    send({ type: "rescued", worker: death.worker, runs });
  }

  return (message) => {
    switch (message.type) {
      case "stop":
        return stop(message.drain);
      case "quiet":
        return worker.quiet();
      case "resume":
        return worker.resume();
      case "report":
        return tellStatus();
      case "kill":
        return void worker.kill();
      case "died":
        return void bury(message.death).catch(onError);
      case "blocked":
        return void noteBlock(worker, message.worker, message.blocked).catch(onError);
    }
  };
}

/** Writes on a run of another worker that it blocks that worker, which cannot say so itself. */
async function noteBlock(worker: Asked, other: string, blocked: Blocked): Promise<void> {
  const { run: named, milliseconds, stack } = blocked;
  if (named === undefined) return;
  const { run, token } = named;
  const message = `blocked the event loop of worker ${other} for ${(milliseconds / 1_000).toFixed(1)} s`;
  const fields = stack === undefined ? undefined : JSON.stringify({ stack: stack.slice(0, longestStack) });
  await worker.note({ run, token, log: { level: "error", message, fields } });
}
