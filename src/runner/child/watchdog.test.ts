// The main thread's side of the watchdog; the thread itself is not started here.
import { EventEmitter } from "node:events";
import { createContext, runInContext } from "node:vm";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createBlame } from "./blame.js";
import type { ThreadData } from "./thread.js";

const started = vi.hoisted(() => ({ threads: [] as FakeThread[] }));

interface FakeThread extends EventEmitter {
  readonly code: string;
  readonly given: { readonly workerData: ThreadData; readonly eval: boolean };
  isEnded: boolean;
}

vi.mock("node:worker_threads", () => ({
  Worker: class extends EventEmitter {
    readonly code: string;
    readonly given: FakeThread["given"];
    isEnded = false;
    constructor(code: string, given: FakeThread["given"]) {
      super();
      this.code = code;
      this.given = given;
      started.threads.push(this);
    }
    unref(): void {}
    terminate(): void {
      this.isEnded = true;
    }
  },
}));

const { startWatchdog } = await import("./watchdog.js");

const claimed = { run: "run-1", job: "spin", token: 7, attempt: 1 };
let ends: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});

afterEach(() => {
  for (const end of ends.splice(0)) end();
  ends = [];
  started.threads.length = 0;
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function watched() {
  const blame = createBlame(() => false);
  const end = startWatchdog(blame, 4_711);
  ends.push(end);
  const [thread] = started.threads;
  if (thread === undefined) throw new Error("No thread was started.");
  return { blame, end, thread, data: thread.given.workerData };
}

test("the turns of the event loop are counted four times a second, until it is not watched any more", () => {
  const { end, thread, data } = watched();
  const beats = new Int32Array(data.beat);
  vi.advanceTimersByTime(1_000);
  expect(beats[0]).toBe(4);
  end();
  vi.advanceTimersByTime(1_000);
  expect(beats[0]).toBe(4);
  expect(thread.isEnded).toBe(true);
});

test("the thread's question is answered with the run and the stack of what was interrupted", () => {
  const { blame, data } = watched();
  // The inspector evaluates the question in the frame that it has stopped; so does this.
  const ask = new Function(`return (0, eval)(${JSON.stringify(data.question)});`);
  function spinsForEver(): unknown {
    return ask();
  }
  const frames = blame.frames as { enter<T>(claimed: object, body: () => T): T };
  const answer = JSON.parse(String(frames.enter(claimed, spinsForEver)));
  expect(answer.run).toEqual(claimed);
  expect(answer.stack).toContain("spinsForEver");
  expect(answer.stack).not.toContain("stackOfCaller");
  expect(JSON.parse(String(ask())).run).toBeUndefined();
});

test("the thread's code is whole by itself: it runs where there is nothing but what Node gives to a thread", () => {
  const { thread, data } = watched();
  expect(thread.given.eval).toBe(true);
  const looks: (() => void)[] = [];
  const required: string[] = [];
  const modules: Record<string, unknown> = { "node:worker_threads": { workerData: data } };
  const world = {
    Atomics,
    Int32Array,
    performance,
    process,
    setInterval: (look: () => void) => looks.push(look),
    require(name: string) {
      required.push(name);
      return modules[name] ?? {};
    },
  };
  runInContext(thread.code, createContext(world));
  expect(required).toEqual(["node:worker_threads", "node:fs", "node:inspector"]);
  expect(looks).toHaveLength(1);
  looks[0]?.();
});

test("a thread that fails is told as a warning, and the worker goes on", () => {
  const warn = vi.spyOn(process, "emitWarning").mockReturnValue();
  watched().thread.emit("error", new Error("no memory"));
  expect(warn).toHaveBeenCalledWith("The watchdog has ended: no memory", "DuckdiveWarning");
});
