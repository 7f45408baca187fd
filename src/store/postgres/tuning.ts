// What people set while everything runs, the queue of a job and the slots of a queue, and the counts that they look at.
//
// A rerouted job's runs are sent to their queue where they are recorded, so it holds for every process at once. Slots
// travel with the heartbeat of the workers, and the counts come with it.
import type { Tally, WaitCount } from "../contract.js";
import { Findings } from "../findings.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";
import { jsonText, numberOf, withoutNul } from "./text.js";

/** From now on runs of this job are recorded in that queue; undefined: in their own. */
export async function reroute(session: Session, job: string, queue: string | undefined): Promise<void> {
  await session.ask(statements.setReroute, {
    job: withoutNul(job),
    queue: queue === undefined ? null : withoutNul(queue),
  });
}

/** The queue of each job that was rerouted. */
export async function reroutes(session: Session): Promise<Record<string, string>> {
  const rows = await session.ask(statements.reroutes);
  return Object.fromEntries(rows.map(([job, queue]) => [job ?? "", queue ?? ""]));
}

/** Every worker that draws from this queue does so with so many slots; undefined: with its own. */
export async function setSlots(
  session: Session,
  queue: string,
  slots: number | undefined,
  tell: (found: Findings) => void,
): Promise<void> {
  await session.ask(statements.setSlots, { queue: withoutNul(queue), slots });
  const found = new Findings();
  found.asked = true;
  tell(found);
}

/** Adds to the counts by the minute. Asked once: what may have been counted is not counted again. */
export async function tally(session: Session, tallies: readonly Tally[]): Promise<void> {
  if (tallies.length === 0) return;
  const waits = tallies.flatMap(({ minute, queue, waits: steps = {} }) =>
    Object.entries(steps).map(([step, number]) => ({ minute, queue, step: Number(step), number })),
  );
  await session.askOnce(statements.addTallies, { tallies: jsonText(tallies), waits: jsonText(waits) });
}

/** Counts by the minute, from a moment on, oldest first. */
export async function tallies(session: Session, since: number): Promise<Tally[]> {
  const rows = await session.ask(statements.tallies, { since });
  return rows.map(([minute, queue, job, succeeded, failed, cancelled, retried, waited, ran]) => ({
    minute: numberOf(minute),
    queue: queue ?? "",
    job: job ?? "",
    succeeded: numberOf(succeeded),
    failed: numberOf(failed),
    cancelled: numberOf(cancelled),
    retried: numberOf(retried),
    waited: numberOf(waited),
    ran: numberOf(ran),
  }));
}

/** How long executions waited for their start, from a moment on, oldest first. */
export async function waits(session: Session, since: number): Promise<WaitCount[]> {
  const rows = await session.ask(statements.waits, { since });
  return rows.map(([minute, queue, step, number]) => ({
    minute: numberOf(minute),
    queue: queue ?? "",
    step: numberOf(step),
    number: numberOf(number),
  }));
}
