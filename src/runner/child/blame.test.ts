import { expect, test } from "vitest";
import type { Claimed } from "../../store/contract.js";
import type { NamedRun } from "../index.js";
import { createBlame } from "./blame.js";

/** A claimed run, as far as it is named. */
function claimedRun(run: string): Claimed {
  const named: Partial<Claimed> = { run, job: "mail", token: 7, attempt: 1, input: "{}" };
  return named as Claimed;
}

const nameOf = (run: string): NamedRun => ({ run, job: "mail", token: 7, attempt: 1 });

/** What the watchdog's thread reads. */
function onlyRun(only: SharedArrayBuffer): unknown {
  const length = new Int32Array(only, 0, 1)[0] ?? 0;
  const text = Buffer.from(new Uint8Array(only, 4, length)).toString();
  return text === "" ? undefined : JSON.parse(text);
}

const nobody = () => false;

test("of many that execute side by side the one is named whose code goes on, however often it has waited", async () => {
  const { frames, current } = createBlame(nobody);
  const found: [string, NamedRun | undefined][] = [];
  async function handle(run: string): Promise<void> {
    for (let turn = 0; turn < 3; turn += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      found.push([run, current()]);
    }
  }
  const runs = ["one", "two", "three"];
  await Promise.all(runs.map((run) => frames.enter(claimedRun(run), () => handle(run))));
  expect(found).toHaveLength(9);
  for (const [run, named] of found) expect(named).toEqual(nameOf(run));
  expect(current()).toBeUndefined();
});

test("what outlives its execution is nobody's, unless the execution was given up and goes on", async () => {
  const leaked = new Set<string>();
  const { frames, current } = createBlame(({ run }) => leaked.has(run));
  const claimed = claimedRun("one");
  let goOn: () => void = () => {};
  const later = frames.enter(claimed, async () => {
    await new Promise<void>((resolve) => (goOn = resolve));
    const before = current();
    leaked.add("one");
    return [before, current()];
  });
  frames.leave(claimed);
  goOn();
  expect(await later).toEqual([undefined, nameOf("one")]);
});

test("who listens for the end of an execution acts in its name, also after a wait", async () => {
  const { frames, current } = createBlame(nobody);
  const claimed = claimedRun("one");
  const handler = frames.enter(claimed, () => new Promise((resolve) => setImmediate(resolve)));
  const listener = frames.enter(claimed, async () => {
    await Promise.resolve();
    return current();
  });
  expect(await listener).toEqual(nameOf("one"));
  await handler;
});

test("the same run claimed once more is another execution: the end of the first does not end the second", async () => {
  const { frames, current } = createBlame(nobody);
  const [first, second] = [claimedRun("one"), claimedRun("one")];
  frames.enter(first, () => {});
  const later = frames.enter(second, async () => {
    await Promise.resolve();
    return current();
  });
  frames.leave(first);
  expect(await later).toEqual(nameOf("one"));
});

test("the only run that executes can be read from another thread, and nothing when there are two or none", () => {
  const { frames, only } = createBlame(nobody);
  const runs = ["one", "two", "three"].map(claimedRun);
  const seen: unknown[] = [onlyRun(only)];
  for (const claimed of runs) {
    frames.enter(claimed, () => {});
    seen.push(onlyRun(only));
  }
  for (const claimed of runs) {
    frames.leave(claimed);
    seen.push(onlyRun(only));
  }
  expect(seen).toEqual([
    undefined,
    nameOf("one"),
    undefined,
    undefined,
    undefined,
    nameOf("three"),
    undefined,
  ]);
});

test("a name that has no room is told as none", () => {
  const { frames, only } = createBlame(nobody);
  frames.enter(claimedRun("r".repeat(5_000)), () => {});
  expect(onlyRun(only)).toBeUndefined();
});

test("leaving twice, or what never was entered, changes nothing", () => {
  const { frames, only } = createBlame(nobody);
  const claimed = claimedRun("one");
  frames.enter(claimed, () => {});
  frames.leave(claimedRun("one"));
  expect(onlyRun(only)).toEqual(nameOf("one"));
  frames.leave(claimed);
  frames.leave(claimed);
  expect(onlyRun(only)).toBeUndefined();
});
