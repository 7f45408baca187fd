// What a worker's process does at the signals that it gets: those of a runner, for one that works alone.
//
//   alone    the table of docs/guide: stop, hurry, quiet, resume, report, kill. There is nobody who could replace it,
//            so a hang-up is a wish to stop
//   attended the runner hears the signals and passes on what they mean; SIGTERM to this process itself stops it
//
// Before this file comes `serve`. After it comes the worker.
import { formatDuration } from "../kernel/index.js";
import type { Attendant } from "../runner/child/index.js";
import { listenToSignals, type Wish } from "../runner/index.js";
import type { RunningWorker } from "../worker.js";
import { leave } from "./leave.js";
import type { Teller } from "./teller.js";
import { shownRuns, type Underway } from "./underway.js";
import { many } from "./words.js";

export interface Obedience {
  readonly teller: Teller;
  readonly worker: RunningWorker;
  readonly underway: Underway;
  /** How long the first stop waits, in milliseconds. */
  readonly drain: number;
  readonly attendant: Attendant | undefined;
}

/** Listens until the process ends. */
export function obey(parts: Obedience): void {
  if (parts.attendant === undefined) listenToSignals(createWishes(parts));
  else obeyRunner(parts, parts.attendant);
}

function createWishes(parts: Obedience): (wish: Wish, signal: NodeJS.Signals) => void {
  const { teller, worker } = parts;
  const stop = createStop(parts);
  const say = (signal: NodeJS.Signals, text: string): void => {
    teller.say("signal", `${signal}: ${text}`, { signal });
  };
  const acts: Readonly<Record<Wish, (signal: NodeJS.Signals) => void>> = {
    stop,
    restart(signal) {
      say(
        signal,
        "nobody is there who could replace this worker, so it stops; a rolling restart needs --processes",
      );
      stop(signal);
    },
    quiet(signal) {
      say(signal, "fetching no more; SIGCONT goes on");
      worker.quiet();
    },
    resume(signal) {
      if (worker.status().state !== "quiet") return;
      say(signal, "fetching again");
      worker.resume();
    },
    report: () => report(parts),
    kill: (signal) => say(signal, `killing ${many(worker.kill(), "run")}`),
  };
  return (wish, signal) => {
    acts[wish](signal);
    teller.flush();
  };
}

function createStop({ teller, worker, underway, drain }: Obedience): (signal: NodeJS.Signals) => void {
  let signals = 0;
  return (signal) => {
    signals += 1;
    if (signals === 1) {
      teller.say("stopping", `${signal}: ${waitingFor(underway, drain)}`, {
        signal,
        drain,
        running: [...underway.keys()],
      });
      void worker.stop();
    } else if (signals === 2) {
      teller.say("hurrying", `${signal} again: handing back ${many(underway.size, "run")} now`, { signal });
      void worker.stop({ drain: 0 });
    }
    teller.flush();
    if (signals > 2) leave(signal === "SIGINT" ? 130 : 143);
  };
}

function waitingFor(underway: Underway, drain: number): string {
  if (underway.size === 0) return "stopping, nothing is running";
  return (
    `stopping, waiting up to ${formatDuration(drain)} for ${many(underway.size, "run")} (${shownRuns(underway)}); ` +
    "what is left then is handed back. A second signal hands it back at once."
  );
}

function report({ teller, worker }: Obedience): void {
  const { state, running, leaked, ended, ...status } = worker.status();
  const about = `${running.length} executing, ${leaked.length} leaked, ${ended} ended`;
  teller.say("report", `worker ${worker.id} is ${state}: ${about}`, {
    state,
    running,
    leaked,
    ended,
    ...status,
  });
  for (const { job, run, queue, since } of running)
    teller.say("report", `  ${job} ${run} in queue ${queue}, for ${formatDuration(Math.round(since))}`, {
      run,
    });
  for (const { job, run } of leaked)
    teller.say("report", `  ${job} ${run} was given up and has not ended`, { run });
}

function obeyRunner({ teller, worker, underway, drain }: Obedience, attendant: Attendant): void {
  attendant.speakFor(worker, {
    stop(within) {
      if (within === undefined)
        teller.say("stopping", `the runner is gone: ${waitingFor(underway, drain)}`, { drain }, "warn");
      teller.flush();
      void worker.stop(within === undefined ? {} : { drain: within });
    },
    onError: (error) => teller.log.error("the runner's wish could not be done", { error }),
  });
  const stop = createStop({ teller, worker, underway, drain, attendant });
  process.on("SIGTERM", stop);
}
