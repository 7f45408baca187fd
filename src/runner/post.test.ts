import { expect, test } from "vitest";
import type { Child } from "./child.js";
import { createPost } from "./post.js";
import type { Death, ToWorker } from "./protocol.js";

type Fake = { -readonly [Key in keyof Child]: Child[Key] } & { readonly told: ToWorker[] };

const death: Death = { worker: "dead", cause: "killed by SIGKILL" };
const run = { run: "run-1", job: "spin", token: 7, attempt: 1 };

function fake(worker: string, given: Partial<Child> = {}): Fake {
  const told: ToWorker[] = [];
  return {
    slot: 0,
    pid: 1,
    state: "ready",
    worker,
    startedAt: 0,
    readyAt: 0,
    status: undefined,
    heardAt: 0,
    blocked: undefined,
    recycle: undefined,
    send: (message) => void told.push(message),
    stop() {},
    kill() {},
    settled: Promise.resolve("ready"),
    gone: new Promise(() => {}),
    told,
    ...given,
  };
}

/** A post among these, at a time that the test sets; everybody is heard of all the time. */
function among(...children: Fake[]) {
  let time = 0;
  const post = createPost({ children: () => children, now: () => time });
  return {
    post,
    pass(milliseconds: number) {
      time += milliseconds;
      for (const child of children) child.heardAt = time;
      post.deliver();
    },
  };
}

test("a death is told to one who is ready, and once it is answered to nobody again", () => {
  const [one, other] = [fake("one"), fake("other")];
  const { post, pass } = among(one, other);
  post.died(death);
  post.died(death);
  expect([...one.told, ...other.told]).toEqual([{ type: "died", death }]);
  post.answered("dead");
  pass(60_000);
  expect([...one.told, ...other.told]).toHaveLength(1);
});

test("a death that is not answered is told to another, and again to the same when there is no other", () => {
  const [one, other] = [fake("one"), fake("other")];
  const { post, pass } = among(one, other);
  post.died(death);
  pass(1_999);
  expect(other.told).toEqual([]);
  pass(1);
  expect([one.told.length, other.told.length]).toEqual([1, 1]);
  one.state = "gone";
  pass(2_000);
  expect([one.told.length, other.told.length]).toEqual([1, 2]);
});

test.each<[string, Partial<Child>]>([
  ["stands still", { blocked: { since: 0 } }],
  ["has not been heard of for long", { heardAt: -60_000 }],
  ["is not ready yet", { worker: undefined, state: "starting" }],
  ["is gone", { state: "gone" }],
])("nobody is told who %s", (_, given) => {
  const only = fake("only", given);
  const { post } = among(only);
  post.died(death);
  expect(only.told).toEqual([]);
  Object.assign(only, { ...fake("only"), send: only.send, told: only.told });
  post.deliver();
  expect(only.told).toHaveLength(1);
});

test("who is stopping is told only when nobody else can be", () => {
  const [stopping, ready] = [fake("stopping", { state: "stopping" }), fake("ready")];
  const { post } = among(stopping, ready);
  post.died(death);
  expect([stopping.told.length, ready.told.length]).toEqual([0, 1]);
  ready.state = "gone";
  post.deliver();
  expect(stopping.told).toHaveLength(1);
});

test("a standstill is told once, when its run is known, and again when it is another", () => {
  const [still, other] = [fake("still", { blocked: { since: 0 } }), fake("other")];
  const { post } = among(still, other);
  expect(post.blocked(still, { milliseconds: 1_000 })).toBe(true);
  expect(other.told).toEqual([]);
  expect(post.blocked(still, { milliseconds: 2_000, run })).toBe(true);
  expect(post.blocked(still, { milliseconds: 3_000, run })).toBe(false);
  expect(post.blocked(still, { milliseconds: 4_000 })).toBe(false);
  expect(other.told).toEqual([{ type: "blocked", worker: "still", blocked: { milliseconds: 2_000, run } }]);
  post.unblocked(still);
  expect(post.blocked(still, { milliseconds: 1_000, run })).toBe(true);
  expect(other.told).toHaveLength(2);
});

test("who stood still writes it down itself when there is no peer, once it moves", () => {
  const only = fake("only", { blocked: { since: 0 } });
  const { post } = among(only);
  post.blocked(only, { milliseconds: 1_000, run });
  expect(only.told).toEqual([]);
  only.blocked = undefined;
  post.unblocked(only);
  expect(only.told).toMatchObject([{ type: "blocked", worker: "only" }]);
});
