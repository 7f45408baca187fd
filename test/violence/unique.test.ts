// Sixty-four callers in four processes ask for one unique key at once: one of them gets it, and the others get that run.
import { describe, expect, type TestContext, test } from "vitest";
import { newId } from "../../src/kernel/index.js";
import type { NewRun, Store, Unique } from "../../src/store/contract.js";
import { type Place, places } from "./place.js";
import { type Child, start } from "./processes.js";

interface Answer {
  readonly id?: string;
  readonly created?: boolean;
  readonly changed?: boolean;
  readonly input?: string;
  readonly refused?: string;
  readonly existing?: string;
}

interface Askers {
  /** Lets all callers ask at once, and answers what each was answered. */
  ask(unique: Unique, fields?: Partial<NewRun>): Promise<Answer[]>;
}

async function startAskers({ address }: Place): Promise<Askers> {
  const children: Child[] = [0, 1, 2, 3].map(() => start("asker.mjs", { address, callers: 16 }));
  await Promise.all(children.map((child) => child.hears((value) => "ready" in value)));
  let round = 0;
  return {
    async ask(unique, fields = {}) {
      round += 1;
      const mine = round;
      for (const child of children) child.tell(JSON.stringify({ round: mine, unique, ...fields }));
      const said = await Promise.all(
        children.map((child) => child.hears(({ round: answered }) => answered === mine)),
      );
      return said.flatMap(({ answers }) => answers as Answer[]);
    },
  };
}

const live = ["scheduled", "ready", "running", "waiting"] as const;

function keyed(key: string, onConflict: Unique["onConflict"] = { kind: "ignore" }): Unique {
  return { key, while: live, onConflict };
}

/** Leaves the test out for a store that has no unique keys yet. */
async function requireKeys(store: Store, { skip }: TestContext): Promise<void> {
  const run = { id: newId(), job: "copy", version: 1, queue: "default", priority: 0, unique: keyed("first") };
  const code = await store.insert([run]).then(
    () => undefined,
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );
  skip(code === "NOT_BUILT", "this store has no unique keys yet");
  expect(code).toBeUndefined();
  await store.remove([run.id]);
}

describe.each(places)("of 64 callers in 4 processes on $name", ({ place }) => {
  test("one creates the run of a key, and all others get that one", async (context) => {
    const where = await place();
    const store = where.store();
    await requireKeys(store, context);
    const askers = await startAskers(where);
    const keys = Array.from({ length: 25 }, (_, index) => `key ${index}`);
    // Five keys at a time: callers of different keys meet as well.
    for (let from = 0; from < keys.length; from += 5) {
      const rounds = await Promise.all(keys.slice(from, from + 5).map((key) => askers.ask(keyed(key))));
      for (const answers of rounds) {
        expect(answers).toHaveLength(64);
        expect(answers.filter(({ created }) => created)).toHaveLength(1);
        expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
      }
    }
    expect(await store.count({})).toBe(25);
  });

  test("one is not rejected, and all others hear of that one", async (context) => {
    const where = await place();
    const store = where.store();
    await requireKeys(store, context);
    const askers = await startAskers(where);
    for (let round = 0; round < 10; round++) {
      const answers = await askers.ask(keyed(`key ${round}`, { kind: "reject" }));
      const [winner, ...others] = answers.filter(({ created }) => created);
      expect(others).toEqual([]);
      const refused = answers.filter((answer) => answer !== winner);
      expect(new Set(refused.map(({ refused }) => refused))).toEqual(new Set(["UNIQUE_CONFLICT"]));
      expect(new Set(refused.map(({ existing }) => existing))).toEqual(new Set([winner?.id]));
    }
    expect(await store.count({})).toBe(10);
  });

  test("each that replaces is there in the timeline, and one of them has the last word", async (context) => {
    const where = await place();
    const store = where.store();
    await requireKeys(store, context);
    const askers = await startAskers(where);
    const answers = await askers.ask(keyed("key", { kind: "replace", fields: ["input"] }));
    const [first] = answers;
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(answers.filter(({ changed }) => changed)).toHaveLength(63);
    const id = first?.id ?? "";
    const { events } = await store.timeline(id);
    expect(events.map(({ kind }) => kind)).toEqual(Array.from({ length: 63 }, () => "replaced"));
    const [run] = await store.find([id]);
    expect(answers.map(({ input }) => input)).toContain(run?.input);
    expect(await store.count({})).toBe(1);
  });

  test("none creates a run while another of its key has not ended, whoever settles in between", async (context) => {
    const where = await place();
    const store = where.store();
    await requireKeys(store, context);
    const askers = await startAskers(where);
    const worker = newId();
    const host = "violence:no-such-boot:no-such-namespace";
    const abilities = [{ job: "copy", version: 1 }];
    await store.register({ id: worker, host, pid: 4_711, abilities, queues: { "*": 10 } });
    let isOver = false;
    const created: string[] = [];
    async function work(): Promise<void> {
      while (!isOver) {
        const claims = await store.claim({ worker, queues: { "*": 10 }, abilities });
        expect(claims.length).toBeLessThanOrEqual(1);
        await store.settle(
          claims.map(({ run, token, claim }) => ({
            run,
            token,
            ...(claim === undefined ? {} : { claim }),
            state: "succeeded" as const,
            keep: 3_600_000,
          })),
        );
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    const working = work();
    try {
      for (let round = 0; round < 20; round++) {
        const answers = await askers.ask(keyed("key"));
        created.push(...answers.flatMap((answer) => (answer.created === true ? [answer.id ?? ""] : [])));
      }
    } finally {
      isOver = true;
      await working;
    }
    expect(created.length).toBeGreaterThan(1);
    expect(await store.count({})).toBe(created.length);
    // Two at once would have been claimed together. When they were asked for does not tell: who waits for a key that is about
    // to be free has asked before the one that had it ended.
    // The last one may not have begun when the worker stopped.
    const never = Number.MAX_SAFE_INTEGER;
    const lives = (await store.find(created))
      .map((run) => [run?.startedAt ?? never, run?.finishedAt ?? never] as const)
      .toSorted(([began, ended], [beganToo, endedToo]) => began - beganToo || ended - endedToo);
    expect(lives.filter(([, finishedAt]) => finishedAt === never).length).toBeLessThan(2);
    for (const [index, [startedAt]] of lives.entries()) {
      expect(lives[index - 1]?.[1] ?? 0).toBeLessThanOrEqual(startedAt);
    }
  });
});
