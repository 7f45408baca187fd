// The harness: makes a world, treats it with violence, lets it come to rest, and audits what was promised.
//
// Before this file comes the command. After it come the world, the plan, the faults and the auditor.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { audit, tally } from "./audit.mjs";
import { gather } from "./evidence.mjs";
import { faults as allFaults } from "./faults/index.mjs";
import { NotDone } from "./faults/not-done.mjs";
import { openLedger } from "./ledger.mjs";
import { planFaults } from "./plan.mjs";
import { createRandom } from "./random.mjs";
import { createWorld } from "./world.mjs";

/**
 * @typedef {object} Options
 * @property {"sqlite" | "postgres"} store
 * @property {string} seed
 * @property {number} seconds
 * @property {readonly string[]} [faults] all unless given
 * @property {readonly string[]} [jobs] that are asked for: all unless given
 * @property {number} supervisors
 * @property {number} processes
 * @property {number} enqueuers
 * @property {number} rest how long runs may take to end when all is quiet, in seconds
 * @property {boolean} keep
 * @property {(message: string) => void} say
 */

/**
 * @typedef {object} Report
 * @property {Record<string, import("./table.mjs").Struck>} faults
 * @property {Record<string, number>} seen
 * @property {Record<string, number>} states
 * @property {Record<string, string>} notes
 * @property {readonly import("./audit.mjs").Violation[]} violations
 * @property {string | undefined} folder where everything is, if it was kept
 */

/** Until workers are there, in milliseconds. */
const longestStart = 60_000;

/** @param {Options} options @returns {Promise<Report>} */
export async function violence(options) {
  const chosen = chooseFaults(options.faults);
  const folder = mkdtempSync(join(tmpdir(), `duckdive-violence-${options.store}-`));
  const ledger = openLedger(join(folder, "ledger"), "harness");
  const world = await createWorld({ ...options, folder }, ledger);
  let isKept = true;
  const onSignal = () => void world.end().finally(() => process.exit(130));
  process.once("SIGINT", onSignal).once("SIGTERM", onSignal);
  try {
    await until(async () => world.workers().length > 0, longestStart, "no worker came to life");
    const random = createRandom(options.seed).stream("faults");
    const blows = planFaults({ ...options, random, faults: chosen, areNamed: options.faults !== undefined });
    const struck = await strikeAll(world, blows, chosen, ledger, options);
    options.say("coming to rest");
    const rested = await comeToRest(world, options.rest * 1_000);
    const unwilling = await world.stopWorkers();
    options.say("auditing");
    const evidence = await gather(world, join(folder, "ledger"), unwilling);
    const violations = audit(evidence);
    isKept = options.keep || violations.length > 0;
    if (isKept) keepEvidence(folder, evidence, violations);
    if (isKept && world.disk !== undefined)
      cpSync(world.disk.folder, join(folder, "disk-as-it-was"), { recursive: true });
    return {
      faults: struck,
      seen: tally(evidence),
      states: { ...evidence.counts },
      notes: { "came to rest in": `${rested} ms`, ...endsOf(world) },
      violations,
      folder: isKept ? folder : undefined,
    };
  } finally {
    process.off("SIGINT", onSignal).off("SIGTERM", onSignal);
    await world.end();
    if (!isKept) rmSync(folder, { recursive: true, force: true });
    else options.say(`everything is in ${folder}`);
  }
}

/** @param {readonly string[] | undefined} names */
function chooseFaults(names) {
  const unknown = names?.find((name) => !allFaults.some((fault) => fault.name === name));
  if (unknown !== undefined)
    throw new RangeError(
      `There is no fault "${unknown}"; there are ${allFaults.map(({ name }) => name).join(", ")}.`,
    );
  return names === undefined ? allFaults : allFaults.filter(({ name }) => names.includes(name));
}

