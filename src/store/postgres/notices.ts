// What one process tells the others: a few letters over NOTIFY, at most every few milliseconds.
//
// A notice only makes things early; whoever misses it looks by itself after a while. Notices of inserts go with their
// statement, so that they arrive with the commit and never before; those of everything else are gathered and sent
// together, since each takes a lock that all notifying commits share.
import type { Change } from "../contract.js";
import { Findings } from "../findings.js";

/** At most one notice in this time, in milliseconds. */
const calm = 20;

/** The text of a notice; null when there is nothing to tell. `origin` is left out in a transaction of the application. */
export function noticeOf(found: Findings, origin?: string): string | null {
  const change = found.toChange();
  if (change === undefined) return null;
  const parts = [
    change.claimable ? "c" : "",
    change.asked ? "x" : "",
    change.ended.length > 0 ? "e" : "",
    change.schedules === true ? "s" : "",
    change.due === undefined ? "" : `d${change.due}`,
    origin === undefined ? "" : `o${origin}`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** The change that a notice tells of; undefined when it is our own. */
export function changeIn(notice: string, ownOrigin: string): Change | undefined {
  const parts = notice.split(" ");
  if (parts.includes(`o${ownOrigin}`)) return undefined;
  const due = parts.find((part) => /^d\d+$/.test(part));
  const change = {
    origin: "elsewhere",
    ended: [],
    claimable: parts.includes("c"),
    asked: parts.includes("x"),
    ...(parts.includes("s") ? { schedules: true as const } : {}),
  } as const;
  return due === undefined ? change : { ...change, due: Number(due.slice(1)) };
}

/** Gathers what is to be told and sends it. */
export class Notices {
  readonly #send: (notice: string) => Promise<void>;
  readonly #origin: string;
  readonly #onTheWay = new Set<Promise<void>>();
  #found = new Findings();
  #timer: NodeJS.Timeout | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;

  constructor(origin: string, send: (notice: string) => Promise<void>) {
    this.#origin = origin;
    this.#send = send;
  }

  add(found: Findings): void {
    if (found.toChange() === undefined) return;
    this.#found.merge(found);
    if (this.#timer !== undefined) return;
    const wait = this.#sentAt + calm - performance.now();
    if (wait <= 0) this.#flush();
    else this.#timer = setTimeout(() => this.#flush(), wait);
  }

  /** Sends what is left; resolves when all of it has been sent. */
  async close(): Promise<void> {
    this.#flush();
    await Promise.all(this.#onTheWay);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const notice = noticeOf(this.#found, this.#origin);
    this.#found = new Findings();
    this.#sentAt = performance.now();
    if (notice === null) return;
    const sent: Promise<void> = this.#send(notice).finally(() => this.#onTheWay.delete(sent));
    this.#onTheWay.add(sent);
  }
}
