// Whether a worker stands still, and what to do about it.
//
// Two signs tell. A thread in the worker says when its event loop is blocked, and mostly by which run: past the limit it
// is killed, and that run is to blame. A process that is stopped altogether can say nothing: a silence of the limit and
// some seconds more ends it as well, and nobody is to blame by name. While a worker starts it may be loading for long,
// and has no runs that wait for it, so its silence is borne for longer.
//
// Pure. Times are of the runner's watched time, which stands still while the runner did not look.
// Before this file comes what was heard of a child. After it comes the kill.
import { formatDuration } from "../kernel/index.js";
import type { Verdict } from "./death.js";
import type { NamedRun } from "./protocol.js";

export interface Signs {
  readonly isStarting: boolean;
  /** When it last said anything. */
  readonly heardAt: number;
  /** Since when its event loop stands still, and by which run. */
  readonly blocked: { readonly since: number; readonly run?: NamedRun } | undefined;
}

export type Judgement =
  | { readonly do: "nothing" }
  | { readonly do: "warn"; readonly text: string }
  | ({ readonly do: "kill" } & Verdict);

/** A silence is mentioned after this; past `maxBlock` and the margin it is ended. A start may be silent for longer. */
export const silence = { warned: 5_000, margin: 5_000, starting: 60_000 };

/** @param maxBlock how long an event loop may stand still, in milliseconds; 0: for ever */
export function judge(signs: Signs, now: number, maxBlock: number): Judgement {
  const { blocked, heardAt, isStarting } = signs;
  const stoodStill = blocked === undefined ? 0 : now - blocked.since;
  const silent = now - heardAt;
  if (maxBlock > 0 && stoodStill > maxBlock && !isStarting) {
    return {
      do: "kill",
      cause: `its event loop stood still for ${formatDuration(stoodStill)}`,
      ...(blocked?.run === undefined ? {} : { culprits: [blocked.run.run] }),
    };
  }
  if (maxBlock > 0 && silent > patience(isStarting, maxBlock))
    return { do: "kill", cause: `nothing was heard of it for ${formatDuration(silent)}` };
  if (blocked === undefined && silent > silence.warned && !isStarting)
    return { do: "warn", text: `nothing has been heard of it for ${formatDuration(silent)}` };
  return { do: "nothing" };
}

function patience(isStarting: boolean, maxBlock: number): number {
  const usual = maxBlock + silence.margin;
  return isStarting ? Math.max(silence.starting, usual) : usual;
}
