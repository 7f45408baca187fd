// What an isolate speaks through: the port of its thread, or the channel of its process.
//
// A process whose channel has closed has no worker any more, and ends at once: nobody would hear what it did.
//
// Before this file comes the start of the isolate. After it comes the entry, which obeys.
import { parentPort } from "node:worker_threads";
import type { FromIsolate, ToIsolate } from "../index.js";

export interface Channel {
  readonly kind: "thread" | "process";
  send(message: FromIsolate): void;
  listen(hear: (message: ToIsolate) => void): void;
  /** Ends the isolate, having said everything. */
  leave(code: number): void;
}

export function openChannel(): Channel {
  if (parentPort === null) return processChannel();
  const port = parentPort;
  return {
    kind: "thread",
    send: (message) => port.postMessage(message),
    listen: (hear) => void port.on("message", hear),
    leave: (code) => process.exit(code),
  };
}

/** A terminal sends its signals to the whole group, and so does whatever stops a service: what ends here the worker decides. */
const ignored = ["SIGINT", "SIGTERM", "SIGHUP", "SIGTSTP", "SIGUSR2"] as const;

function processChannel(): Channel {
  for (const signal of ignored) process.on(signal, () => {});
  process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
  return {
    kind: "process",
    send(message) {
      if (process.connected) process.send?.(message, undefined, undefined, () => {});
    },
    listen: (hear) => void process.on("message", hear),
    leave(code) {
      const left = (): void => process.exit(code);
      if (process.connected) process.send?.({ type: "pong" }, undefined, undefined, left);
      else left();
    },
  };
}
