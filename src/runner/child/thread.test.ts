// The thread's code under time of the test's own: what it says into the pipe when the main thread's turns stand still.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type ThreadData, watch } from "./thread.js";

const second = 1_000;
const run = { run: "run-1", job: "spin", token: 7, attempt: 1 };
const only = { ...run, run: "only" };

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "setTimeout", "performance"] });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** How the main thread takes being asked. */
type Inspected = "answers" | "is in native code" | "has no inspector" | "answers nonsense";

function watching(inspected: Inspected = "answers", runner = process.ppid) {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  const name = new TextEncoder().encode(JSON.stringify(only));
  const shared = new SharedArrayBuffer(4 + 4_096);
  new Int32Array(shared, 0, 1)[0] = name.length;
  new Uint8Array(shared, 4).set(name);
  const said: unknown[] = [];
  const posted: string[] = [];
  let interrupt: () => void = () => {};

  class Session {
    #onPaused: (event: unknown) => void = () => {};
    connectToMainThread(): void {
      if (inspected === "has no inspector") throw new Error("it is gone");
    }
    once(_event: string, listener: (event: unknown) => void): void {
      this.#onPaused = listener;
    }
    disconnect(): void {
      posted.push("disconnect");
    }
    post(method: string, given?: unknown, then?: unknown): void {
      posted.push(method);
      const callback = typeof given === "function" ? given : then;
      if (method === "Debugger.pause") {
        interrupt = () => this.#onPaused({ params: { callFrames: [{ callFrameId: "0" }] } });
        if (inspected !== "is in native code") interrupt();
      }
      const value = inspected === "answers" ? JSON.stringify({ run, stack: "at spin" }) : "no JSON";
      if (typeof callback === "function") callback(null, { result: { value } });
    }
  }

  const workerData: ThreadData = {
    beat: beats.buffer as SharedArrayBuffer,
    only: shared,
    question: "ask()",
    pipe: 4,
    runner,
    every: 250,
    patience: second,
    answer: 500,
    alone: 30 * second,
  };
  const modules: object = {
    threads: { workerData },
    fs: {
      writeSync(pipe: number, line: string) {
        expect(pipe).toBe(4);
        expect(line.endsWith("\n")).toBe(true);
        said.push(JSON.parse(line));
      },
    },
    inspector: { Session },
  };
  watch(modules as Parameters<typeof watch>[0]);
  return {
    said,
    posted,
    /** The native code has returned: the interruption takes place after all. */
    interrupt: () => interrupt(),
    turn: () => Atomics.add(beats, 0, 1),
    pass: (milliseconds: number) => void vi.advanceTimersByTime(milliseconds),
  };
}

test("a loop that turns is not mentioned, and nobody interrupts it", () => {
  const { said, posted, turn, pass } = watching();
  for (let look = 0; look < 400; look += 1) {
    turn();
    pass(250);
  }
  expect([said, posted]).toEqual([[], []]);
});

test("a loop that stands still is told after a second with its run, again each second, and once when it moves", () => {
  const { said, posted, turn, pass } = watching();
  pass(999);
  expect(said).toEqual([]);
  pass(2_001);
  turn();
  pass(250);
  const about = { run, stack: "at spin" };
  expect(said).toEqual([
    { type: "blocked", milliseconds: 1_000, ...about },
    { type: "blocked", milliseconds: 2_000, ...about },
    { type: "blocked", milliseconds: 3_000, ...about },
    { type: "unblocked", milliseconds: 3_000 },
  ]);
  // Whoever was interrupted goes on, each time.
  expect(posted.filter((method) => method === "Debugger.resume")).toHaveLength(3);
  expect(posted.filter((method) => method === "disconnect")).toHaveLength(3);
  turn();
  pass(250);
  expect(said).toHaveLength(4);
});

test.each<Inspected>(["is in native code", "has no inspector"])(
  "where the main thread %s, the only run that executes is named after half a second",
  (inspected) => {
    const { said, pass } = watching(inspected);
    pass(1_499);
    expect(said).toEqual([]);
    pass(1);
    expect(said).toEqual([{ type: "blocked", milliseconds: 1_500, run: only }]);
  },
);

test("an answer that comes too late is not told again, and the question can be put once more", () => {
  const { said, posted, interrupt, pass } = watching("is in native code");
  pass(1_900);
  expect(said).toHaveLength(1);
  interrupt();
  expect(said).toHaveLength(1);
  pass(1_000);
  expect(posted.filter((method) => method === "Debugger.pause")).toHaveLength(2);
});

test("a standstill that ended before anything was known of it is not told", () => {
  const { said, turn, pass } = watching("is in native code");
  pass(1_000);
  turn();
  pass(500);
  expect(said.filter((one) => (one as { type: string }).type === "blocked")).toEqual([]);
});

test("an answer that cannot be read names nobody", () => {
  const { said, pass } = watching("answers nonsense");
  pass(1_000);
  expect(said).toEqual([{ type: "blocked", milliseconds: 1_000 }]);
});

test("a process that was stopped as a whole for an hour did not block", () => {
  const { said, turn, pass } = watching();
  turn();
  pass(250);
  const { now } = performance;
  vi.spyOn(performance, "now").mockImplementation(() => now.call(performance) + 3_600 * second);
  pass(250);
  expect(said).toEqual([]);
});

test("one that stands still without its runner is ended when a stop would have been over, and not before", () => {
  const kill = vi.spyOn(process, "kill").mockReturnValue(true);
  const { turn, pass } = watching("answers", process.ppid + 1);
  pass(29_999);
  turn();
  pass(29_999);
  expect(kill).not.toHaveBeenCalled();
  pass(500);
  expect(kill).toHaveBeenCalledWith(process.pid, "SIGKILL");
});

test("one that stands still under its runner is the runner's to judge, for as long as it takes", () => {
  const kill = vi.spyOn(process, "kill").mockReturnValue(true);
  watching().pass(600 * second);
  expect(kill).not.toHaveBeenCalled();
});
