// What the workers of the harness load: their configuration, a store that keeps a journal, and jobs that behave as their
// input says.
//
// Each execution is written to the ledger before it does anything else, and again when its signal is aborted and when it
// ends. Effects are written to tables of the application's own, by `ctx.tx` and `ctx.succeed`.
//
// Before this file come `duckdive work` and VIOLENCE, which says where everything is. After it comes the ledger.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { config, job, signal } from "duckdive";
import { bookIn } from "./books.mjs";
import { journaled } from "./journal.mjs";
import { anyInput, kinds, queues } from "./kinds.mjs";
import { monotonic, openLedger } from "./ledger.mjs";
import { startOf } from "./processes.mjs";
import { hashOf } from "./random.mjs";

/** @typedef {import("duckdive").Context<any, any>} Context */
/** @typedef {Record<string, any>} Input */

const { address, folder } = JSON.parse(process.env.VIOLENCE ?? "{}");
const ledger = openLedger(join(folder, "ledger"), "worker");
const books = await bookIn(address);
// Who lives is known by these files: faults choose their victims among them.
mkdirSync(join(folder, "alive"), { recursive: true });
const store = journaled(books.store, ledger, (worker) =>
  writeFileSync(
    join(folder, "alive", String(process.pid)),
    JSON.stringify({ parent: process.ppid, worker, start: startOf(process.pid) }),
  ),
);
/** Isolates load this file too. */
const isIsolate = Symbol.for("duckdive.isolate") in globalThis;
// A moment in which this process was awake and able to act.
if (!isIsolate) setInterval(() => ledger.write("awake"), 1_000).unref();

/** @param {number} milliseconds @param {Context} ctx */
const rest = (milliseconds, ctx) => wait(milliseconds, undefined, { signal: ctx.signal });

const nudge = signal("nudge", anyInput);
/** The contract of the children, which are of this file's own jobs. */
const leaf = () => /** @type {any} */ (jobs.find(({ name }) => name === "leaf"));

