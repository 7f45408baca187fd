// The signals of a runner: which there are, what each does, and how they are heard.
//
// They are a table, so that the documentation can be held equal to it, with what the same wish is called elsewhere.
// A wish comes down as plain words; what is to be done about it is the runner's.
//
// Before this file comes nothing. After it comes the runner.
import { constants } from "node:os";

/** What a signal asks a runner for. */
export type Wish = "stop" | "restart" | "quiet" | "resume" | "report" | "kill";

/** A signal, and what it means. */
export interface SignalRow {
  readonly signal: NodeJS.Signals;
  readonly wish: Wish;
  readonly what: string;
  /** The signal that means the same to a worker of Resque, and of Sidekiq. */
  readonly resque: string | undefined;
  readonly sidekiq: string | undefined;
}

const stopping =
  "Fetch no more, wait for what runs up to the drain, hand back the rest, end. A second one: hand back now. A third: kill all";

/** The signals that a runner and its workers obey. */
export const signalTable: readonly SignalRow[] = [
  { signal: "SIGTERM", wish: "stop", what: stopping, resque: "QUIT", sidekiq: "TERM" },
  { signal: "SIGINT", wish: "stop", what: stopping, resque: "QUIT", sidekiq: "INT" },
  {
    signal: "SIGHUP",
    wish: "restart",
    what: "Replace every worker by one with new code, one at a time, the new one ready before the old one drains. On a terminal: stop, because it is closed",
    resque: undefined,
    sidekiq: undefined,
  },
  {
    signal: "SIGTSTP",
    wish: "quiet",
    what: "Fetch no more; what runs goes on",
    resque: "USR2",
    sidekiq: "TSTP",
  },
  { signal: "SIGUSR2", wish: "quiet", what: "The same", resque: "USR2", sidekiq: "TSTP" },
  { signal: "SIGCONT", wish: "resume", what: "Fetch again", resque: "CONT", sidekiq: undefined },
  {
    signal: "SIGTTIN",
    wish: "report",
    what: "Say what every worker is doing",
    resque: undefined,
    sidekiq: "TTIN",
  },
  {
    signal: "SIGUSR1",
    wish: "kill",
    what: "Kill the runs that are being executed, each as a failed attempt, and go on",
    resque: "USR1",
    sidekiq: undefined,
  },
];

/** One Ctrl-C can come twice, from the terminal and from npm, which passes it on: within this it is one. */
const sameSignal = 100;

/** Listens until the function that it gives back is called. Signals that this system does not have are left out. */
export function listenToSignals(onWish: (wish: Wish, signal: NodeJS.Signals) => void): () => void {
  const heard = signalTable
    .filter(({ signal }) => signal in constants.signals)
    .map(({ signal, wish }) => {
      let last = Number.NEGATIVE_INFINITY;
      const listener = (): void => {
        const isSame = signal === "SIGINT" && performance.now() - last < sameSignal;
        last = performance.now();
        if (!isSame) onWish(wish, signal);
      };
      process.on(signal, listener);
      return { signal, listener };
    });
  return () => {
    for (const { signal, listener } of heard) process.off(signal, listener);
  };
}

/** What a process that was ended by this signal exits with. */
export function exitOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
