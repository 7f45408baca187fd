// Jobs that run in isolates, of every kind of behaviour that a test may want. Loaded by the tests, and again by each
// isolate; so it does nothing but define.
import { appendFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { threadId } from "node:worker_threads";
import { currentContext, job } from "duckdive";

/** @typedef {import("duckdive").Context<any, any>} Context */

/** Takes any object as it is. @type {import("duckdive").Schema<any, any>} */
const anyInput = {
  "~standard": { version: 1, vendor: "tests", validate: (/** @type {unknown} */ value) => ({ value }) },
};
const retry = /** @type {const} */ ({ attempts: 1 });
const forEver = 60_000;
/** Lives as long as the isolate. */
let executions = 0;

/** @param {string} file @param {unknown} line */
const note = (file, line) => appendFileSync(file, `${JSON.stringify(line)}\n`);

const endless = () => {
  const eaten = [];
  for (;;) eaten.push(Array.from({ length: 100_000 }, (_, number) => ({ number })));
};

export const leaf = job({ name: "leaf", handle: () => 1 });

/** @param {"thread" | "process"} kind */
function of(kind) {
  /**
   * @template O
   * @param {string} name
   * @param {object} policy
   * @param {(input: any, ctx: Context) => O} handle
   */
  const define = (name, policy, handle) =>
    job({
      name: `${name}-${kind}`,
      input: anyInput,
      isolate: { kind, memory: "64mb" },
      retry,
      ...policy,
      handle,
    });
  return {
    where: define("where", {}, () => ({ pid: process.pid, thread: threadId, executions: ++executions })),
    everything: define("everything", {}, async ({ file }, ctx) => {
      ctx.log.info("said", { error: new Error("as data"), act: () => 1 });
      ctx.progress(1, 2, "half");
      ctx.defer(() => note(file, "deferred"));
      const one = await ctx.step("one", () => {
        note(file, "step");
        return 40;
      });
      await ctx.sleep("nap", 50);
      const child = await ctx.run("child", leaf);
      const { id } = await ctx.enqueue("apart", leaf);
      return { sum: one + child, id, meta: ctx.meta, context: currentContext(), attempt: ctx.attempt };
    }),
    exits: define("exits", {}, () => process.exit(7)),
    throws: define("throws", {}, () => {
      setTimeout(() => {
        throw new Error("nobody catches this");
      }, 20);
      return wait(forEver);
    }),
    rejects: define("rejects", {}, () => {
      setTimeout(() => void Promise.reject(new Error("nobody handles this")), 20);
      return wait(forEver);
    }),
    eats: define("eats", {}, endless),
    spins: define("spins", { timeout: 1_000 }, function spinning() {
      for (;;);
    }),
    works: define("works", {}, () => {
      let sum = 0;
      for (let count = 0; count < 5e8; count += 1) sum += count;
      return sum;
    }),
    deaf: define("deaf", { timeout: 100 }, ({ file }, ctx) => {
      ctx.defer(() => note(file, "deferred"));
      ctx.signal.addEventListener("abort", () => note(file, ctx.signal.reason.why));
      return wait(forEver);
    }),
    obeys: define("obeys", {}, async ({ file }, ctx) => {
      note(file, "began");
      await wait(forEver, undefined, { signal: ctx.signal });
    }),
    second: define(
      "second",
      { retry: { attempts: 2, backoff: { kind: "fixed", base: 10 } } },
      (_input, ctx) => {
        if (ctx.attempt === 1) process.exit(1);
        return ctx.attempt;
      },
    ),
    /** Ends, and leaves something behind that throws while the next one runs. */
    leaves: define("leaves", {}, ({ milliseconds }) => {
      setTimeout(() => {
        throw new Error("left behind");
      }, milliseconds);
    }),
    rests: define("rests", {}, ({ milliseconds }) => wait(milliseconds, "rested")),
    fails: define("fails", { errors: { broken: anyInput } }, (_input, ctx) =>
      ctx.fail("broken", { part: "wheel" }),
    ),
    writes: define("writes", {}, (_input, ctx) => ctx.tx("write", () => 1)),
  };
}

const inThread = of("thread");
const inProcess = of("process");
export const threads = Object.values(inThread);
export const processes = Object.values(inProcess);
export const isolated = { thread: inThread, process: inProcess };
