// kill -9 of workers whose schedule ticks every second: each tick makes one run, and none makes two or is left out.
import { describe, expect, test } from "vitest";
import { places } from "./place.js";
import { eventually, start } from "./processes.js";

const kills = 8;

describe.each(places)("$name", ({ place }) => {
  test("every tick makes one run, whoever is killed at whatever moment", { timeout: 60_000 }, async () => {
    const { address, store } = await place();
    const hand = store();
    const ticker = async () => {
      const child = start("ticker.mjs", { address });
      await child.hears((value) => "ready" in value);
      return child;
    };
    const workers = [await ticker(), await ticker(), await ticker()];
    for (let killed = 0; killed < kills; killed++) {
      // As the next second begins, give or take what it takes to record a tick.
      const untilTick = 1_000 - (Date.now() % 1_000) + Math.random() * 20;
      await new Promise((resolve) => setTimeout(resolve, untilTick));
      await workers.shift()?.kill();
      workers.push(await ticker());
    }
    const before = (await hand.ticks("beat", 1))[0]?.at ?? 0;
    await eventually(async () => ((await hand.ticks("beat", 1))[0]?.at ?? 0) > before, 10_000);
    await Promise.all(workers.map((worker) => worker.kill()));

    const ticks = (await hand.ticks("beat", 500)).reverse();
    const first = ticks[0]?.at ?? 0;
    expect(ticks.length).toBeGreaterThan(kills);
    expect(ticks.map(({ at, outcome }) => [at, outcome])).toEqual(
      ticks.map((_tick, place) => [first + place * 1_000, "enqueued"]),
    );
    const { runs } = await hand.list({}, { limit: 1_000 });
    expect(runs.map(({ id }) => id).sort()).toEqual(ticks.map(({ run }) => run).sort());
  });
});
