// One isolate whose host is played by the test: what is waited for, and for how long.
import { describe, expect, test } from "vitest";
import { job } from "../job/index.js";
import { Events, manualClock } from "../kernel/index.js";
import type { IsolatedEnd, IsolatedTask } from "../loop/index.js";
import type { Note, Store } from "../store/contract.js";
import type { HostEnd, HostParts } from "./host.js";
import { startIsolate } from "./one.js";
import type { FromIsolate, ToIsolate } from "./protocol.js";

const grace = 5_000;
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const known = { job: job({ name: "any", handle() {} }), policy: {} } as object as IsolatedTask["known"];
const claimed = { run: "r", token: 1, job: "any", attempt: 2 } as object as IsolatedTask["claimed"];

function isolate(store: Partial<Store> = {}) {
  const clock = manualClock(0);
  const sent: ToIsolate[] = [];
  const heard: string[] = [];
  const noted: Note[] = [];
  const errors: unknown[] = [];
  let host: HostParts | undefined;
  const events = new Events<never>(() => {});
  const own = startIsolate({
    kind: "thread",
    memory: 1,
    beginning: {
      loader: "",
      source: "",
      worker: "w",
      release: undefined,
      grace,
      redact: undefined,
      hasMiddleware: false,
    },
    clock,
    events: {
      emit: (_name: string, { error }: { error: unknown }) => errors.push(error),
    } as object as typeof events,
    log: silent,
    store: { now: () => 7, ...store } as Store,
    onFree: () => heard.push("free"),
    onGone: () => heard.push("gone"),
    start(parts) {
      host = parts;
      return {
        send: (message) => sent.push(message),
        watch: (isExecuting) => heard.push(isExecuting ? "watched" : "unwatched"),
        async kill() {
          heard.push("killed");
          die({ reason: "crashed", how: "was ended" });
        },
      };
    },
  });
  const say = (message: FromIsolate): void => host?.onMessage(message);
  const die = (end: HostEnd): void => host?.onEnd(end);
  const task: IsolatedTask = {
    claimed,
    known,
    notes: {
      say: (note: Note) => void noted.push(note),
      flush: async () => {},
    } as object as IsolatedTask["notes"],
    onCalled: () => heard.push("called"),
    onEnding: () => heard.push("ending"),
    onLost: () => heard.push("lost"),
  };
  function execute(): Promise<IsolatedEnd> {
    return new Promise((resolve) => own.execute(task, resolve));
  }
  const blocked = (stack?: string): void => host?.onBlocked(1_200, stack);
  return { ...own, clock, sent, heard, noted, errors, say, die, blocked, execute };
}

const returned = { how: "returned", output: undefined } as const;
const ended = { type: "ended", ended: returned, attempt: 2, isCleaning: false, cpu: undefined } as const;

