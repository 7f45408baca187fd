// 5. Unique, locked, limited by key and in all; each rule a field, some fields, or a function of the parsed input.
import { job, open, UniqueConflictError } from "duckdive";
import { z } from "zod";

export const taste = job({
  name: "taste",
  input: z.object({
    wine: z.string(),
    house: z.enum(["north", "south"]).default("north"),
    blind: z.boolean().optional(),
  }),
  unique: { by: ["wine", "blind"], for: "15m", onConflict: { debounce: "1m", atMost: "10m" } },
  lock: (input) => `wine:${input.wine}`,
  concurrency: [
    { limit: 20 },
    { limit: 3, by: "house" },
    { limit: 1, by: (input) => (input.blind ? input.wine : null) },
  ],
  rate: { limit: 60, per: "1h", by: "house", burst: 5 },
  crashes: 5,
  startWithin: "2h",
  finishWithin: "1d",
  keep: { succeeded: "2d", failed: "60d" },
  isolate: "thread",
  async handle(input, ctx) {
    return input.house === "south" ? ctx.rateLimited("45s") : { points: input.wine.length };
  },
});
job({ name: "apart", isolate: { kind: "process", memory: "256mb", module: import.meta.url }, handle() {} });
job({ name: "held", input: z.object({ id: z.string() }), lock: { by: "id", hold: "attempt" }, handle() {} });
const once = job({
  name: "once",
  input: z.object({ id: z.number() }),
  unique: { onConflict: "reject" },
  handle() {},
});

const duckdive = open("sqlite:./cellar.db");
const run = await duckdive.enqueue(taste, { wine: "rosé" });
(await run.result()).points.toFixed();
if (!run.created) run.id.normalize();
await duckdive.enqueueMany(taste, [{ wine: "a" }, { wine: "b", house: "south" }], { priority: -3 });
try {
  await duckdive.enqueue(once, { id: 1 });
} catch (error) {
  if (error instanceof UniqueConflictError) error.existing.normalize();
}