/** @type {Record<string, (input: Input, ctx: Context) => unknown>} */
const behaviours = {
  quick: () => "done",
  mute: () => undefined,
  async slow({ milliseconds }, ctx) {
    await rest(milliseconds, ctx);
    return "done";
  },
  async failing({ failures, milliseconds }, ctx) {
    await rest(milliseconds, ctx);
    if (ctx.attempt <= failures) throw new Error(`attempt ${ctx.attempt} was to fail`);
    return "done";
  },
  async hopeless({ milliseconds }, ctx) {
    await rest(milliseconds, ctx);
    throw new Error("there is no hope");
  },
  snoozing({ milliseconds }, ctx) {
    return hashOf(`${ctx.runId} ${ctx.token}`) % 3 === 0 ? "done" : ctx.snooze(milliseconds);
  },
  async booking({ first, second, failures }, ctx) {
    await rest(first, ctx);
    const one = await ctx.tx("first", (tx) => books.book(tx, ctx.runId, "first", ctx.token));
    await rest(second, ctx);
    if (ctx.attempt <= failures) throw new Error("between two effects");
    const other = await ctx.tx("second", (tx) => books.book(tx, ctx.runId, "second", ctx.token));
    return [one, other];
  },
  async closing({ milliseconds }, ctx) {
    await rest(milliseconds, ctx);
    return ctx.succeed((tx) => books.book(tx, ctx.runId, "succeed", ctx.token));
  },
  async durable({ nap, mark }, ctx) {
    /** @param {number} number */
    const step = (number) =>
      ctx.step(`step ${number}`, async () => {
        await rest(nap / 10, ctx);
        ledger.write("stepped", { run: ctx.runId, token: ctx.token, name: `step ${number}` });
      });
    /** @param {number} number */
    const book = (number) =>
      ctx.tx(`booked ${number}`, (tx) => books.book(tx, ctx.runId, `booked ${number}`, ctx.token));
    await step(1);
    await book(2);
    // Whoever cancels a child fails it for its parent, which goes on all the same.
    await Promise.all([
      step(3),
      step(4),
      ctx.run("child", leaf(), { mark: `${mark} child` }).catch(() => "cancelled"),
    ]);
    await ctx.sleep("nap", nap);
    await book(5);
    const inputs = [0, 1, 2].map((number) => ({ mark: `${mark} ${number}` }));
    await Promise.all([step(6), ctx.runAll("children", leaf(), inputs, { onFailure: "collect", atOnce: 2 })]);
    await ctx.waitFor("nudge", nudge, { timeout: nap });
    await step(7);
    await book(8);
    await Promise.race([step(9), ctx.sleep("a while", nap)]);
    await step(10);
    return "done";
  },
  async leaf(_input, ctx) {
    await rest(10, ctx);
    return "done";
  },
  async expiring({ milliseconds }, ctx) {
    await rest(milliseconds, ctx);
    return "done";
  },
  async long({ milliseconds }, ctx) {
    await rest(milliseconds, ctx);
    return "done";
  },
  async patient({ until }, ctx) {
    await rest(Math.max(0, until - monotonic()), ctx);
    return "done";
  },
  /** Hears nothing, and in the end writes as if nothing had happened. */
  async deaf({ milliseconds }, ctx) {
    await wait(milliseconds);
    await ctx.tx("late", (tx) => books.book(tx, ctx.runId, "late", ctx.token));
    return "done";
  },
  blocking({ attempts, milliseconds }, ctx) {
    const end = performance.now() + milliseconds;
    while (ctx.attempt <= attempts && performance.now() < end);
    return "done";
  },
  async hungry({ attempts }, ctx) {
    const eaten = [];
    while (ctx.attempt <= attempts) {
      eaten.push(Array.from({ length: 100_000 }, (_, number) => ({ number })));
      await wait(1);
    }
    return "done";
  },
  threaded: misbehaving,
  apart: misbehaving,
  async crashing({ attempts, how }, ctx) {
    await rest(20, ctx);
    if (ctx.attempt > attempts) return "done";
    if (how === "exit") process.exit(1);
    setTimeout(() => {
      if (how === "throw") throw new Error("thrown where nobody catches");
      void Promise.reject(new Error("rejected where nobody catches"));
    }, 5);
    return wait(30_000);
  },
};

/** What only an isolate survives. @param {Input} input @param {Context} ctx */
async function misbehaving({ attempts, how, milliseconds }, ctx) {
  await rest(milliseconds, ctx);
  if (ctx.attempt > attempts) return "done";
  if (how === "exit") process.exit(1);
  if (how === "spin") for (;;);
  const eaten = [];
  while (how === "eat") eaten.push(Array.from({ length: 100_000 }, (_, number) => ({ number })));
  setTimeout(() => {
    if (how === "throw") throw new Error("thrown where nobody catches");
    if (how === "reject") void Promise.reject(new Error("rejected where nobody catches"));
  }, 5);
  return wait(30_000);
}

/** @param {string} name @param {(input: Input, ctx: Context) => unknown} behave */
function recorded(name, behave) {
  return async (/** @type {any} */ input, /** @type {Context} */ ctx) => {
    const { runId: run, token, attempt } = ctx;
    const about = { run, token };
    const claim = store.claimOf(run, token);
    ledger.write("executed", { ...about, job: name, attempt, claim, isIsolated: isIsolate || undefined });
    ctx.signal.addEventListener("abort", () => {
      ledger.write("aborted", { ...about, why: ctx.signal.reason.why });
    });
    // A handler that is suspended never unwinds.
    if (kinds[name]?.steps !== undefined) ctx.defer(() => ledger.write("left", about));
    try {
      return await behave(input, ctx);
    } finally {
      ledger.write("left", about);
    }
  };
}

const jobs = Object.entries(kinds).map(([name, { policy }]) => {
  const behave = behaviours[name];
  if (behave === undefined) throw new RangeError(`There is no behaviour for ${name}.`);
  return job({ name, input: anyInput, ...policy, handle: recorded(name, behave) });
});

// biome-ignore lint/style/noDefaultExport: the command line looks for it there
export default config({ store, with: books.adapter, jobs, queues });
