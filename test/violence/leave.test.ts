// A process ends by itself once its worker is stopped and its client closed: no timer, no watcher, no open handle stays.
import { describe, expect, test } from "vitest";
import { open } from "../../src/index.js";
import { places } from "./place.js";
import { start } from "./processes.js";

describe.each(places)("$name", ({ place }) => {
  test("a process that has stopped its worker and closed its client ends by itself, and leaves no worker behind", async () => {
    const { address } = await place();
    const child = start("leaver.mjs", { address });
    const ended = new Promise<{ code: number | null; at: number }>((resolve) =>
      child.process.on("exit", (code) => resolve({ code, at: Date.now() })),
    );
    const { stopped } = await child.hears((value) => "stopped" in value);
    const { code, at } = await ended;
    expect(code).toBe(0);
    expect(at - Number(stopped)).toBeLessThan(1_000);
    await using duckdive = open(address);
    expect(await duckdive.workers()).toEqual([]);
    expect(await duckdive.stats()).toMatchObject({ succeeded: 1, ready: 1, scheduled: 2, running: 0 });
  });
});
