import { expect, test } from "vitest";
import type { ToWorker } from "../index.js";
import { actsOf } from "./acts.js";

const death = { worker: "dead", cause: "killed by SIGKILL" };
const run = { run: "run-1", job: "spin", token: 7, attempt: 1 };

/** A worker whose every call is written down, and a way to ask it. */
function asked(rescue: () => Promise<number> = async () => 3) {
  const calls: unknown[][] = [];
  const write =
    (name: string) =>
    (...given: unknown[]): void =>
      void calls.push([name, ...given]);
  const act = actsOf({
    worker: {
      quiet: write("quiet"),
      resume: write("resume"),
      kill(runs) {
        calls.push(runs === undefined ? ["kill"] : ["kill", runs]);
        return 1;
      },
      rescue(deaths) {
        calls.push(["rescue", deaths]);
        return rescue();
      },
      note: async (note) => write("note")(note),
    },
    stop: write("stop"),
    onError: write("error"),
    tellStatus: write("status"),
    send: write("send"),
  });
  return { calls, act };
}

/** Lets everything go on that waits for nothing but promises. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test("each thing that a runner asks for itself is done at once, and only that", () => {
  const wanted: [ToWorker, unknown[]][] = [
    [{ type: "stop", drain: 400 }, ["stop", 400]],
    [{ type: "quiet" }, ["quiet"]],
    [{ type: "resume" }, ["resume"]],
    [{ type: "report" }, ["status"]],
    [{ type: "kill" }, ["kill"]],
  ];
  for (const [message, call] of wanted) {
    const { act, calls } = asked();
    act(message);
    expect(calls).toEqual([call]);
  }
});

test("a death is answered when the runs were given back, and not before", async () => {
  let given: (runs: number) => void = () => {};
  const { act, calls } = asked(() => new Promise((resolve) => (given = resolve)));
  act({ type: "died", death });
  await settled();
  expect(calls).toEqual([["rescue", [death]]]);
  given(3);
  await settled();
  expect(calls[1]).toEqual(["send", { type: "rescued", worker: "dead", runs: 3 }]);
});

test("a death is not answered when the runs could not be given back, so that another is asked", async () => {
  const away = new Error("the store is away");
  const { act, calls } = asked(() => Promise.reject(away));
  act({ type: "died", death });
  await settled();
  expect(calls).toEqual([
    ["rescue", [death]],
    ["error", away],
  ]);
});

test("what blocks another worker is written on its run, under its token, with no more of the stack than is of use", () => {
  const { act, calls } = asked();
  const stack = "at spin (jobs.js:1:1)\n".repeat(1_000);
  act({ type: "blocked", worker: "other", blocked: { milliseconds: 1_260, run, stack } });
  const fields = JSON.stringify({ stack: stack.slice(0, 4_000) });
  const message = "blocked the event loop of worker other for 1.3 s";
  expect(calls).toEqual([["note", { run: "run-1", token: 7, log: { level: "error", message, fields } }]]);
});

test("a standstill of which the run is not known is written nowhere", () => {
  const { act, calls } = asked();
  act({ type: "blocked", worker: "other", blocked: { milliseconds: 1_260 } });
  expect(calls).toEqual([]);
});
