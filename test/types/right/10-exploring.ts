// 10. A job is crashed at every boundary; its world is made anew for each trial, so the job closes over it.
import { job } from "duckdive";
import { explore } from "duckdive/testing";
import { z } from "zod";

class Till {
  readonly entries = new Map<string, number>();
  async enter(cents: number, key: string) {
    this.entries.set(key, cents);
    return { key };
  }
}
const pay = (till: Till) =>
  job({
    name: "pay",
    input: z.object({ table: z.string(), cents: z.number() }),
    async handle({ cents }, ctx) {
      await ctx.step("enter", ({ key }) => till.enter(cents, key));
      await ctx.sleep("tip", "10m");
      return { paid: true };
    },
  });
const report = await explore(
  pay(new Till()),
  { table: "5", cents: 1_250 },
  {
    world: () => new Till(),
    jobs: (till) => [pay(till)],
    observe: (till) => [...till.entries],
    seed: 7,
  },
);
report.assertIdempotent();
for (const { at, twice } of report.boundaries) if (twice.length > 0) at.normalize();
