// Tells listeners, and whoever counts, how an execution ended, once the store has answered.
//
// Reported is what became of the run, not what was hoped for: a settlement that was refused is `refused`, a run that
// would have gone on but was cancelled meanwhile is `cancelled`.
import type { StoredError } from "../job/index.js";
import type { Settlement } from "../run/index.js";
import type { Claimed, Settled } from "../store/contract.js";
import type { Environment } from "./environment.js";
import { redactionOfRun } from "./redaction.js";

export function report(
  environment: Environment,
  claimed: Claimed,
  settlement: Settlement,
  settled: Settled,
): void {
  const { events, worker, clock } = environment;
  const { run, job, queue, attempt } = claimed;
  environment.statistics?.ended(claimed, settlement, settled);
  if (settled.taken && settled.state === "succeeded") {
    // Most ends are this one, and most of the time nobody listens.
    if (!events.has("succeeded")) return;
    const milliseconds = Math.max(0, clock.now() - claimed.startedAt);
    events.emit("succeeded", { run, job, queue, attempt, worker, milliseconds });
    return;
  }
  const about = { run, job, queue, attempt, worker };
  if (!settled.taken) {
    events.emit("refused", about);
    return;
  }
  const milliseconds = Math.max(0, clock.now() - claimed.startedAt);
  const { reason = "", waiting } = settlement;
  const error = heardError(environment, claimed, settlement);
  switch (settled.state) {
    case "failed":
      events.emit("failed", { ...about, milliseconds, error: error ?? noError, reason });
      environment.hooks?.failed(claimed, settlement);
      break;
    case "cancelled":
      events.emit("cancelled", { ...about, reason });
      break;
    default:
      if (error !== undefined) events.emit("retrying", { ...about, milliseconds, error });
      else if (waiting !== undefined) events.emit("parked", { ...about, reason: waiting.reason });
      else events.emit(settlement.due === undefined ? "handedBack" : "snoozed", about);
  }
}

const noError: StoredError = { name: "Error", message: "" };

/** Listeners log, and reporters send what they hear to others. */
function heardError({ jobs }: Environment, claimed: Claimed, { error }: Settlement): StoredError | undefined {
  if (error === undefined) return undefined;
  return redactionOfRun(claimed, jobs.get(claimed.job))?.error(error) ?? error;
}
