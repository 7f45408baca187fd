// Signals that end nothing: hold the workers of the real program, let them go on, ask them what they do.
import { describe, expect, test } from "vitest";
import { places } from "../violence/place.js";
import { eventually } from "../violence/processes.js";
import { patience, serviceAt, workersAre } from "./service.js";

const [{ place: anyPlace }] = places;

describe.each(places)("on $name", ({ place }) => {
  test.each([["SIGTSTP"], ["SIGUSR2"]] as const)(
    "after %s nobody fetches, and after SIGCONT everybody goes on",
    { timeout: 90_000 },
    async (signal) => {
      const service = serviceAt(await place());
      const program = service.work();
      await workersAre(service, 2);
      const held = await service.enqueue("held", 2);
      await service.begun(held, 2);
      program.signal(signal);
      const quiet = (await workersAre(service, 2, ({ report }) => report?.state === "quiet")).map(
        ({ pid }) => pid,
      );
      const other = service.work(["--processes", "0"]);
      const meanwhile = await service.enqueue("quick", 30);
      await service.succeeded(meanwhile);
      expect(service.noted("began", meanwhile).filter(({ pid }) => quiet.includes(pid))).toEqual([]);
      other.signal("SIGTERM");
      await other.ended;

      program.signal("SIGCONT");
      await service.succeeded(await service.enqueue("quick", 30));
      service.release();
      await service.succeeded(held);
      expect(service.noted("began", held), "what ran went on").toHaveLength(2);
    },
  );
});

test.each([
  ["under a runner", []],
  ["alone", ["--processes", "0"]],
])("asked what they do, workers %s name every run", { timeout: 60_000 }, async (_, args) => {
  const service = serviceAt(await anyPlace());
  const held = await service.enqueue("held", 5);
  const program = service.work(args);
  await service.begun(held, 5);
  const reported = (): string[] =>
    program.lines
      .filter(({ event }) => event === "report")
      .flatMap((line) => [line, line.status as typeof line | undefined])
      .flatMap((line) => (Array.isArray(line?.running) ? (line.running as { run: string }[]) : []))
      .map(({ run }) => run);
  program.signal("SIGTTIN");
  await eventually(async () => new Set(reported()).size === 5, patience);
  expect([...new Set(reported())].sort()).toEqual([...held].sort());
});
