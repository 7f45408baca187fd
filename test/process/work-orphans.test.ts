// The runner itself is killed with -9: its workers stop as when they are told to, whether the store is there or not, and
// nobody is left behind. Its output is a pipe that all of them hold, so its end is the end of the last.
import { describe, expect, test } from "vitest";
import { startProxy } from "../postgres/proxy.js";
import { places } from "../violence/place.js";
import { serviceAt } from "./service.js";

const [, { place: postgresPlace }] = places;

describe.each(places)("on $name", ({ place }) => {
  test("without their runner workers drain, hand back and end, and another runner goes on", {
    timeout: 90_000,
  }, async () => {
    const service = serviceAt(await place());
    const held = await service.enqueue("held", 4);
    const runner = service.work(["--drain", "1s"]);
    await service.begun(held, 4);
    const quick = await service.enqueue("quick", 4);
    await service.begun(quick, 4);
    runner.signal("SIGKILL");
    await runner.ended;
    expect(await service.duckdive.workers()).toEqual([]);
    expect((await service.duckdive.departed()).map(({ how }) => how)).toEqual(["stopped", "stopped"]);
    for (const run of await service.runs(quick))
      expect(run).toMatchObject({ state: "succeeded", attempt: 1 });
    for (const run of await service.runs(held))
      expect(run).toMatchObject({ state: "ready", attempt: 0, crashes: 0 });
    service.release();
    service.work();
    await service.succeeded(held);
  });
});

test.each([
  ["refuses connections", "stop"],
  ["is silent", "silence"],
] as const)(
  "also while the server %s the workers end, and another runner goes on",
  { timeout: 120_000 },
  async (_, outage) => {
    const here = await postgresPlace();
    const proxy = await startProxy(Number(new URL(here.address).port));
    const service = serviceAt(here, proxy.through(here.address));
    const held = await service.enqueue("held", 4);
    const runner = service.work(["--drain", "1s"]);
    await service.begun(held, 4);
    await proxy[outage]();
    runner.signal("SIGKILL");
    await runner.ended;
    if (outage === "silence") await proxy.stop();
    service.release();
    service.work([], { DUCKDIVE_STORE: here.address });
    await service.succeeded(held);
  },
);
