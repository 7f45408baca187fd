// Signals that end something of the real program: itself, in good order, in a hurry or at once; or what it executes.
import { describe, expect, test } from "vitest";
import { places } from "../violence/place.js";
import { serviceAt, workersAre } from "./service.js";

const [{ place: anyPlace }] = places;

describe.each(places)("on $name", ({ place }) => {
  test("a stop waits for what ends in time and hands back the rest, which loses no attempt", {
    timeout: 90_000,
  }, async () => {
    const service = serviceAt(await place());
    const held = await service.enqueue("held", 4);
    const program = service.work(["--drain", "1s"]);
    await service.begun(held, 4);
    const quick = await service.enqueue("quick", 4);
    await service.begun(quick, 4);
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    for (const run of await service.runs(quick))
      expect(run).toMatchObject({ state: "succeeded", attempt: 1 });
    for (const run of await service.runs(held))
      expect(run).toMatchObject({ state: "ready", attempt: 0, crashes: 0 });
    expect(await service.duckdive.workers()).toEqual([]);

    service.release();
    service.work();
    await service.succeeded(held);
    for (const run of await service.runs(held)) expect(run).toMatchObject({ attempt: 1, crashes: 0 });
    expect(service.noted("began", held)).toHaveLength(8);
  });

  test("a second stop hands back at once", { timeout: 60_000 }, async () => {
    const service = serviceAt(await place());
    const held = await service.enqueue("held", 4);
    const program = service.work(["--drain", "1h"]);
    await service.begun(held, 4);
    program.signal("SIGTERM");
    await program.hears("signal", ({ drain }) => drain === 3_600_000);
    program.signal("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
    for (const run of await service.runs(held))
      expect(run).toMatchObject({ state: "ready", attempt: 0, crashes: 0 });
  });

  test("kill ends what is executed as failed attempts, and the same workers go on", {
    timeout: 60_000,
  }, async () => {
    const service = serviceAt(await place());
    const program = service.work();
    const workers = await workersAre(service, 2);
    const held = await service.enqueue("held", 4);
    await service.begun(held, 4);
    program.signal("SIGUSR1");
    await service.begun(held, 8);
    expect(service.noted("aborted", held).map(({ why }) => why)).toEqual(Array(4).fill("killed"));
    for (const id of held) {
      const { events } = await service.duckdive.timeline(id);
      expect(events).toMatchObject([{ kind: "failed", attempt: 1 }]);
      expect(JSON.stringify(events)).toContain('"KILLED"');
    }
    service.release();
    await service.succeeded(held);
    for (const run of await service.runs(held)) expect(run).toMatchObject({ attempt: 2, crashes: 0 });
    expect((await service.duckdive.workers()).map(({ id }) => id).sort()).toEqual(
      workers.map(({ id }) => id).sort(),
    );
  });
});

test("a third stop kills workers that do not hear, and says by what signal", {
  timeout: 60_000,
}, async () => {
  const service = serviceAt(await anyPlace());
  const spins = await service.enqueue("spins");
  const program = service.work(["--max-block", "10m", "--drain", "1h"]);
  await service.begun(spins, 1);
  await program.hears("blocked");
  program.signal("SIGTERM");
  await program.hears("signal", ({ drain }) => drain === 3_600_000);
  program.signal("SIGTERM");
  await program.hears("signal", ({ drain }) => drain === 0);
  program.signal("SIGTERM");
  expect(await program.ended).toMatchObject({ code: 143 });
});
