// 3b. What the worker loads: the contract's handler, and the configuration of `duckdive work`.
import { config } from "duckdive";
import { bottle } from "./03-contract.js";

declare function fill(label: string, litres: number): Promise<{ shelf: string; bottles: number } | undefined>;

export const bottleHandler = bottle.handle(async ({ label, litres, pickedAt, lot }, ctx) => {
  pickedAt.getFullYear(); // the schema has read them back
  (lot * 2n).toString();
  const filled = await ctx.step("fill", async () => (await fill(label, litres)) ?? null);
  if (filled === null) return ctx.fail("corked", { cork: "natural" }); // typed, and final
  if (filled.bottles === 0) return ctx.fail("nothing came out");
  return { ...filled, sealedAt: new Date().toISOString() }; // what the output schema takes
});

export default config({ store: "postgres://localhost/cellar", jobs: [bottleHandler], queues: { cellar: 2 } });
