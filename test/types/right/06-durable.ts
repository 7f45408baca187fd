// 6. Steps, a child, a sleep, a signal, a loop, a race and a compensation, in one handler.
import { job, open, signal } from "duckdive";
import { z } from "zod";
import { bottle } from "./03-contract.js";

declare const harbour: {
  book(rack: string): Promise<string>;
  load(crate: string, key: string): Promise<{ crane: string; loadedAt: Date }>;
  afloat(crane: string): Promise<boolean>;
  unload(crane: string): Promise<void>;
};

export const released = signal("released", z.object({ by: z.string(), at: z.coerce.date() }));

export const move = job({
  name: "move-rack",
  input: z.object({ rack: z.string(), crates: z.array(z.string()) }),
  lock: "rack",
  retry: { attempts: 3 },
  async handle({ rack, crates }, ctx) {
    const berth = await ctx.step("book", () => harbour.book(rack), {
      retry: { attempts: 2, backoff: "fixed" },
      timeout: "30s",
    });
    const label = await ctx.run(
      "label",
      bottle,
      { label: berth, pickedAt: "2030-09-01", lot: 1 },
      { onParentEnd: "leave" },
    );
    label.sealedAt.getTime(); // the child's output, read by its schema
    await ctx.sleep("tide", "6h");
    await ctx.until("morning", new Date("2030-09-02"));
    const paper = await ctx.waitFor("customs", released, { timeout: "10d" });
    if (paper === undefined) return ctx.cancel("customs kept it");
    paper.at.getTime();

    const cranes: string[] = [];
    ctx.defer(() => ctx.progress(cranes.length, crates.length)); // a suspended handler never unwinds
    for (const crate of crates) {
      const at = ctx.scope(crate); // "crate-3/load": a loop names its steps by what they are about
      const { crane, loadedAt } = await at.step("load", ({ key }) => harbour.load(crate, key));
      loadedAt.slice(0, 10); // a string by now
      await at.poll("afloat", { every: "20s", timeout: "1h" }, async () =>
        (await harbour.afloat(crane)) ? true : undefined,
      );
      cranes.push(crane);
    }

    const first = await Promise.race([
      ctx.run("fast", bottle, { label: "fast", pickedAt: 0, lot: 2 }).then((sealed) => sealed.shelf),
      ctx.sleep("too slow", "2h").then(() => null),
    ]);
    const inputs = crates.map((label) => ({ label, pickedAt: 0, lot: 3n }));
    const ends = await ctx.runAll("each", bottle, inputs, { onFailure: "collect", atOnce: 10 });
    const counts = ends.flatMap((end) => (end.state === "succeeded" ? [end.output.bottles] : []));
    const some = await ctx.runAll("some", bottle, inputs, { onFailure: "ignore" });
    some.map((sealed) => sealed?.shelf.normalize());
    const every = await ctx.runAll("all", bottle, inputs);
    every.map((sealed) => sealed.shelf.normalize());

    try {
      await ctx.step("sail", async () => {});
    } catch (error) {
      for (const crane of cranes) await ctx.step(`unload ${crane}`, () => harbour.unload(crane));
      throw error;
    }
    if (ctx.patched("tell the owner"))
      await ctx.enqueue("tell", bottle, { label: "told", pickedAt: 0, lot: 4 });
    return { first, counts };
  },
});

const duckdive = open("sqlite:./cellar.db", { jobs: [move] });
const run = await duckdive.enqueue(move, { rack: "r", crates: ["c"] });
await duckdive.signal(run, released, { by: "customs", at: new Date() });
const { counts, first } = await run.result();
counts satisfies number[];
first satisfies string | null;
