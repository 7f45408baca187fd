// Tells listeners, and whoever counts, how an execution ended, once the store has answered.
//
// Reported is what became of the run, not what was hoped for: a settlement that was refused is `refused`, a run that
// would have gone on but was cancelled meanwhile is `cancelled`.
import type { Settlement } from "../run/index.js";
import type { Claimed, Settled } from "../store/contract.js";
import type { Environment } from "./environment.js";

export function report(
  environment: Environment,
  claimed: Claimed,
  settlement: Settlement,
  settled: Settled,
): void {
  const { events, worker, clock } = environment;
  const { run, job, queue, attempt } = claimed;
  const about = { run, job, queue, attempt, worker };
  environment.statistics?.ended(claimed, settlement, settled);
  if (!settled.taken) {
    events.emit("refused", about);
    return;
  }
  const milliseconds = Math.max(0, clock.now() - claimed.startedAt);
  const { error = { name: "Error", message: "" }, reason = "", waiting } = settlement;
  switch (settled.state) {
    case "succeeded":
      events.emit("succeeded", { ...about, milliseconds });
      break;
    case "failed":
      events.emit("failed", { ...about, milliseconds, error, reason });
      environment.hooks?.failed(claimed, settlement);
      break;
    case "cancelled":
      events.emit("cancelled", { ...about, reason });
      break;
    default:
      if (settlement.error !== undefined) events.emit("retrying", { ...about, milliseconds, error });
      else if (waiting !== undefined) events.emit("parked", { ...about, reason: waiting.reason });
      else events.emit(settlement.due === undefined ? "handedBack" : "snoozed", about);
  }
}
