// What any living worker may be told on behalf of one that cannot do it: that it is dead, or that it stands still.
//
// The runner has no store, so somebody who has must write it down. Whoever is ready and moves is told at once; when
// there is nobody, the news waits for the first who is. A death counts as told only when the worker has answered that
// the runs were given back: until then another is told, because the one that was may have died of the same.
//
// Before this file come the children. After it comes the runner, which puts in what it sees.
import type { Child } from "./child.js";
import type { Blocked, Death } from "./protocol.js";

export interface Post {
  /** A worker is dead: its runs are to be given back. */
  died(death: Death): void;
  /**
   * A worker's event loop stands still: that is to be written on the run, once. False: it was known already, because
   * a worker says it again while it lasts.
   */
  blocked(child: Child, blocked: Blocked): boolean;
  /** It moves again; the next standstill is another. */
  unblocked(child: Child): void;
  /** The runs of this worker were given back. */
  answered(worker: string): void;
  /** Tells what can be told now. To be called whenever somebody may have become able to hear. */
  deliver(): void;
  /** Deaths that nobody has answered for. */
  readonly unanswered: number;
}

export interface PostParts {
  readonly children: () => Iterable<Child>;
  /** Watched time. */
  readonly now: () => number;
}

interface Letter {
  readonly death: Death;
  readonly toldTo: { child: Child; at: number } | undefined;
}

/** Who was told of a death and says nothing for so long is not waited for any longer. */
const answerWithin = 2_000;
/** Who has said nothing for so long may stand still. */
const hearing = 3_000;

export function createPost({ children, now }: PostParts): Post {
  const deaths = new Map<string, Letter>();
  /** What was last told of who stands still: the execution, where it is known. */
  const known = new WeakMap<Child, string>();
  let reports: { child: Child; worker: string; blocked: Blocked }[] = [];

  /** The best to be told; `but` only when there is nobody else. */
  function listener(but: Child | undefined): Child | undefined {
    const able = [...children()].filter((child) => isAble(child, now()));
    const rank = (child: Child): number => (child.state === "ready" ? 0 : 1) + (child === but ? 2 : 0);
    return able.sort((one, other) => rank(one) - rank(other))[0];
  }

  function deliver(): void {
    reports = reports.filter(({ child, worker, blocked }) => {
      const to = listener(child);
      to?.send({ type: "blocked", worker, blocked });
      return to === undefined;
    });
    for (const [worker, { death, toldTo }] of deaths) {
      const isWaitedFor =
        toldTo !== undefined && toldTo.child.state !== "gone" && now() - toldTo.at < answerWithin;
      const to = isWaitedFor ? undefined : listener(toldTo?.child);
      if (to === undefined) continue;
      to.send({ type: "died", death });
      deaths.set(worker, { death, toldTo: { child: to, at: now() } });
    }
  }

  return {
    died(death) {
      if (!deaths.has(death.worker)) deaths.set(death.worker, { death, toldTo: undefined });
      deliver();
    },
    blocked(child, { milliseconds, run, stack }) {
      const name = run === undefined ? "" : `${run.run} ${run.token}`;
      const before = known.get(child);
      if (before === name || (before !== undefined && name === "")) return false;
      known.set(child, name);
      if (run === undefined || child.worker === undefined) return true;
      const blocked = { milliseconds, run, ...(stack === undefined ? {} : { stack }) };
      reports.push({ child, worker: child.worker, blocked });
      deliver();
      return true;
    },
    unblocked(child) {
      known.delete(child);
      deliver();
    },
    answered: (worker) => void deaths.delete(worker),
    deliver,
    get unanswered() {
      return deaths.size;
    },
  };
}

function isAble({ worker, state, blocked, heardAt }: Child, now: number): boolean {
  return worker !== undefined && state !== "gone" && blocked === undefined && now - heardAt < hearing;
}
