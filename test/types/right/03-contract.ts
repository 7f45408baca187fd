// 3a. What a web process imports: a name, schemas and policy. No code of the worker comes with it.
import { job, open } from "duckdive";
import { z } from "zod";

export const bottle = job({
  name: "bottle",
  input: z.object({
    label: z.string(),
    litres: z.number().default(0.75),
    pickedAt: z.coerce.date(),
    lot: z.coerce.bigint(),
  }),
  output: z.object({ shelf: z.string(), bottles: z.number(), sealedAt: z.coerce.date() }),
  errors: { corked: z.object({ cork: z.string() }), "no-glass": z.undefined() },
  queue: "cellar",
  version: 3,
  concurrency: { limit: 2 },
});

// no handler, and so no list of jobs
export const duckdive = open("postgres://localhost/cellar");
export async function POST(label: string): Promise<string> {
  const run = await duckdive.enqueue(bottle, { label, pickedAt: new Date(), lot: 12n }); // litres may be left out
  return run.id;
}

// an output that is declared where the handler is: the handler returns what its schema takes
export const seal = job({
  name: "seal",
  input: z.object({ bottle: z.number() }),
  output: z.object({ wax: z.string(), sealedAt: z.coerce.date() }),
  errors: { cracked: z.object({ where: z.string() }) },
  async handle({ bottle }, ctx) {
    if (bottle < 0) return ctx.fail("cracked", { where: "neck" });
    if (ctx.attempt > 3) return ctx.snooze("1m");
    const wax = await ctx.step("melt", () => "red");
    return { wax, sealedAt: Date.now() };
  },
});
