// A worker draws with the slots that somebody has set for all workers.
import { describe, expect, test } from "vitest";
import { engine, gate, until } from "../../test/engine.js";
import { job } from "../job/index.js";
import { createDrawing } from "./drawing.js";

describe("slots set for all workers", () => {
  test("are obeyed by a worker that is told to look, and its own again afterwards", async () => {
    const end = gate();
    const waiting = job({ name: "waiting", handle: () => end.passed });
    const { duckdive, work, store } = engine([waiting]);
    await duckdive.setSlots("default", 2);
    await duckdive.enqueueMany(Array.from({ length: 6 }, () => waiting.with()));
    const worker = work({ queues: { "*": 1 } });
    await until(() => worker.status().running.length === 2);
    expect(worker.status().queues).toEqual({ "*": 1, default: 2 });
    await duckdive.setSlots("default", 3);
    await until(() => worker.status().running.length === 3);
    worker.setQueues({ default: 1 });
    expect(worker.status().queues).toEqual({ default: 3 });
    await duckdive.setSlots("default", undefined);
    await until(() => worker.status().queues.default === 1);
    end.open();
    await until(async () => (await store.countByState()).succeeded === 6);
  });

  test("hold for a worker that starts later, from its first claim on", async () => {
    const begun: string[] = [];
    const noted = job({ name: "noted", handle: (_, { runId }) => void begun.push(runId) });
    const { duckdive, work } = engine([noted]);
    await duckdive.setSlots("default", 0);
    await duckdive.enqueue(noted);
    const worker = work();
    await worker.ready;
    await worker.idle();
    expect(begun).toEqual([]);
    await duckdive.setSlots("default", undefined);
    await until(() => begun.length === 1);
  });

  test("change nothing, and tell nobody, where they are the same", () => {
    const told: unknown[] = [];
    const drawing = createDrawing({ mail: 2 }, (queues) => told.push(queues));
    drawing.setForAll({ mail: 2 });
    drawing.setForAll({ other: 4 });
    expect(told).toEqual([]);
    drawing.setForAll({ mail: 1 });
    drawing.setOwn({ mail: 5 });
    drawing.setForAll({});
    expect(told).toEqual([{ mail: 1 }, { mail: 5 }]);
    expect({ own: drawing.own, drawn: drawing.drawn }).toEqual({ own: { mail: 5 }, drawn: { mail: 5 } });
  });
});
