// What can be seen of each process of a runner: plain data, for the health, the report and whoever asks from code.
//
// Before this file comes the child. After it come the health and the report.
import type { Child, ChildState } from "./child.js";
import type { Status } from "./protocol.js";

/** One process. Ages and times are milliseconds before now, memory is bytes. */
export interface ProcessView {
  readonly process: number;
  readonly pid: number | undefined;
  readonly worker: string | undefined;
  readonly state: ChildState;
  /** Since it was started. */
  readonly age: number;
  /** Since its event loop stands still; undefined: it moves, as far as is known. */
  readonly blockedFor: number | undefined;
  /** What it last said of itself, with its times as of now; undefined: it has said nothing yet. */
  readonly status: (Status & { readonly saidBefore: number }) | undefined;
}

export function viewOf(child: Child, now: number, watchedNow: number): ProcessView {
  return {
    process: child.slot + 1,
    pid: child.pid,
    worker: child.worker,
    state: child.state,
    age: Math.round(now - child.startedAt),
    blockedFor: child.blocked === undefined ? undefined : Math.round(watchedNow - child.blocked.since),
    status:
      child.status === undefined ? undefined : aged(child.status.value, Math.round(now - child.status.at)),
  };
}

/** A status that was said a while ago: its times are as much longer now. */
function aged(status: Status, by: number): Status & { readonly saidBefore: number } {
  const older = (time: number | undefined): number | undefined =>
    time === undefined ? undefined : time + by;
  return {
    ...status,
    running: status.running.map((run) => ({ ...run, since: run.since + by })),
    lastFetch: older(status.lastFetch),
    lastSettle: older(status.lastSettle),
    lastBeat: older(status.lastBeat),
    fetchingFor: older(status.fetchingFor),
    saidBefore: by,
  };
}
