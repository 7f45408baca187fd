// Four processes enqueue into one place at once: nobody sees the lock, and nothing is lost.
import { describe, expect, test } from "vitest";
import { job, open } from "../../src/index.js";
import { places } from "./place.js";
import { start, startWorker } from "./processes.js";

describe.each(places)("$name", ({ name, place }) => {
  test("200 concurrent enqueues from each of 4 processes are all there, and none met an error", async () => {
    const { address } = await place();
    const children = [0, 1, 2, 3].map(() => start("enqueuer.mjs", { address, count: 200 }));
    await Promise.all(children.map((child) => child.hears((value) => "ready" in value)));
    for (const child of children) child.tell("go");
    const answers = await Promise.all(children.map((child) => child.hears((value) => "ids" in value)));
    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    const acknowledged = answers.flatMap(({ ids }) => ids as string[]);
    expect(new Set(acknowledged).size).toBe(800);
    await using duckdive = open(address);
    const stored = new Set<string>();
    for await (const { id } of duckdive.list({}, { limit: 1_000 })) stored.add(id);
    expect(stored).toEqual(new Set(acknowledged));
  });

  test("a worker in another process begins what was enqueued here at once", async () => {
    const { address } = await place();
    const worker = await startWorker({ address });
    await using duckdive = open(address);
    const now = job({ name: "now" });
    const latencies: number[] = [];
    for (let n = 0; n < 30; n++) {
      const { id } = await duckdive.enqueue(now);
      const recorded = performance.timeOrigin + performance.now();
      const { at } = await worker.hears(({ began }) => began === id);
      latencies.push(Number(at) - recorded);
    }
    const median = latencies.toSorted((one, other) => one - other)[15] ?? Number.NaN;
    console.info(
      JSON.stringify({
        name: `${name.toLowerCase()}.wake.median`,
        value: Number(median.toFixed(2)),
        unit: "ms",
      }),
    );
    expect(median).toBeLessThan(1_000);
    // A report that came before its commit could be seen was once heard half a second later.
    expect(latencies.filter((latency) => latency > 400).length).toBeLessThan(5);
  });
});
