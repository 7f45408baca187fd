// Workers of the real program that are replaced while they work: by a deploy, or because they have served long enough.
// Nothing that they execute notices.
import { describe, expect, test } from "vitest";
import { places } from "../violence/place.js";
import { eventually } from "../violence/processes.js";
import { jobsFile, type Line, patience, type Service, serviceAt } from "./service.js";

/** Keeps so many runs waiting until it is told that it is enough; answers all that it enqueued. */
function keepBusy(service: Service): () => Promise<string[]> {
  const all: string[] = [];
  let isEnough = false;
  const enqueueing = eventually(async () => {
    if (!isEnough && (await service.duckdive.count({ state: "ready" })) < 50)
      all.push(...(await service.enqueue("quick", 50)));
    return isEnough;
  }, 60_000);
  return async () => {
    isEnough = true;
    await enqueueing;
    return all;
  };
}

/** How many runs had ended well before each line of these events, and at the end. */
function endsBetween(lines: readonly Line[], events: readonly string[]): number[] {
  const counts = [0];
  for (const { event } of lines) {
    if (events.includes(event)) counts.push(0);
    if (event === "succeeded") counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
  }
  return counts;
}

/** The longest time in which no run ended, in milliseconds. */
function longestGap(lines: readonly Line[]): number {
  const times = lines
    .filter(({ event }) => event === "succeeded")
    .map(({ time }) => Date.parse(String(time)));
  return Math.max(...times.sort().map((time, index) => time - (times[index - 1] ?? time)));
}

async function eachExecutedOnce(service: Service, runs: readonly string[]): Promise<void> {
  const wanted = new Set(runs);
  await eventually(
    async () => (await service.duckdive.count({ job: "quick", state: "succeeded" })) === runs.length,
    patience,
  );
  expect(
    service
      .noted("began")
      .map(({ run }) => run)
      .filter((run) => wanted.has(run))
      .sort(),
  ).toEqual([...wanted].sort());
}

describe.each(places)("on $name", ({ place }) => {
  test("a deploy under load loads the new code; nothing fails, nothing is lost, and work never stands still", {
    timeout: 120_000,
  }, async () => {
    const service = serviceAt(await place());
    const program = service.work(["--concurrency", "5"]);
    const enough = keepBusy(service);
    // Both: one that still starts would be ready in the midst of the deploy.
    await eventually(
      async () => program.lines.filter(({ event }) => event === "ready").length === 2,
      patience,
    );
    await eventually(async () => service.noted("began").length > 50, patience);
    service.folder.write("jobs.ts", jobsFile("new"));
    const before = program.lines.length;
    program.signal("SIGHUP");
    await program.hears("restart.done");
    const during = program.lines.slice(before);
    const runs = await enough();
    const after = await service.enqueue("quick", 20);
    await eachExecutedOnce(service, [...runs, ...after]);

    expect(new Set(service.noted("began", after).map(({ code }) => code))).toEqual(new Set(["new"]));
    const milestones = endsBetween(during, ["ready", "restart.done"]);
    expect(milestones).toHaveLength(4);
    for (const count of milestones.slice(0, 2)) expect(count).toBeGreaterThan(0);
    expect(longestGap(during)).toBeLessThan(2_000);
    expect(program.lines.filter(({ event }) => event === "failed" || event === "died")).toEqual([]);
  });

  test("a worker that has executed as many runs as it may is replaced, and no run fails", {
    timeout: 90_000,
  }, async () => {
    const service = serviceAt(await place());
    const program = service.work(["--processes", "1", "--max-runs", "20"]);
    const enough = keepBusy(service);
    const { by } = await program.hears("replaced", ({ why }) => String(why).includes("of 20 at most"));
    await program.hears("replaced", ({ pid }) => pid === by);
    await eachExecutedOnce(service, await enough());
    expect(program.lines.filter(({ event }) => event === "failed" || event === "died")).toEqual([]);
  });
});

test("a worker that has grown too fat is replaced, and no run fails", { timeout: 90_000 }, async () => {
  const [{ place }] = places;
  const service = serviceAt(await place());
  const program = service.work(["--processes", "1", "--max-memory", "280mb"]);
  const { pid } = await program.hears("ready");
  const enough = keepBusy(service);
  const fat = await service.enqueue("grows");
  await program.hears("replaced", (line) => line.pid === pid && String(line.why).includes("its memory is"));
  await service.succeeded(fat);
  await eachExecutedOnce(service, await enough());
  expect(program.lines.filter(({ event }) => event === "failed" || event === "died")).toEqual([]);
});
