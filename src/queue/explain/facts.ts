// What explains a run, as plain data, and what is said of it.
//
// Before this file comes the store. After it come the reasons, each a small function of these facts.
import type {
  GateStanding,
  PauseTarget,
  QueueRow,
  StoredRun,
  TimelineEvent,
  WorkerRow,
} from "../../store/contract.js";
import type { Step } from "../steps.js";

/** Everything that explains a run, read at about the same moment. */
export interface Facts {
  readonly run: StoredRun;
  /** On the store's clock. */
  readonly now: number;
  /** How far the store's clock is ahead of this machine's, in milliseconds. */
  readonly clockAhead: number;
  readonly events: readonly TimelineEvent[];
  readonly workers: readonly WorkerRow[];
  readonly queues: readonly QueueRow[];
  readonly paused: readonly PauseTarget[];
  /** Of the runs that it comes after and waits for the first ten, by id; undefined where one is not there. */
  readonly awaited: readonly (readonly [id: string, run: StoredRun | undefined])[];
  /** Of its own calls those that it waits for. */
  readonly calls: readonly AwaitedCall[];
  /** How it stands at its gates. */
  readonly gates: readonly GateStanding[];
  /** The queue that its job was rerouted to. */
  readonly reroute: string | undefined;
  /** Its job is shared fairly, as far as this process knows. */
  readonly isShared: boolean;
  /** How many attempts its job allows, where somebody knows. */
  readonly attempts: number | undefined;
  /** How many workers its job may take down, where somebody knows. */
  readonly crashes: number | undefined;
}

/** A durable call that is pending, and that the handler asked for. */
export interface AwaitedCall {
  readonly step: Step;
  /** Of the runs that it started those that have not ended, the first ten. */
  readonly runs: readonly StoredRun[];
  /** How many they are. */
  readonly live: number;
}

/** One thing that stands between a run and its start. */
export interface Reason {
  readonly code:
    | "time"
    | "promotion"
    | "preparation"
    | "entries"
    | "dependency"
    | "worker"
    | "unknown"
    | "job-paused"
    | "queue-paused"
    | "queue-held"
    | "lock"
    | "limit"
    | "rate"
    | "no-worker"
    | "no-slots"
    | "undrawn"
    | "unable"
    | "quiet"
    | "full"
    | "line";
  /** A clause that goes on "It is ready, but …", with the remedy in sentences behind it; or a whole sentence. */
  readonly text: string;
  readonly isSentence?: true;
}

export function queueOf({ queues, run }: Facts): QueueRow | undefined {
  return queues.find(({ name }) => name === run.queue);
}
