// What waits in another queue, in one form, whatever that queue is.
//
// A source is looked into, and jobs are taken from it page by page; the id of the run that a job becomes is made of where it is
// and of what it is called there, so that bringing it again is bringing it once. Originals stay until they are let go of.
//
// Before this file comes an address with the name of a queue in front. After it come the four sources.
import { derivedId } from "../../kernel/index.js";

export interface Waiting {
  /** What the source knows it by. */
  readonly key: string;
  /** The id of the run that it becomes. */
  readonly id: string;
  /** The name that a mapping goes by: of the job, the task, the queue or the class. */
  readonly name: string;
  readonly queue: string;
  readonly data: unknown;
  /** When it may start, in milliseconds since 1970; undefined: now. */
  readonly due: number | undefined;
  /** From -10 to 10, bigger is sooner. */
  readonly priority: number;
  /** What else should be known of it. */
  readonly meta: Readonly<Record<string, string>>;
  /** Why it cannot be brought: it belongs to others there. */
  readonly obstacle?: string;
}

export interface Source {
  /** What people call it. */
  readonly name: string;
  /** Originals cannot be told apart, so a copy that leaves them would be another one each time. */
  readonly mustRemove: boolean;
  /** What waits, page by page; touches nothing. */
  look(): AsyncIterable<readonly Waiting[]>;
  /** What waits, page by page, to be recorded. Maybe put aside for that, never lost. */
  take(): AsyncIterable<readonly Waiting[]>;
  /** Removes originals that are recorded. Answers the keys of those that a worker there has begun with meanwhile. */
  remove(waiting: readonly Waiting[]): Promise<ReadonlySet<string>>;
  /** Gives back what was put aside and is not recorded. */
  restore(): Promise<void>;
  close(): Promise<void>;
}

export interface SourceOptions {
  /** Of its server. */
  readonly url: string;
  /** The schema of its tables, or what its keys begin with; each has a usual one. */
  readonly schema: string | undefined;
  /** Only these of its queues; none: all. */
  readonly queues: readonly string[];
}

/** Read and recorded at once. */
export const pageSize = 200;

/** The id of the run that something becomes: the same for the same server, place and key. A password may change. */
export function runIdOf(kind: string, { url }: SourceOptions, place: string, key: string): string {
  const { hostname, port, pathname } = new URL(url);
  return derivedId(`${kind}\0${hostname}\0${port}\0${pathname}\0${place}`, key);
}

/** As near as a priority comes to one from -10 to 10. */
export function nearestPriority(priority: number): number {
  return Math.max(-10, Math.min(10, Math.round(priority))) + 0;
}

/** A moment that is still to come; what is due already is due now. */
export function dueAt(time: number | undefined): number | undefined {
  return time === undefined || time <= Date.now() ? undefined : time;
}

/** Parts of a list, none longer than a page. */
export function pagesOf<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / pageSize) }, (_, page) =>
    list.slice(page * pageSize, (page + 1) * pageSize),
  );
}
