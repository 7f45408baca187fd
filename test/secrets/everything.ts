// An application that puts one word into everything it may put anything into: for tests that look for that word.
import { z } from "zod";
import { job, open, signal } from "../../src/index.js";
import type { Store } from "../../src/store/contract.js";
import type { Encryption } from "../../src/store/sealing.js";
import { silent } from "../engine.js";

/** Found nowhere by chance, in no encoding that JSON knows. */
export const secret = "passphrase-4711-of-Ada";

export const keyA = Buffer.alloc(32, 7);
export const keyB = Buffer.alloc(32, 9);

const input = z.object({ card: z.string() });
const approved = signal("approved", input);

const child = job({ name: "child", input, handle: ({ card }) => ({ card }) });

const failing = job({
  name: "failing",
  input,
  retry: { attempts: 1 },
  handle({ card }, ctx) {
    ctx.log.warn(`about ${card}`, { card });
    ctx.progress(1, 2, `at ${card}`);
    throw Object.assign(new Error(`no such card: ${card}`, { cause: new Error(card) }), { code: "NO_CARD" });
  },
});

const paying = job({
  name: "paying",
  input,
  async handle({ card }, ctx) {
    const known = await ctx.step("look up", () => ({ card }));
    await ctx
      .step(
        "refused",
        () => {
          throw new Error(`refused ${card}`);
        },
        { retry: { attempts: 1 } },
      )
      .catch(() => undefined);
    const below = await ctx.run("below", child, { card });
    const all = await ctx.runAll("many", child, [{ card }, { card }]);
    const yes = await ctx.waitFor("yes", approved);
    return { known, below, all, yes };
  },
});

const jobs = [child, failing, paying];

/** Lets it all happen on a store; answers the ids of the run that failed and of the one that succeeded. */
export async function putEverywhere(
  bare: Store,
  encryption: Encryption,
): Promise<{ failed: string; paid: string }> {
  const duckdive = open(bare, { jobs, encryption, log: silent });
  const failed = await duckdive.enqueue(failing, { card: secret });
  const paid = await duckdive.enqueue(paying, { card: secret });
  await duckdive.schedule("hourly").create(child, { every: "1h", input: { card: secret } });
  await duckdive.signal(paid, approved, { card: secret });
  const worker = duckdive.work();
  await failed.outcome();
  await paid.outcome();
  await worker.stop();
  return { failed: failed.id, paid: paid.id };
}

/** Everything that is known of these runs, as an application with these keys reads it. */
export async function readBack(bare: Store, encryption: Encryption, ids: readonly string[]): Promise<string> {
  const duckdive = open(bare, { jobs, encryption, log: silent });
  const found = await Promise.all(
    ids.map(async (id) => [await duckdive.get(id), await duckdive.timeline(id), await duckdive.steps(id)]),
  );
  return JSON.stringify([found, await duckdive.schedules()]);
}
