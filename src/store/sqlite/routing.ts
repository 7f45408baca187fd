// What people have set of jobs and queues without a deploy: where a job's runs go, and how many slots a queue has.
//
// A reroute is obeyed by the statements that record a run; slots are told to workers with each pulse.
import type { Sql } from "./driver.js";
import type { Session } from "./session.js";
import { statements } from "./statements.js";

/** Sends a job's runs to another queue from now on; undefined: no more so. */
export async function reroute(session: Session, job: string, queue: string | undefined): Promise<void> {
  await session.write(({ sql }) => {
    if (queue === undefined) sql.run(statements.endReroute, { job });
    else sql.run(statements.reroute, { job, queue });
  });
}

/** The queue of each job that was rerouted. */
export async function reroutes(session: Session): Promise<Record<string, string>> {
  return session.read((sql) => Object.fromEntries(sql.all<[string, string]>(statements.reroutes)));
}

/** Sets the slots of a queue in every worker; undefined: each has its own again. */
export async function setSlots(session: Session, queue: string, slots: number | undefined): Promise<void> {
  await session.write(({ sql, found }) => {
    if (slots === undefined) sql.run(statements.endSlots, { queue });
    else sql.run(statements.setSlots, { queue, slots });
    found.asked = true;
  });
}

/** The slots that were set, by queue. */
export function readSlots(sql: Sql): Record<string, number> {
  return Object.fromEntries(sql.all<[string, number]>(statements.slots));
}
