// What is asked of workers from elsewhere, through the store: to end a run, to hold, to go on, to draw from other
// queues, to stop. The real program hears it, looked after or alone.
import { describe, expect, test } from "vitest";
import { places } from "../violence/place.js";
import { eventually } from "../violence/processes.js";
import { patience, type Service, serviceAt, workersAre } from "./service.js";

const manners = [
  ["under a runner", [], 2],
  ["alone", ["--processes", "0"], 1],
] as const;

async function tell(service: Service, ...words: readonly string[]): Promise<void> {
  const { code, stderr } = await service.folder.run(["tell", "all", ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}

const idsOf = (workers: readonly { readonly id: string }[]): string[] => workers.map(({ id }) => id).sort();

describe.each(places)("on $name", ({ place }) => {
  test.each(manners)(
    "an executing run is cancelled from another process, in workers %s",
    {
      timeout: 60_000,
    },
    async (_, args) => {
      const service = serviceAt(await place());
      const held = await service.enqueue("held", 3);
      const [byCommand = "", byCode = "", beside = ""] = held;
      service.work(args);
      await service.begun(held, 3);
      expect(await service.folder.run(["cancel", byCommand])).toMatchObject({ code: 0 });
      expect(await service.duckdive.cancel(byCode)).toBeTruthy();
      await eventually(async () => (await service.duckdive.count({ state: "cancelled" })) === 2, patience);
      expect(service.noted("aborted").map(({ run, why }) => [run, why])).toEqual(
        expect.arrayContaining([byCommand, byCode].map((id) => [id, "cancelled"])),
      );
      service.release();
      await service.succeeded([beside]);
      expect(service.noted("aborted")).toHaveLength(2);
    },
  );

  test.each(manners)("workers %s obey whatever all are told", { timeout: 90_000 }, async (_, args, count) => {
    const service = serviceAt(await place());
    const program = service.work(args);
    const first = idsOf(await workersAre(service, count));

    await tell(service, "queues", "default=3");
    await workersAre(service, count, ({ report }) => report?.queues.default === 3);
    await tell(service, "quiet");
    await workersAre(service, count, ({ report }) => report?.state === "quiet");
    const waiting = await service.enqueue("held", 3 * count + 1);
    await tell(service, "resume");
    await service.begun(waiting, 3 * count);
    expect(service.noted("began"), "as many as there are slots").toHaveLength(3 * count);

    await tell(service, "kill");
    await eventually(async () => service.noted("aborted").length === 3 * count, patience);
    expect(new Set(service.noted("aborted").map(({ why }) => why))).toEqual(new Set(["killed"]));
    service.release();
    await service.succeeded(waiting);
    expect(idsOf(await service.duckdive.workers()), "the same workers went on").toEqual(first);

    await tell(service, "stop", "--drain", "1s");
    if (count === 1) expect(await program.ended).toMatchObject({ code: 0 });
    else await workersAre(service, count, ({ id }) => !first.includes(id));
    const departed = (await service.duckdive.departed()).filter(({ id }) => first.includes(id));
    expect(departed.map(({ how, lost }) => [how, lost])).toEqual(first.map(() => ["stopped", 0]));
  });
});
