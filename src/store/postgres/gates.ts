// Gates: what follows when a place at a lock, a limit or a rate may have become free.
//
// A settlement takes no lock of a gate: the place is free by the run's end alone. Directly behind it, and behind whatever
// else ends or changes runs, goes a statement of its own that gives free places to the next in line; the verb answers
// after both. When a crash comes in between, the sweep finds the line: it looks at some gates every few seconds.
//
// Which runs have gates is remembered from their claim, so that a settlement of runs without any asks for nothing.
import type { GateStanding } from "../contract.js";
import { Findings } from "../findings.js";
import { type Session, slices } from "./session.js";
import { statements } from "./statements.js";
import { idList, listOf, numberOf, plainList, textList, truthOf } from "./text.js";

/** The gates of a run as numbers, and those of them that are rates. */
export interface GatesOfRun {
  readonly keys: readonly string[];
  readonly rates: readonly string[];
}

/** Gates in one statement: it holds the lock of all gates. */
const slice = 1_000;
/** How often the sweep looks, in milliseconds, at how many gates at once, and how many times. */
const sweepEvery = 5_000;
const sweepSize = 200;
const sweepTurns = 5;

export interface Gates {
  /** Gives free places to the next in line; answers to how many. What fails is reported, and made good by the sweep. */
  handOver(keys: Iterable<string>): Promise<number>;
  /** Keeps rates closed for so long, or without any a queue. */
  holdBack(rates: readonly string[], queue: string, milliseconds: number): Promise<void>;
  /** Does something that may end or change these runs, and hands over what they had. */
  around<T>(runs: readonly string[], perform: () => Promise<T>): Promise<T>;
  /** The same with all that workers hold. */
  aroundWorkers<T>(workers: readonly string[], perform: () => Promise<T>): Promise<T>;
  /** Looks at some gates, if it is time. */
  sweep(): Promise<void>;
  standing(run: string): Promise<GateStanding[]>;
}

export function createGates(parts: {
  readonly session: Session;
  readonly tell: (found: Findings) => void;
  readonly report: (error: unknown) => void;
}): Gates {
  const { session, tell, report } = parts;
  let sweptAt = Number.NEGATIVE_INFINITY;
  let before: string | null = null;

  function handed(count: number): void {
    if (count === 0) return;
    const found = new Findings();
    found.claimable = true;
    tell(found);
  }

  async function handOver(keys: Iterable<string>): Promise<number> {
    let count = 0;
    try {
      for (const some of slices([...new Set(keys)], slice)) {
        // A long line moves part by part, and the claims of others come in between.
        for (let left: readonly string[] = some; left.length > 0; ) {
          const [row] = await session.ask(statements.handOver, { keys: plainList(left), now: session.now() });
          count += numberOf(row?.[0]);
          left = namesIn(row?.[1]);
        }
      }
    } catch (error) {
      report(error);
    }
    handed(count);
    return count;
  }

  async function behind<T>(keys: readonly string[], perform: () => Promise<T>): Promise<T> {
    const result = await perform();
    await handOver(keys);
    return result;
  }

  return {
    handOver,
    async holdBack(rates, queue, milliseconds) {
      try {
        await session.ask(statements.holdBack, {
          rates: plainList(rates),
          queue,
          for: milliseconds,
          now: session.now(),
        });
      } catch (error) {
        report(error);
      }
    },
    async around(runs, perform) {
      const [row] = await session.ask(statements.gatesOf, { ids: idList(runs) });
      return behind(namesIn(row?.[0]), perform);
    },
    async aroundWorkers(workers, perform) {
      const gatesOfWorkers = async (): Promise<string[]> => {
        const [row] = await session.ask(statements.gatesOfWorkers, { workers: textList(workers) });
        return namesIn(row?.[0]);
      };
      // Before it, since the sweep may forget them; and after it, since a claim may have been under way.
      const early = await gatesOfWorkers();
      const result = await perform();
      await handOver([...early, ...(await gatesOfWorkers())]);
      return result;
    },
    async sweep() {
      if (performance.now() - sweptAt < sweepEvery) return;
      sweptAt = performance.now();
      let made = 0;
      for (let turn = 0; turn < sweepTurns; turn++) {
        const values = { before, limit: sweepSize, now: session.now() };
        const [row] = await session.ask(statements.sweepGates, values);
        before = row?.[0] ?? null;
        made += numberOf(row?.[1]);
        await handOver(namesIn(row?.[2]));
        if (before === null) break;
      }
      // And at what was to become ready while an application's transaction had its row.
      const [left] = await session.ask(statements.unparkLeft, { now: session.now() });
      handed(made + (truthOf(left?.[0]) ? 1 : 0));
    },
    async standing(run) {
      const [row] = await session.ask(statements.standing, { run, now: session.now() });
      return standingFrom(row?.[0] ?? null);
    },
  };
}

/** The numbers of gates in a list. */
export function namesIn(text: string | null | undefined): string[] {
  return listOf(text).flatMap((key) => key ?? []);
}

interface Stood extends Omit<GateStanding, "holders" | "opensAt" | "kind" | "key" | "limit"> {
  readonly gate: Pick<GateStanding, "kind" | "key" | "limit">;
  readonly opensAt: number | null;
  readonly holders: readonly (Omit<GateStanding["holders"][number], "since"> & { since: number | null })[];
}

function standingFrom(text: string | null): GateStanding[] {
  const gates: Stood[] = text === null ? [] : JSON.parse(text);
  return gates.map(({ gate, opensAt, holders, ...rest }) => ({
    ...gate,
    ...rest,
    holders: holders.map(({ since, ...holder }) => ({ ...holder, since: since ?? undefined })),
    opensAt: opensAt ?? undefined,
  }));
}
