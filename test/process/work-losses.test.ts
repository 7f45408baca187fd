// Workers of the real program that die with their hands full: killed, blocked without end, out of memory, or by what one
// run among ten leaves uncaught. What ran beside is begun again, and who did it is known where it can be.
import { describe, expect, test } from "vitest";
import { places } from "../violence/place.js";
import { eventually } from "../violence/processes.js";
import { patience, type Service, serviceAt } from "./service.js";

const [{ place: anyPlace }, { place: postgresPlace }] = places;

/** Resolves when the run has been given up as poison, after so many dead workers. */
async function poisoned(service: Service, id: string, crashes: number): Promise<void> {
  await eventually(async () => (await service.duckdive.count({ id, state: "failed" })) === 1, 2 * patience);
  expect(await service.duckdive.get(id)).toMatchObject({ reason: "poison", crashes });
}

describe.each(places)("on $name", ({ place }) => {
  test("twenty runs under two processes: those of the one that is killed are begun again elsewhere", {
    timeout: 60_000,
  }, async () => {
    const service = serviceAt(await place());
    const program = service.work();
    const held = await service.enqueue("held", 20);
    const first = await service.begun(held, 20);
    const [{ pid } = { pid: 0 }] = first;
    const mine = first.filter((one) => one.pid === pid).map(({ run }) => run);
    process.kill(pid, "SIGKILL");
    await program.hears("died", (line) => line.pid === pid);
    const again = (await service.begun(mine, 2 * mine.length)).filter(({ attempt }) => attempt === 2);
    expect(again.map(({ run }) => run).sort()).toEqual([...mine].sort());
    expect(again.filter((one) => one.pid === pid)).toEqual([]);
    service.release();
    await service.succeeded(held);
    for (const run of await service.runs(held)) {
      const times = mine.includes(run.id) ? 1 : 0;
      expect(run).toMatchObject({ crashes: times, attempt: 1 + times });
    }
    expect(service.noted("began", held)).toHaveLength(20 + mine.length);
  });
});

test("a loop without end on PostgreSQL is named, killed and given up, and no run beside it is blamed", {
  timeout: 90_000,
}, async () => {
  const service = serviceAt(await postgresPlace());
  const held = await service.enqueue("held", 4);
  const [guilty = ""] = await service.enqueue("spins");
  const program = service.work(["--max-block", "1500ms"]);
  const named = await program.hears("died");
  expect(named.culprits).toEqual([guilty]);
  service.release();
  await service.succeeded(held);
  for (const run of await service.runs(held)) expect(run).toMatchObject({ crashes: 0, attempt: 1 });
  await poisoned(service, guilty, 2);
});

test.each([["exits"], ["throws"], ["rejects"]] as const)(
  "a run that %s is named among ten in one worker",
  { timeout: 60_000 },
  async (name) => {
    const service = serviceAt(await anyPlace());
    const held = await service.enqueue("held", 9);
    const program = service.work(["--processes", "1"]);
    await service.begun(held, 9);
    const [guilty = ""] = await service.enqueue(name);
    expect((await program.hears("died")).culprits).toEqual([guilty]);
    service.release();
    await service.succeeded(held);
    for (const run of await service.runs(held)) expect(run).toMatchObject({ crashes: 0, attempt: 1 });
    await poisoned(service, guilty, 1);
  },
);

test("a run that eats all memory is given up in the end, and what was beside it succeeds", {
  timeout: 120_000,
}, async () => {
  const service = serviceAt(await anyPlace());
  const held = await service.enqueue("held", 6);
  const program = service.work([], { NODE_OPTIONS: "--max-old-space-size=80" });
  await service.begun(held, 6);
  const [guilty = ""] = await service.enqueue("eats");
  await program.hears("died");
  service.release();
  await service.succeeded(held);
  await poisoned(service, guilty, 3);
  const ends = program.lines.filter(({ event, run }) => event === "succeeded" && held.includes(String(run)));
  expect(ends).toHaveLength(6);
});
