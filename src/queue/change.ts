// What `duckdive.change` asks for, from an application's words to the store's.
//
// Before this file comes the application. After it comes act.ts, with the store's verb.
import { checkName, priorities } from "../job/index.js";
import { checkOptions, duration, InvalidOptionError } from "../kernel/index.js";
import type { Moment, RunChange } from "../store/contract.js";
import type { Change } from "./bulk-types.js";

/** @throws InvalidOptionError, InvalidDurationError */
export function changeOf(change: Change): RunChange {
  if (typeof change !== "object" || change === null || Array.isArray(change))
    throw new InvalidOptionError(
      'duckdive.change() was not told what to change. Use { queue: "bulk" }, { priority: 5 } or { delay: "1h" }.',
    );
  checkOptions(change, ["priority", "queue", "runAt", "delay"], "the change of duckdive.change()");
  const { priority, queue } = change;
  if (priority !== undefined) checkPriority(priority);
  if (queue !== undefined) checkName(queue, "The queue of duckdive.change()");
  const due = dueOf(change);
  if (priority === undefined && queue === undefined && due === undefined)
    throw new InvalidOptionError(
      "duckdive.change() was given nothing to change. Use queue, priority, and runAt or delay.",
    );
  return {
    ...(priority === undefined ? {} : { priority }),
    ...(queue === undefined ? {} : { queue }),
    ...(due === undefined ? {} : { due }),
  };
}

function checkPriority(priority: unknown): void {
  const { lowest, highest } = priorities;
  if (typeof priority === "number" && Number.isInteger(priority) && priority >= lowest && priority <= highest)
    return;
  throw new InvalidOptionError(
    `The priority of duckdive.change() is ${String(priority)}. Use a whole number from ${lowest} to ${highest}; bigger is sooner.`,
  );
}

function dueOf({ runAt, delay }: Change): Moment | undefined {
  if (runAt !== undefined && delay !== undefined)
    throw new InvalidOptionError(
      "duckdive.change() was given both delay and runAt. Use one: delay counts from now, runAt is a date.",
    );
  if (delay !== undefined) return { after: duration(delay, "The delay of duckdive.change()") };
  if (runAt === undefined) return undefined;
  if (runAt instanceof Date && !Number.isNaN(runAt.getTime())) return { at: runAt.getTime() };
  throw new InvalidOptionError("The runAt of duckdive.change() is not a valid Date. Use new Date(…).");
}
