// Workers of the real program that die, or should: killed from outside, by a loop without end, by an error that nobody
// catches, by their own exit. Whatever it is, the runs beside it go on elsewhere, and only who did it is blamed.
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Folder, folder, type Started } from "../cli/duckdive.js";

interface Shown {
  readonly id: string;
  readonly state: string;
  readonly reason?: string;
  readonly attempt: number;
  readonly crashes: number;
  readonly timeline: { readonly kind: string }[];
  readonly logs: { readonly message: string }[];
}

const jobs = `
import { job } from "duckdive";
import { existsSync } from "node:fs";
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const retry = { backoff: { kind: "fixed", base: "50ms", jitter: 0 } } as const;
const released = async () => { while (!existsSync("released")) await sleep(20); };
export const held = job({ name: "held", retry, async handle(_input: unknown, ctx) { ctx.log.info("begun"); await released(); } });
export const spins = job({ name: "spins", retry, crashes: 2, async handle() { await sleep(50); while (true); } });
export const throws = job({ name: "throws", retry, crashes: 1, async handle() { await sleep(50); setTimeout(() => { throw new Error("nobody catches this"); }); await sleep(60_000); } });
const calls = [];
setInterval(() => calls.shift()?.(), 20);
const later = (call) => void calls.push(call);
export const callsBack = job({ name: "calls-back", retry, crashes: 2, handle: () => new Promise(() => later(() => { throw new Error("in a callback"); })) });
export const exits = job({ name: "exits", retry, crashes: 2, async handle() { await sleep(50); process.exit(7); } });
export const deaf = job({ name: "deaf", timeout: "100ms", retry: { attempts: 1 }, handle: () => new Promise(() => {}) });
`;

let here: Folder;
let runner: Started | undefined;
beforeEach(() => {
  here = folder();
  here.write("jobs.ts", jobs);
});
afterEach(async () => {
  runner?.child.kill("SIGTERM");
  here.write("released", "");
  await runner?.ended;
  runner = undefined;
  await here.remove();
});

async function enqueue(name: string): Promise<string> {
  const { stdout, stderr } = await here.run(["enqueue", name, "--jobs", "jobs.ts"]);
  if (stdout === "") throw new Error(stderr);
  return stdout.trim();
}

async function work(...args: readonly string[]): Promise<Started> {
  runner = here.start(["work", "jobs.ts", "--processes", "2", ...args]);
  return runner;
}

const show = (id: string): Promise<Shown> => here.json<Shown>(["show", id]);

/** The held runs, and after they were let go, how each ended. */
async function endOf(held: readonly string[]): Promise<Shown[]> {
  here.write("released", "");
  await expect
    .poll(async () => (await Promise.all(held.map(show))).map(({ state }) => state), { timeout: 30_000 })
    .toEqual(held.map(() => "succeeded"));
  return Promise.all(held.map(show));
}

test("a worker killed with -9 is replaced, and what it ran goes on elsewhere", {
  timeout: 90_000,
}, async () => {
  const held = [await enqueue("held"), await enqueue("held"), await enqueue("held")];
  const { said } = await work("--log", "json");
  await said('"begun"');
  const workers = await here.json<{ pid: number; running: number }[]>(["workers"]);
  const busy = workers.find(({ running }) => running > 0);
  expect(busy).toBeDefined();
  process.kill(busy?.pid ?? 0, "SIGKILL");
  await said("killed by SIGKILL");
  await said('"event":"rescued"');
  const ended = await endOf(held);
  expect(ended.some(({ crashes }) => crashes === 1)).toBe(true);
});

test.each([
  ["spins", "because of spins", 2],
  ["exits", "it called process.exit(7)", 2],
  ["throws", "an error was thrown and not caught", 1],
] as const)(
  "a run that %s takes down workers until it is poison, and no run beside it is blamed",
  { timeout: 120_000 },
  async (name, cause, crashes) => {
    const held = [await enqueue("held"), await enqueue("held")];
    const guilty = await enqueue(name);
    const { said } = await work("--max-block", "1500ms");
    await said(cause);
    const ended = await endOf(held);
    expect(ended.map((run) => [run.crashes, run.attempt])).toEqual(held.map(() => [0, 1]));
    await expect.poll(async () => (await show(guilty)).state, { timeout: 60_000 }).toBe("failed");
    expect(await show(guilty)).toMatchObject({ reason: "poison", crashes });
  },
);

test("a handler that ignores its timeout is given up, and its worker replaced", {
  timeout: 60_000,
}, async () => {
  const id = await enqueue("deaf");
  const { said } = await work();
  await said("was given up and goes on; 1 such go on here");
  await said(/is replaced by pid \d+: deaf/);
  expect(await show(id)).toMatchObject({ state: "failed", reason: "timeout" });
});

test("a run that takes workers down in callbacks of what others share is poison in the end, and those beside it are not", {
  timeout: 90_000,
}, async () => {
  const held = [await enqueue("held"), await enqueue("held")];
  await work();
  const [first = ""] = held;
  await expect.poll(async () => (await show(first)).state, { timeout: 30_000 }).toBe("running");
  const guilty = await enqueue("calls-back");
  await expect.poll(async () => (await show(guilty)).state, { timeout: 60_000 }).toBe("failed");
  expect(await show(guilty)).toMatchObject({ reason: "poison", crashes: 2, attempt: 2 });
  for (const { crashes } of await endOf(held)) expect(crashes).toBeLessThan(2);
});
