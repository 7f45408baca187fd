// Speaks with the runner for a worker: says that it is ready and how it is, and does what the runner asks.
//
// What comes before there is a worker waits for it. When the runner is gone, however it ended, the worker stops as at
// SIGTERM, because nobody would look after it any more. Signals that a terminal sends to the whole group are the
// runner's business, which passes on what they mean; only SIGTERM to this process itself is left to whoever serves.
//
// Before this file come the protocol and the blame. After it come the acts, and the command that started the worker.
import type { Attendance, RunningWorker } from "../../worker.js";
import {
  attendedBy,
  type FromPipe,
  type FromWorker,
  type NamedRun,
  statusEvery,
  type ToWorker,
} from "../index.js";
import { type Asked, actsOf } from "./acts.js";
import { createBlame } from "./blame.js";
import { tellPipe } from "./pipe.js";
import { createStatus } from "./status.js";
import { startWatchdog } from "./watchdog.js";

export interface Attendant {
  /** For the worker that is about to be made. */
  readonly attendance: Attendance;
  /** Speaks for this worker from now on. */
  speakFor(worker: Spoken, deeds: Deeds): void;
  /** This process is about to end by something that went wrong; answers whose it was, undefined: that is not known. */
  dying(cause: string): NamedRun | undefined;
  /** It is about to end, and all is well. */
  leaving(why: Extract<FromPipe, { type: "leaving" }>["why"]): void;
}

/** What is spoken for: a worker, or something else that lives in a process of its own and does as much of this as it can. */
export type Spoken = Asked & Pick<RunningWorker, "id" | "ready" | "over" | "status">;

export interface Deeds {
  /** The runner wants it to stop within so many milliseconds; undefined: the runner is gone. */
  readonly stop: (drain: number | undefined) => void;
  readonly onError: (error: unknown) => void;
}

const ignored = ["SIGINT", "SIGHUP", "SIGTSTP", "SIGTTIN", "SIGUSR1", "SIGUSR2"] as const;

/** Begins to listen to the runner of this process; undefined: it has none. */
export function attend(): Attendant | undefined {
  const runner = Number(process.env[attendedBy]);
  if (!Number.isInteger(runner) || process.send === undefined) return undefined;
  // What this process starts itself is not looked after.
  delete process.env[attendedBy];
  for (const signal of ignored) process.on(signal, () => {});

  let spokenFor: Spoken | undefined;
  const blame = createBlame(
    ({ run, token }) =>
      spokenFor?.status().leaked.some((leaked) => leaked.run === run && leaked.token === token) === true,
  );
  const early: (ToWorker | "gone")[] = [];
  let obey = (message: ToWorker | "gone"): void => void early.push(message);
  let isOnWatch = false;
  process.on("message", (message: ToWorker) => obey(message));
  let isGone = false;
  const onGone = (): void => {
    if (!isGone) obey("gone");
    isGone = true;
  };
  process.on("disconnect", onGone);
  // Killed while this process was starting: that was told when nobody listened yet.
  if (!process.connected) onGone();
  process.on("exit", (code) => {
    if (isOnWatch) dying(`it called process.exit(${code})`);
  });

  function dying(cause: string): NamedRun | undefined {
    isOnWatch = false;
    const run = blame.current();
    tellPipe(run === undefined ? { type: "dying", cause } : { type: "dying", cause, run });
    return run;
  }

  function speakFor(worker: Spoken, deeds: Deeds): void {
    spokenFor = worker;
    const status = createStatus(worker, send);
    const acts = actsOf({ ...deeds, worker, tellStatus: status.tell, send });
    obey = (message) => (message === "gone" ? deeds.stop(undefined) : acts(message));
    for (const message of early.splice(0)) obey(message);
    const unwatch = startWatchdog(blame, runner);
    worker.ready.then(
      () => {
        isOnWatch = true;
        send({ type: "ready", worker: worker.id });
        status.tell();
      },
      () => {},
    );
    const timer = setInterval(status.tell, statusEvery);
    void worker.over.then(() => {
      clearInterval(timer);
      unwatch();
    });
  }

  return {
    attendance: { runner, frames: blame.frames },
    speakFor,
    dying,
    leaving(why) {
      isOnWatch = false;
      tellPipe({ type: "leaving", why });
    },
  };
}

/** What cannot be sent any more is not missed: the end of the channel is heard of by itself. */
function send(message: FromWorker, then: () => void = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, then);
}
