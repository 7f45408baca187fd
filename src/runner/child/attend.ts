// Speaks with the runner for a worker: says that it is ready and how it is, and does what the runner asks.
//
// What comes before there is a worker waits for it. When the runner is gone, however it ended, the worker stops as at
// SIGTERM, because nobody would look after it any more. Signals that a terminal sends to the whole group are the
// runner's business, which passes on what they mean; only SIGTERM to this process itself is left to whoever serves.
//
// Before this file come the protocol and the blame. After it comes the command that started the worker.
import type { Attendance, RunningWorker } from "../../worker.js";
import {
  attendedBy,
  type Blocked,
  type Death,
  type FromPipe,
  type FromWorker,
  type NamedRun,
  statusEvery,
  type ToWorker,
} from "../index.js";
import { createBlame } from "./blame.js";
import { tellPipe } from "./pipe.js";
import { createStatus } from "./status.js";
import { startWatchdog } from "./watchdog.js";

export interface Attendant {
  /** For the worker that is about to be made. */
  readonly attendance: Attendance;
  /** Speaks for this worker from now on. */
  speakFor(worker: RunningWorker, deeds: Deeds): void;
  /** This process is about to end by something that went wrong; answers whose it was, undefined: that is not known. */
  dying(cause: string): NamedRun | undefined;
  /** It is about to end, and all is well. */
  leaving(why: Extract<FromPipe, { type: "leaving" }>["why"]): void;
}

export interface Deeds {
  /** The runner wants it to stop within so many milliseconds; undefined: the runner is gone. */
  readonly stop: (drain: number | undefined) => void;
  readonly onError: (error: unknown) => void;
}

const ignored = ["SIGINT", "SIGHUP", "SIGTSTP", "SIGTTIN", "SIGUSR1", "SIGUSR2"] as const;

/** The frames of a stack that are kept with a run, in characters. */
const longestStack = 4_000;

/** Begins to listen to the runner of this process; undefined: it has none. */
export function attend(): Attendant | undefined {
  const runner = Number(process.env[attendedBy]);
  if (!Number.isInteger(runner) || process.send === undefined) return undefined;
  // What this process starts itself is not looked after.
  delete process.env[attendedBy];
  for (const signal of ignored) process.on(signal, () => {});

  let spokenFor: RunningWorker | undefined;
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

  function speakFor(worker: RunningWorker, deeds: Deeds): void {
    spokenFor = worker;
    const status = createStatus(worker, send);
    const acts = actsOf(worker, deeds, status.tell);
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
    attendance: { runner, frame: blame.frame },
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

function actsOf(
  worker: RunningWorker,
  { stop, onError }: Deeds,
  tellStatus: () => void,
): (message: ToWorker) => void {
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
async function noteBlock(worker: RunningWorker, other: string, blocked: Blocked): Promise<void> {
  const { run: named, milliseconds, stack } = blocked;
  if (named === undefined) return;
  const { run, token } = named;
  const message = `blocked the event loop of worker ${other} for ${(milliseconds / 1_000).toFixed(1)} s`;
  const fields = stack === undefined ? undefined : JSON.stringify({ stack: stack.slice(0, longestStack) });
  await worker.note({ run, token, log: { level: "error", message, fields } });
}