describe("an isolate", () => {
  test("is begun, is ready, executes and is free again", async () => {
    const one = isolate();
    one.say({ type: "ready" });
    expect(await one.ready).toBe(undefined);
    const end = one.execute();
    expect(one.sent.map(({ type }) => type)).toEqual(["begin", "execute"]);
    expect(one.sent[1]).toMatchObject({ now: 7 });
    one.say(ended);
    expect(await end).toEqual({ ended: returned, attempt: 2 });
    expect(one.heard).toEqual(["unwatched", "watched", "called", "unwatched", "free"]);
  });

  test("that does not load is given up after half a minute", async () => {
    const one = isolate();
    await one.clock.advance(29_999);
    expect(one.heard).toEqual([]);
    await one.clock.advance(1);
    expect(await one.ready).toMatchObject({
      code: "ISOLATE_NOT_STARTED",
      message: expect.stringContaining("30 s"),
    });
    expect(one.heard).toEqual(["killed", "gone"]);
  });

  test("is free only when what was deferred is done, and is ended when that never is", async () => {
    const one = isolate();
    const first = one.execute();
    one.say({ ...ended, isCleaning: true });
    expect(one.heard.at(-1)).toBe("ending");
    one.say({ type: "free" });
    expect(await first).toEqual({ ended: returned, attempt: 2 });
    expect(one.heard.at(-1)).toBe("free");
    const second = one.execute();
    one.say({ ...ended, isCleaning: true });
    await one.clock.advance(grace + 250);
    expect(one.heard.slice(-2)).toEqual(["killed", "gone"]);
    expect(await second).toEqual({ ended: returned, attempt: 2 });
  });

  test("that was given up and is silent is ended at once; one that cleans up has the grace for it", async () => {
    const deaf = isolate();
    void deaf.execute();
    const gone = deaf.giveUp();
    await deaf.clock.advance(250);
    await gone;
    expect(deaf.heard.slice(-2)).toEqual(["killed", "gone"]);

    const cleaning = isolate();
    void cleaning.execute();
    const left = cleaning.giveUp();
    cleaning.say({ type: "cleaning" });
    await cleaning.clock.advance(grace - 1);
    expect(cleaning.heard).not.toContain("killed");
    cleaning.say({ type: "free" });
    await left;
    expect(cleaning.heard.slice(-2)).toEqual(["killed", "gone"]);
  });

  test("that ends under a run says how; by the code of another one, the run is given back", async () => {
    const guilty = isolate();
    const bad = guilty.execute();
    guilty.die({ reason: "exited", how: "called process.exit(3)" });
    expect(await bad).toMatchObject({
      ended: { how: "died", reason: "exited", error: { code: "ISOLATE_EXITED" } },
      attempt: 2,
    });

    const innocent = isolate();
    const good = innocent.execute();
    const error = { name: "Error", message: "left", stack: undefined, fields: {}, cause: undefined };
    innocent.say({ type: "crashed", error, isInnocent: true });
    innocent.die({ reason: "exited", how: "called process.exit(1)" });
    expect(await good).toEqual({ ended: { how: "handedBack" }, attempt: 2 });
  });

  test("answers what is asked of the store, with the value or the error; and serves nothing else", async () => {
    const entries = async (run: string) => {
      if (run === "r") return [];
      throw Object.assign(new Error("away"), { passes: true });
    };
    const one = isolate({ entries });
    void one.execute();
    one.say({ type: "call", id: 1, verb: "entries", given: ["r"] });
    one.say({ type: "call", id: 2, verb: "entries", given: ["other"] });
    one.say({ type: "call", id: 3, verb: "settle", given: [[]] });
    await one.clock.advance(0);
    const answers = one.sent
      .filter(({ type }) => type === "answer")
      .sort((first, second) => idOf(first) - idOf(second));
    expect(answers).toEqual([
      { type: "answer", id: 1, value: [] },
      {
        type: "answer",
        id: 2,
        error: expect.objectContaining({ message: "away", fields: { passes: true } }),
      },
      { type: "answer", id: 3, error: expect.objectContaining({ message: "An isolate has no settle." }) },
    ]);
  });

  test("says once what blocks it, and what it used when that was much", async () => {
    const one = isolate();
    void one.execute();
    one.blocked("at spinning (jobs.js:1:1)");
    one.blocked();
    one.say({ ...ended, cpu: 1_234.5 });
    expect(one.noted).toEqual([
      {
        run: "r",
        token: 1,
        log: {
          level: "error",
          message: "blocked the event loop of its thread for 1.2 s",
          fields: '{"stack":"at spinning (jobs.js:1:1)"}',
        },
      },
      {
        run: "r",
        token: 1,
        log: {
          level: "debug",
          message: "used 1.23 s of processor time in its thread",
          fields: '{"cpu":1234.5}',
        },
      },
    ]);
  });

  test("that says nonsense is reported, and breaks nothing", () => {
    const one = isolate();
    void one.execute();
    one.say({ type: "log", level: "loud", message: "", fields: undefined } as object as FromIsolate);
    expect(one.errors).toHaveLength(1);
  });
});

function idOf(message: ToIsolate): number {
  return message.type === "answer" ? message.id : 0;
}
