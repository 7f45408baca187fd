// The beginning and the end of speaking with a runner, in a process whose channel, pipe and watchdog are the test's.
// cspell:ignore unstub
import { EventEmitter } from "node:events";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { RunningWorker } from "../../worker.js";
import { attendedBy, type FromPipe, type FromWorker, type ToWorker } from "../index.js";

const told = vi.hoisted(() => ({ pipe: [] as FromPipe[], watchdogs: [] as string[] }));

vi.mock("./pipe.js", () => ({ tellPipe: (line: FromPipe) => void told.pipe.push(line) }));
vi.mock("./watchdog.js", () => ({
  startWatchdog() {
    told.watchdogs.push("started");
    return () => void told.watchdogs.push("ended");
  },
}));

const { attend } = await import("./attend.js");

const claimed = { run: "run-1", job: "spin", token: 7, attempt: 1 };
/** What the real process would be told of. */
let around = new EventEmitter();
let sent: FromWorker[] = [];

beforeEach(() => {
  around = new EventEmitter();
  sent = [];
  told.pipe.length = 0;
  told.watchdogs.length = 0;
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  vi.stubEnv(attendedBy, "4711");
  vi.spyOn(process, "on").mockImplementation((event: string | symbol, listener) => {
    around.on(event, listener as () => void);
    return process;
  });
  process.send = (message: FromWorker, ...rest: unknown[]) => {
    sent.push(message);
    (rest.at(-1) as (() => void) | undefined)?.();
    return true;
  };
  process.connected = true;
});

const own = { send: process.send, connected: process.connected };

afterEach(() => {
  if (own.send === undefined) delete process.send;
  else process.send = own.send;
  process.connected = own.connected;
  vi.unstubAllEnvs();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

function workerToSpeakFor() {
  const calls: string[] = [];
  let ready: () => void = () => {};
  let end: () => void = () => {};
  const status: Partial<ReturnType<RunningWorker["status"]>> = {
    state: "working",
    running: [],
    leaked: [],
    ended: 0,
    memory: 1,
    delay: 0,
  };
  const worker: Partial<RunningWorker> = {
    id: "worker-1",
    ready: new Promise<void>((resolve) => (ready = resolve)),
    over: new Promise<void>((resolve) => (end = resolve)),
    quiet: () => void calls.push("quiet"),
    resume: () => void calls.push("resume"),
    status: () => status as ReturnType<RunningWorker["status"]>,
  };
  return { worker: worker as RunningWorker, calls, ready: () => ready(), end: () => end() };
}

const say = (message: ToWorker): unknown => around.emit("message", message);
const settled = () => new Promise((resolve) => setImmediate(resolve));
const deeds = (stops: (number | undefined)[] = []) => ({
  stop: (drain: number | undefined) => void stops.push(drain),
  onError: () => expect.unreachable(),
});

test("a process that nobody looks after attends to nobody, and listens to nothing", () => {
  vi.stubEnv(attendedBy, undefined);
  expect(attend()).toBeUndefined();
  vi.stubEnv(attendedBy, "4711");
  delete process.send;
  expect(attend()).toBeUndefined();
  expect(around.eventNames()).toEqual([]);
});

test("what this process starts itself is not looked after, and a terminal's signals are the runner's business", () => {
  expect(attend()?.attendance.runner).toBe(4_711);
  expect(process.env[attendedBy]).toBeUndefined();
  expect(around.eventNames()).toEqual(expect.arrayContaining(["SIGINT", "SIGHUP", "SIGTSTP"]));
  expect(around.eventNames()).not.toContain("SIGTERM");
});

test("what comes before there is a worker waits for it, and is done in its order", () => {
  const attendant = attend();
  say({ type: "quiet" });
  say({ type: "resume" });
  say({ type: "stop", drain: 40 });
  const { worker, calls } = workerToSpeakFor();
  const stops: (number | undefined)[] = [];
  attendant?.speakFor(worker, deeds(stops));
  expect([calls, stops]).toEqual([["quiet", "resume"], [40]]);
  say({ type: "quiet" });
  expect(calls).toEqual(["quiet", "resume", "quiet"]);
});

test("a runner that is gone stops the worker, once, also when it went before there was one", () => {
  for (const isLate of [true, false]) {
    around = new EventEmitter();
    vi.stubEnv(attendedBy, "4711");
    process.connected = isLate;
    const attendant = attend();
    const stops: (number | undefined)[] = [];
    if (!isLate) around.emit("disconnect");
    attendant?.speakFor(workerToSpeakFor().worker, deeds(stops));
    expect(stops).toEqual(isLate ? [] : [undefined]);
    around.emit("disconnect");
    expect(stops).toEqual([undefined]);
  }
});

test("it is told as ready when it is, says how it is every second, and is watched until it is over", async () => {
  const attendant = attend();
  const { worker, ready, end } = workerToSpeakFor();
  attendant?.speakFor(worker, deeds());
  expect([sent, told.watchdogs]).toEqual([[], ["started"]]);
  ready();
  await settled();
  expect(sent.map(({ type }) => type)).toEqual(["ready", "status"]);
  vi.advanceTimersByTime(3_000);
  expect(sent.map(({ type }) => type)).toEqual(["ready", ...new Array(4).fill("status")]);
  end();
  await settled();
  vi.advanceTimersByTime(3_000);
  expect(sent).toHaveLength(5);
  expect(told.watchdogs).toEqual(["started", "ended"]);
});

test("nothing is sent into a channel that is closed", async () => {
  const attendant = attend();
  const { worker, ready } = workerToSpeakFor();
  attendant?.speakFor(worker, deeds());
  process.connected = false;
  ready();
  await settled();
  expect(sent).toEqual([]);
});

test("a death is told with the run whose code was executed, and without one where that is not known", () => {
  const attendant = attend();
  const frames = attendant?.attendance.frames as { enter<T>(one: object, body: () => T): T } | undefined;
  const dying = () => attendant?.dying("it threw");
  expect(frames?.enter(claimed, dying)).toEqual(claimed);
  expect(dying()).toBeUndefined();
  expect(told.pipe).toEqual([
    { type: "dying", cause: "it threw", run: claimed },
    { type: "dying", cause: "it threw" },
  ]);
});

test("an exit is a death only of a worker that was ready and has not said that it leaves", async () => {
  const attendant = attend();
  around.emit("exit", 1);
  expect(told.pipe).toEqual([]);
  const { worker, ready } = workerToSpeakFor();
  attendant?.speakFor(worker, deeds());
  ready();
  await settled();
  around.emit("exit", 3);
  around.emit("exit", 3);
  expect(told.pipe).toEqual([{ type: "dying", cause: "it called process.exit(3)" }]);
});

test("one that leaves says so, and dies of nothing", async () => {
  const attendant = attend();
  const { worker, ready } = workerToSpeakFor();
  attendant?.speakFor(worker, deeds());
  ready();
  await settled();
  attendant?.leaving("stopped");
  around.emit("exit", 0);
  expect(told.pipe).toEqual([{ type: "leaving", why: "stopped" }]);
});
