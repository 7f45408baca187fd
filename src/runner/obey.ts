// What the runner does at each wish that comes by a signal, and says that it does.
//
// A first wish to stop drains, a second hurries, a third kills: whoever is at the keyboard, and whatever sends signals by
// a timetable, means the same by it. On a terminal a hang-up means that nobody is there any more, and is a wish to stop.
//
// Before this file come the signals. After it comes the runner, whose own functions do the work.
import { formatDuration } from "../kernel/index.js";
import { reportLines } from "./report.js";
import type { Say } from "./settings.js";
import type { Wish } from "./signals.js";
import type { ProcessView } from "./view.js";

export interface Powers {
  readonly say: Say;
  readonly drain: number;
  readonly isOnTerminal: boolean;
  readonly stopWithin: (drain: number) => void;
  /** Kills every worker and ends with the exit code of this signal. */
  readonly killAll: (signal: NodeJS.Signals) => void;
  readonly round: (why: string) => Promise<void>;
  readonly setQuiet: (quiet: boolean) => void;
  readonly isQuiet: () => boolean;
  readonly kill: () => void;
  readonly report: () => Promise<readonly ProcessView[]>;
}

/** What listens to wishes. */
export function createObedience(powers: Powers): (wish: Wish, signal: NodeJS.Signals) => void {
  const { say, drain } = powers;
  let stops = 0;

  function stop(signal: NodeJS.Signals): void {
    stops += 1;
    if (stops === 1) {
      say(
        "signal",
        `${signal}: stopping, waiting up to ${formatDuration(drain)} for what runs; a second signal hands it back at once`,
        { signal, drain },
      );
      powers.stopWithin(drain);
    } else if (stops === 2) {
      say("signal", `${signal} again: handing back at once; a third signal kills`, { signal, drain: 0 });
      powers.stopWithin(0);
    } else {
      say("signal", `${signal} for the third time: killing every worker`, { signal }, "warn");
      powers.killAll(signal);
    }
  }

  async function report(): Promise<void> {
    const processes = await powers.report();
    const quiet = powers.isQuiet() ? ", quiet" : "";
    say("report", `runner ${process.pid}${quiet}, ${processes.length} processes`, { pid: process.pid });
    for (const { text, fields } of reportLines(processes)) say("report", text, fields);
  }

  const told = (signal: NodeJS.Signals, text: string): void =>
    say("signal", `${signal}: ${text}`, { signal });

  const acts: Readonly<Record<Wish, (signal: NodeJS.Signals) => void>> = {
    stop,
    restart(signal) {
      if (powers.isOnTerminal) return stop(signal);
      told(signal, "replacing every worker");
      void powers.round(signal);
    },
    quiet(signal) {
      told(signal, "no worker fetches any more; SIGCONT lets them go on");
      powers.setQuiet(true);
    },
    resume(signal) {
      // A process that was only stopped and goes on gets this signal as well.
      if (!powers.isQuiet()) return;
      told(signal, "fetching again");
      powers.setQuiet(false);
    },
    report: () => void report(),
    kill(signal) {
      told(signal, "killing what is being executed; the workers go on");
      powers.kill();
    },
  };
  return (wish, signal) => acts[wish](signal);
}
