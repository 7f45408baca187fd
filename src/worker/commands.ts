// What a message asks of a worker: one of its own commands, or something that the application listens for.
//
// Before this file comes the hearing, which hears each message once. After it come the worker's own functions, which an
// application in the same process calls too.
import type { Duration } from "../kernel/index.js";
import { type Deed, failedMessage, readFailed } from "../loop/index.js";
import { decodedPayload, readCommand } from "../queue/index.js";
import type { Message } from "../store/contract.js";

/** The functions of a worker that can be asked for from afar. */
export interface Commanded {
  readonly quiet: () => void;
  readonly resume: () => void;
  readonly kill: (runs?: readonly string[]) => number;
  readonly setQueues: (queues: Readonly<Record<string, number>>) => void;
  readonly stop: (options?: { drain?: Duration }) => Promise<void>;
  /** Of runs of its jobs that the store has failed, by whoever found that out and does not have the job. */
  readonly failed: (runs: ReturnType<typeof readFailed>) => void;
  /** It is no command: whoever listens in the application may know it. */
  readonly tell: (name: string, payload: unknown) => void;
}

/** @throws InvalidOptionError when it is a command whose payload cannot be read */
export function deedOf({ name, payload }: Message, worker: Commanded): Deed {
  if (name === failedMessage) return { now: () => worker.failed(readFailed(decodedPayload(payload))) };
  const command = readCommand(name, payload);
  if (command === undefined) return { now: () => worker.tell(name, decodedPayload(payload)) };
  switch (command.do) {
    case "quiet":
      return { now: worker.quiet };
    case "resume":
      return { now: worker.resume };
    case "kill":
      return { now: () => void worker.kill(command.runs) };
    case "queues":
      return { now: () => worker.setQueues(command.queues) };
    case "stop":
      return {
        afterwards: () => void worker.stop(command.drain === undefined ? {} : { drain: command.drain }),
      };
  }
}
