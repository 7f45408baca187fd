// What a commit will tell the listeners, gathered while its operations run.
//
// Nobody may hear of a change before it is committed, and nobody should hear of one that was rolled back. So each
// transaction gathers here what it did, and `watch.ts` tells it after the commit, once for the whole group.
import type { Change } from "./contract.js";

export class Findings {
  readonly ended: string[] = [];
  claimable = false;
  asked = false;
  /** Rows of workers changed: not told to listeners, but to whoever looks for the dead. */
  workers = false;
  /** Schedules are others than before, or other workers have them. */
  schedules = false;
  /** The earliest moment at which something that was recorded is due. */
  due: number | undefined;

  /** Something has to be looked at again at this time. */
  dueAt(time: number | undefined): void {
    if (time !== undefined && (this.due === undefined || time < this.due)) this.due = time;
  }

  /** What another transaction did as well. */
  merge(other: Findings): void {
    this.ended.push(...other.ended);
    this.claimable ||= other.claimable;
    this.asked ||= other.asked;
    this.workers ||= other.workers;
    this.schedules ||= other.schedules;
    this.dueAt(other.due);
  }

  /** As the listeners hear it; undefined when there is nothing to tell. */
  toChange(): Change | undefined {
    const { ended, claimable, asked, due, schedules } = this;
    if (ended.length === 0 && !claimable && !asked && due === undefined && !schedules) return undefined;
    const change: Change = { origin: "here", ended, claimable, asked, ...(due === undefined ? {} : { due }) };
    return schedules ? { ...change, schedules } : change;
  }
}
