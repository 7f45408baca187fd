// One execution: from a claimed run to the settlement that ends it.
//
//   refuse    a run this worker may not or need not execute ends at once: parked, poisoned, exhausted, expired, invalid
//   gather    one of a job that handles many at once waits for others
//   call      the handler is called, here or in an isolate
//
// Nothing thrown here leaves here: whatever happens becomes a settlement.
import { type Ended, isExhausted, isLastChance, isPoison, transition } from "../run/index.js";
import type { Claimed } from "../store/contract.js";
import { Call } from "./call.js";
import type { Execution } from "./conclusion.js";
import { followed } from "./ending.js";
import type { Environment, KnownJob } from "./environment.js";
import { callIsolated } from "./isolated.js";
import type { Notes } from "./notes.js";

/** The policy of a run whose job this worker does not know: only used to park it. */
const noPolicy = { keep: { succeeded: 0, failed: 0, cancelled: 0 }, attempts: 1, backoff: () => 0 } as const;

/** Has a claimed run executed in another way than by itself; undefined: it is executed by itself. */
export type Gather = (claimed: Claimed, known: KnownJob, how: Admitted) => Execution | undefined;

/** How a claimed run has been let in. */
export interface Admitted {
  /** It must be executed, and with no other. */
  readonly isAlone: boolean;
  /** Its claim asked for more than there were slots: without a slot and a group it goes back. */
  readonly isExtra: boolean;
}

/** Executes a claimed run, or ends it at once for a reason. */
export function begin(
  claimed: Claimed,
  environment: Environment,
  notes: Notes,
  gather: Gather,
  how: Admitted,
): Execution {
  const known = environment.jobs.get(claimed.job);
  const refusal = refuse(claimed, known, environment.clock.now());
  if (refusal !== undefined || known === undefined) {
    const ended = refusal ?? { how: "parked", reason: "worker", on: abilityOf(claimed) };
    return refused(claimed, ended, known, environment);
  }
  if (known.policy.isolate !== undefined && environment.isolation !== undefined)
    return callIsolated(claimed, known, environment, notes, environment.isolation);
  return gather(claimed, known, how) ?? new Call(claimed, known, environment, notes);
}

/** Gives a claimed run back that is not to be executed now; for so many milliseconds, or for the next who claims. */
export function giveBack(claimed: Claimed, environment: Environment, milliseconds?: number): Execution {
  const ended: Ended = milliseconds === undefined ? { how: "handedBack" } : { how: "snoozed", milliseconds };
  return refused(claimed, ended, environment.jobs.get(claimed.job), environment);
}

/** Whether a claimed run would become poison by taking this worker down, and is not refused. */
export function isOnLastChance(claimed: Claimed, { jobs }: Environment): boolean {
  const known = jobs.get(claimed.job);
  return known !== undefined && isLastChance(claimed, known.policy);
}

/** The end of a run that is not executed here. */
function refused(
  claimed: Claimed,
  ended: Ended,
  known: KnownJob | undefined,
  environment: Environment,
): Execution {
  const settlement = transition(claimed, ended, known?.policy ?? noPolicy, environment.random);
  const settling = Promise.resolve(followed(claimed, settlement, environment));
  const conclusion = settling.then((whole) => ({ settlement: whole, isCommitted: false }));
  return { claimed, calledAt: undefined, stop: () => {}, conclusion };
}

function abilityOf(claimed: Claimed): string {
  return `${claimed.job}@${claimed.version}`;
}

/** Why a claimed run is not executed by this worker; undefined: it is. */
function refuse(claimed: Claimed, known: KnownJob | undefined, now: number): Ended | undefined {
  if (known === undefined || known.policy.version < claimed.version)
    return { how: "parked", reason: "worker", on: abilityOf(claimed) };
  if (claimed.paused) return { how: "parked", reason: "paused", on: claimed.job };
  if (isPoison(claimed, known.policy)) return { how: "poisoned" };
  if (isExhausted(claimed, known.policy)) return { how: "exhausted" };
  if (claimed.startBy !== undefined && claimed.startBy <= now)
    return { how: "expired", limit: "startWithin" };
  if (claimed.finishBy !== undefined && claimed.finishBy <= now)
    return { how: "expired", limit: "finishWithin" };
  return undefined;
}
