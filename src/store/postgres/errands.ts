// Errands: what is left to do behind a commit when a run has ended that has a parent or children, that others come after or
// that a batch counts, or a signal has come.
//
// A parent is told of its child's end in the transaction of that end, if nobody has the parent's row; an application's
// transaction may have it for long, and nobody waits for that. What was not done is left behind in that transaction as an
// errand. The verb that left it sends it at once; what is still in the way then, or was left by a transaction of the
// application, is done by the next promotion, which errands call for.
//
// Before this file come the verbs that end runs, `durable.ts` and `flow.ts`. After it come migrations 0018 and 0019.
import { Findings } from "../findings.js";
import type { Text } from "./driver.js";
import { type Gates, namesIn } from "./gates.js";
import { rest, type Session, type Values } from "./session.js";
import { statements } from "./statements.js";
import { numberOf, optionalNumber, plainList, truthOf } from "./text.js";

/** How long each time, in milliseconds, for somebody to let go of a row, before it is left to promotions. */
const pauses = [5, 20, 50, 100, 200];
/** Errands about any subject that are done at once. */
const largest = 500;

export interface Errands {
  /** Does what was left behind about these runs or keys. Never rejects: what fails is reported, and done by a promotion. */
  attend(subjects: readonly string[]): Promise<void>;
  /** Does some of what was left behind about whatever; answers how much. */
  attendToAny(): Promise<number>;
}

interface Done {
  readonly done: number;
  /** Those that have something left. */
  readonly left: string[];
  /** Runs that ended by it. */
  readonly ended: string[];
  readonly hasMore: boolean;
}

export function createErrands(parts: {
  readonly session: Session;
  readonly gates: Gates;
  readonly tell: (found: Findings) => void;
  readonly report: (error: unknown) => void;
}): Errands {
  const { session, gates, tell, report } = parts;

  async function perform(subjects: readonly string[] | undefined): Promise<{ done: number; left: string[] }> {
    const own = await performErrands(subjects);
    if (!own.hasMore) return own;
    const more = await performFlow(subjects === undefined ? undefined : [...subjects, ...own.ended]);
    return { done: own.done + more.done, left: [...new Set([...own.left, ...more.left])] };
  }

  async function performErrands(subjects: readonly string[] | undefined): Promise<Done> {
    const [row = []] = await session.ask(statements.doErrands, valuesOf(subjects));
    const [done, left, ended, asked, woken, keys, hasMore] = row;
    const found = new Findings();
    found.ended.push(...namesIn(ended));
    found.asked = truthOf(asked);
    found.claimable = truthOf(woken);
    await conclude(found, keys);
    return {
      done: numberOf(done),
      left: namesIn(left),
      ended: namesIn(ended),
      hasMore: subjects === undefined || truthOf(hasMore) || found.ended.length > 0,
    };
  }

  async function performFlow(subjects: readonly string[] | undefined): Promise<Omit<Done, "hasMore">> {
    const [row = []] = await session.ask(statements.doFlow, valuesOf(subjects));
    const [done, left, ended, asked, claimable, due, keys] = row;
    const found = new Findings();
    found.ended.push(...namesIn(ended));
    found.asked = truthOf(asked);
    found.claimable = truthOf(claimable);
    found.dueAt(optionalNumber(due));
    await conclude(found, keys);
    return { done: numberOf(done), left: namesIn(left), ended: namesIn(ended) };
  }

  function valuesOf(subjects: readonly string[] | undefined): Values {
    return {
      subjects: subjects === undefined ? null : plainList(subjects),
      limit: largest,
      now: session.now(),
    };
  }

  async function conclude(found: Findings, keys: Text | undefined): Promise<void> {
    tell(found);
    const letGo = namesIn(keys);
    if (letGo.length > 0) await gates.handOver(letGo);
  }

  /** Answers what is still to be done. */
  async function insist(subjects: readonly string[]): Promise<readonly string[]> {
    let left = subjects;
    let patience = 0;
    while (left.length > 0) {
      const result = await perform(left);
      left = result.left;
      if (result.done > 0 || left.length === 0) continue;
      const pause = pauses[patience++];
      if (pause === undefined) break;
      await rest(pause);
    }
    return left;
  }

  return {
    async attend(subjects) {
      let left: readonly string[] = [...new Set(subjects)];
      try {
        left = await insist(left);
      } catch (error) {
        report(error);
      }
      if (left.length === 0) return;
      const found = new Findings();
      found.dueAt(session.time());
      tell(found);
    },
    attendToAny: async () => (await perform(undefined)).done,
  };
}
