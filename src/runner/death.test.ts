import { expect, test } from "vitest";
import { causeOf, deathOf, type Ended } from "./death.js";

const run = { run: "run-1", job: "mail", token: 3, attempt: 1 };
const killed: Ended = {
  code: null,
  signal: "SIGKILL",
  wasAsked: false,
  wasReady: true,
  lived: 1_000,
};
const exited = (code: number): Ended => ({ ...killed, code, signal: null });

test.each([
  [killed, "killed by SIGKILL"],
  [exited(1), "exited with code 1"],
  [{ ...killed, signal: "SIGABRT" as const }, "aborted: probably out of memory"],
  [exited(134), "aborted: probably out of memory"],
  [{ ...killed, code: null, signal: null, failure: "spawn EAGAIN" }, "could not be started: spawn EAGAIN"],
  [{ ...exited(1), dying: { cause: "process.exit(1) was called" } }, "process.exit(1) was called"],
  [
    { ...killed, verdict: { cause: "its event loop stood still for 10s" } },
    "its event loop stood still for 10s; killed by the runner",
  ],
])("it says how a process ended: %#", (ended, cause) => {
  expect(causeOf(ended)).toBe(cause);
});

test("who is to blame is not known when a process was killed from outside", () => {
  expect(deathOf("w", killed)).toEqual({ worker: "w", cause: "killed by SIGKILL" });
});

test("a death tells what was executed when the process was last heard of, and what it named with its last word", () => {
  const other = { run: "run-2", job: "mail", token: 4, attempt: 2 };
  const fences = [run, other].map(({ run, token, attempt }) => ({ run, token, attempt }));
  expect(deathOf("w", killed, [run, other]).executing).toEqual(fences);
  const named = { ...exited(1), dying: { cause: "boom", run: other } };
  expect(deathOf("w", named, [run]).executing).toEqual(fences);
  expect(deathOf("w", named, [run, other]).executing).toEqual(fences);
  // Claimed once more since: another execution.
  expect(deathOf("w", named, [run, { ...other, token: 3 }]).executing).toHaveLength(3);
  expect(deathOf("w", killed, [])).not.toHaveProperty("executing");
});

test("a process that died of an execution names it, and one that died of itself names nobody", () => {
  const named = { ...exited(1), dying: { cause: "boom", run } };
  expect(deathOf("w", named).culprits).toEqual(["run-1"]);
  expect(deathOf("w", { ...exited(1), dying: { cause: "boom" } })).not.toHaveProperty("culprits");
});

test("what the runner killed it for is what counts, whatever it said besides", () => {
  const verdict = { cause: "its event loop stood still for 10s", culprits: ["run-2"] };
  expect(deathOf("w", { ...killed, dying: { cause: "boom", run }, verdict }).culprits).toEqual(["run-2"]);
});
