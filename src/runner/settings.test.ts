import { availableParallelism } from "node:os";
import { expect, test } from "vitest";
import { type RunnerOptions, readOptions } from "./settings.js";

const least: RunnerOptions = { program: { file: "worker.mjs" }, say: () => {} };

test("what is not given is one process a core, 25 s to drain, 10 s to stand still, and no limit", () => {
  expect(readOptions(least)).toMatchObject({
    processes: availableParallelism(),
    drain: 25_000,
    maxBlock: 10_000,
    limits: { maxAge: undefined, maxRuns: undefined, maxMemory: undefined },
    isWatching: false,
    health: undefined,
    signals: true,
  });
});

test("durations and amounts are read as people write them", () => {
  const settings = readOptions({ ...least, maxAge: "1h", maxMemory: "512mb", health: { port: 8_080 } });
  expect(settings.limits).toMatchObject({ maxAge: 3_600_000, maxMemory: 536_870_912 });
  expect(settings.health).toEqual({ host: "127.0.0.1", port: 8_080 });
});

test.each<[Partial<RunnerOptions>, RegExp]>([
  [{ processes: 0 }, /runner: processes is 0/],
  [{ processes: 1.5 }, /whole number from 1 to 1024/],
  [{ maxRuns: -1 }, /runner: maxRuns/],
  [{ maxAge: Number.NaN }, /runner: maxAge/],
  [{ maxMemory: "0mb" }, /runner: maxMemory/],
  [{ health: { port: 70_000 } }, /runner: health.port/],
  [{ maxMemories: "1gb" } as Partial<RunnerOptions>, /Did you mean "maxMemory"/],
])("what cannot be meant is refused with its name: %o", (options, message) => {
  expect(() => readOptions({ ...least, ...options })).toThrow(message);
});

test("a log that fails ends nothing", async () => {
  const warned = new Promise<Error>((resolve) => process.once("warning", resolve));
  const { say } = readOptions({
    ...least,
    say: () => {
      throw new Error("disk full");
    },
  });
  say("ready", "worker 1 is ready");
  expect((await warned).message).toContain("disk full");
});
