/**
 * What goes wrong in a trial: one fault, at one boundary.
 *
 * A boundary is a write that an execution waits for, or a claim. It is known again in another world by its run, whose id
 * is the same there, by what it is about, and by how often that was written before; not by a number of its own, since
 * what runs side by side may be written in another order.
 *
 * Before this file come the calls of processes. After it comes the fleet, which does what the script says.
 */
import type { Claimed, Entry, EntryWrite, Settling } from "../../store/contract.js";

export const faults = {
  crashBefore: "crash before the write",
  crashAfter: "crash after the write",
  lateBefore: "claim lost before the write",
  lateAfter: "claim lost after the write",
  twice: "delivered twice",
  refused: "the write fails once",
} as const;

export type Fault = keyof typeof faults;

/** What can go wrong at each kind of boundary. */
const faultsAt = {
  claim: ["twice"],
  record: ["crashBefore", "crashAfter", "lateBefore", "lateAfter", "twice"],
  tx: ["crashBefore", "crashAfter", "lateBefore", "lateAfter", "twice"],
  /** `ctx.succeed`: while its transaction is open nobody else can take the run. */
  succeed: ["crashBefore", "crashAfter"],
  settle: ["crashBefore", "crashAfter", "lateBefore", "refused"],
} as const satisfies Record<string, readonly Fault[]>;

export interface Boundary {
  readonly kind: keyof typeof faultsAt;
  /** One for each entry of the write: in another trial they may be written apart. */
  readonly keys: readonly string[];
  /** In words. */
  readonly at: string;
}

export interface Plan {
  readonly boundary: Boundary;
  readonly fault: Fault;
}

/** Every fault at every boundary. */
export function plansFor(boundaries: readonly Boundary[]): Plan[] {
  return boundaries.flatMap((boundary) => faultsAt[boundary.kind].map((fault) => ({ boundary, fault })));
}

export class Script {
  readonly boundaries: Boundary[] = [];
  readonly #plan: Plan | undefined;
  readonly #counts = new Map<string, number>();
  readonly #jobs = new Map<string, string>();
  readonly #root: string;
  #isOver = false;
  #steps = 0;

  /** @param root the id of the run that is explored */
  constructor(root: string, plan?: Plan) {
    this.#root = root;
    this.#plan = plan;
  }

  /** Whether the fault has happened. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** How many writes and claims there were. */
  get steps(): number {
    return this.#steps;
  }

  claim({ run, job }: Claimed): Fault | undefined {
    this.#jobs.set(run, job);
    return this.#meet("claim", run, ["claim"], "the start of an execution");
  }

  record({ run, entries }: EntryWrite): Fault | undefined {
    const names = entries.map(({ name, state }) => `${name}\0${state}`);
    return this.#meet("record", run, names, entries.map(wordsOf).join(" and "));
  }

  settle({ run, state, waiting, error }: Settling): Fault | undefined {
    const what =
      waiting?.reason === "entries"
        ? "the suspension"
        : state === "scheduled" || state === "ready"
          ? error === undefined
            ? "the putting off"
            : "the failed attempt"
          : "the end";
    return this.#meet("settle", run, [`settle\0${what}`], `${what} of the run`);
  }

  tx(run: string, name: string): Fault | undefined {
    return this.#meet("tx", run, [`${name}\0tx`], `tx "${name}"`);
  }

  succeed(run: string): Fault | undefined {
    return this.#meet("succeed", run, ["succeed"], "ctx.succeed");
  }

  #meet(kind: Boundary["kind"], run: string, names: readonly string[], words: string): Fault | undefined {
    this.#steps += 1;
    const keys = names.map((name) => this.#keyOf(run, name));
    if (this.#plan === undefined) {
      const job = this.#jobs.get(run);
      const at = run === this.#root ? words : `${words} (job "${job ?? run}")`;
      this.boundaries.push({ kind, keys, at });
      return undefined;
    }
    const { boundary, fault } = this.#plan;
    if (this.#isOver || boundary.kind !== kind || !keys.some((key) => boundary.keys.includes(key)))
      return undefined;
    this.#isOver = true;
    return fault;
  }

  /** With how often it was met before. */
  #keyOf(run: string, name: string): string {
    const key = `${run}\0${name}`;
    const count = this.#counts.get(key) ?? 0;
    this.#counts.set(key, count + 1);
    return `${key}\0${count}`;
  }
}

function wordsOf({ kind, name, state }: Pick<Entry, "kind" | "name" | "state">): string {
  const what = kind === "children" || kind === "child" ? `run "${name}"` : `${kind} "${name}"`;
  if (state !== "pending") return kind === "sleep" ? `${what}, over` : what;
  return kind === "step" || kind === "poll" ? `${what}, to be tried again` : `${what}, begun`;
}
