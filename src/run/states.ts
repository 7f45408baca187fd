// The life of a run, as one table.
//
// Every move a run can make has a name here, the states it may start from and the states it may lead to. Stores obey
// the table, the model-based test walks it at random, and `docs/reference/states.md` is drawn from it. A move that is
// not here does not exist.
//
//   scheduled ──promote──▶ ready ──claim──▶ running ──succeed──▶ succeeded
//       ▲                    ▲                │  │
//       └──── retry, snooze ─┼────────────────┘  ├──fail───▶ failed
//                            └──── waiting ◀─────┘           cancelled (from every state that has not ended)
import type { State } from "../job/index.js";

export interface Move {
  readonly from: readonly State[];
  readonly to: readonly State[];
  /** What makes it happen, in one sentence. */
  readonly when: string;
}

const live = ["scheduled", "ready", "waiting", "running"] as const satisfies readonly State[];

export const moves = {
  promote: { from: ["scheduled"], to: ["ready"], when: "its time has come" },
  claim: { from: ["ready"], to: ["running"], when: "a worker takes it; the attempt is counted here" },
  succeed: { from: ["running"], to: ["succeeded"], when: "the handler returned" },
  fail: {
    from: ["running"],
    to: ["failed"],
    when: "the handler failed for good, or its attempts are used up",
  },
  backOff: { from: ["running"], to: ["scheduled"], when: "the handler failed and has attempts left" },
  snooze: {
    from: ["running"],
    to: ["scheduled", "ready"],
    when: "the handler asked for later; the attempt is given back",
  },
  handBack: { from: ["running"], to: ["ready"], when: "its worker is stopping; the attempt is given back" },
  park: {
    from: ["running"],
    to: ["waiting", "ready"],
    when: "this worker may not run it; the attempt is given back",
  },
  suspend: {
    from: ["running"],
    to: ["waiting", "scheduled", "ready"],
    when: "its handler waits; the slot is free",
  },
  rescue: {
    from: ["running"],
    to: ["ready", "cancelled"],
    when: "its worker died; the attempt stays counted",
  },
  turnAway: {
    from: ["ready"],
    to: ["waiting"],
    when: "a claim finds a lock, a limit or a rate of it closed; no attempt is counted",
  },
  postpone: {
    from: ["scheduled", "ready"],
    to: ["scheduled", "ready"],
    when: "a later request with its unique key, or somebody by hand, gives it another time",
  },
  unpark: {
    from: ["waiting"],
    to: ["ready", "scheduled"],
    when: "what it waited for has come; its own time, if it has one, may be still to come",
  },
  forsake: {
    from: ["waiting"],
    to: ["failed", "cancelled"],
    when: "a run that it was to come after did not succeed",
  },
  prepare: {
    from: ["waiting"],
    to: ["ready", "scheduled", "failed"],
    when: "a worker that knows the job checked its input",
  },
  expire: {
    from: ["scheduled", "ready", "waiting"],
    to: ["failed"],
    when: "startWithin or finishWithin is over",
  },
  cancel: { from: live, to: ["cancelled"], when: "somebody asked for its end, or its handler did" },
  retry: {
    from: ["failed", "cancelled"],
    to: ["ready", "waiting"],
    when: "somebody asked for another try, with all attempts; runs that it comes after may have to be first",
  },
} as const satisfies Record<string, Move>;

export type MoveName = keyof typeof moves;

export const states = [...live, "succeeded", "failed", "cancelled"] as const satisfies readonly State[];

const ended: ReadonlySet<State> = new Set(["succeeded", "failed", "cancelled"]);

/** True when a run in this state has ended. */
export function hasEnded(state: State): state is "succeeded" | "failed" | "cancelled" {
  return ended.has(state);
}

/** True when the named move may lead from one state to the other. */
export function isLegal(name: MoveName, from: State, to: State): boolean {
  const move: Move = moves[name];
  return move.from.includes(from) && move.to.includes(to);
}