/**
 * @param {import("./world.mjs").World} world
 * @param {readonly import("./plan.mjs").Blow[]} blows
 * @param {readonly import("./plan.mjs").Fault[]} chosen
 * @param {import("./ledger.mjs").Ledger} ledger
 * @param {Options} options
 */
async function strikeAll(world, blows, chosen, ledger, { seconds, store, say }) {
  /** @type {Record<string, import("./table.mjs").Struck>} */
  const struck = {};
  for (const { name, stores = [store], shortest = 0 } of chosen)
    if (stores.includes(store)) struck[name] = { planned: 0, done: 0, notDone: {}, shortest };
  const begin = performance.now();
  const until = (/** @type {number} */ at) => wait(Math.max(0, begin + at - performance.now()));
  const underWay = blows.map(async ({ at, name, params }) => {
    await until(at);
    const fault = chosen.find((one) => one.name === name);
    const about = struck[name];
    if (fault === undefined || about === undefined) return;
    about.planned += 1;
    ledger.write("fault", { name, params });
    say(`${(at / 1_000).toFixed(1).padStart(6)} s  ${name} ${JSON.stringify(params)}`);
    try {
      await fault.strike(world, params);
      about.done += 1;
    } catch (error) {
      const reason = error instanceof NotDone ? error.message : `it met ${codeOf(error)}`;
      about.notDone[reason] = (about.notDone[reason] ?? 0) + 1;
    }
  });
  await until(seconds * 1_000);
  await Promise.all(underWay);
  return struck;
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}

/**
 * Resolves with how long it took, when every run has ended, or when none has for too long: a busy machine has a backlog.
 * @param {import("./world.mjs").World} world
 * @param {number} longest
 */
async function comeToRest(world, longest) {
  const begin = performance.now();
  await world.stopEnqueuers();
  await world.makeGood();
  let end = performance.now() + longest;
  let fewest = Number.POSITIVE_INFINITY;
  let most = 0;
  while (performance.now() < end) {
    const { scheduled, ready, running, waiting, succeeded, failed, cancelled } =
      await world.hand.countByState();
    const left = scheduled + ready + running + waiting;
    const known = await world.hand.workers();
    const living = new Set(world.workers().map(({ worker }) => worker));
    if (left === 0 && known.every(({ id }) => living.has(id))) break;
    // Runs that have children make more of them than there were, and still it goes on.
    const over = succeeded + failed + cancelled;
    if (left < fewest || over > most) end = performance.now() + longest;
    fewest = Math.min(fewest, left);
    most = Math.max(most, over);
    await wait(250);
  }
  return Math.round(performance.now() - begin);
}

/** How supervisors have ended on their own account. @param {import("./world.mjs").World} world */
function endsOf({ supervisors }) {
  /** @type {Record<string, number>} */
  const ends = {};
  for (const { code, signal } of supervisors.flatMap((one) => one.ends())) {
    const how = signal ?? `code ${code}`;
    ends[how] = (ends[how] ?? 0) + 1;
  }
  return {
    "supervisors ended": Object.entries(ends)
      .map(([how, times]) => `${times} by ${how}`)
      .join(", "),
  };
}

/** @param {string} folder @param {import("./evidence.mjs").Evidence} evidence @param {readonly import("./audit.mjs").Violation[]} violations */
function keepEvidence(folder, evidence, violations) {
  const concerned = new Set(violations.flatMap(({ run }) => run ?? []));
  const runs = [...evidence.runs.values()].filter(({ run }) => concerned.has(run.id));
  const lines = evidence.lines.filter(({ run }) => typeof run === "string" && concerned.has(run));
  const { workers, claims, broken, counts } = evidence;
  const text = JSON.stringify({ violations, runs, lines, workers, claims, broken, counts }, null, 1);
  writeFileSync(join(folder, "violations.json"), text);
}

/** @param {() => Promise<boolean>} condition @param {number} within @param {string} otherwise */
async function until(condition, within, otherwise) {
  const end = performance.now() + within;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${otherwise} within ${within} ms`);
    await wait(50);
  }
}
