// The world that is treated with violence: a store, supervisors with workers, enqueuers, and a hand for the harness.
//
// Faults act through it. Before this file come places and processes. After it come the faults, and the harness, which
// makes the world, lets it come to rest and takes it down.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { job, open } from "duckdive";
import { v7 } from "uuid";
import { bookIn } from "./books.mjs";
import { mountDisk } from "./disk.mjs";
import { anyInput, kinds } from "./kinds.mjs";
import { monotonic } from "./ledger.mjs";
import { openPlace } from "./places.mjs";
import { keep, signalProcess, startGuard, startOf } from "./processes.mjs";

/** @typedef {{ pid: number, start: string | undefined, worker: string, parent: number }} Worker */
/** @typedef {Awaited<ReturnType<typeof createWorld>>} World */

/**
 * @typedef {object} WorldOptions
 * @property {"sqlite" | "postgres"} store
 * @property {string} seed
 * @property {number} seconds
 * @property {readonly string[]} [jobs] that are asked for: all unless given
 * @property {string} folder
 * @property {number} supervisors
 * @property {number} processes workers of each
 * @property {number} enqueuers
 */

/** What a worker may use of memory for its objects, in megabytes. */
const memory = 160;
/** How long an event loop may stand still, and a stop may wait. */
const maxBlock = "2500ms";
const drain = "3s";
/** How long a supervisor may take to end: the drain, and what comes after it, on a machine that is busy. */
const longestStop = 60_000;
/** How long a worker may outlive its supervisor, in milliseconds. */
const longestFarewell = 15_000;
const twoHours = 7_200_000;

const here = (/** @type {string} */ name) => fileURLToPath(new URL(name, import.meta.url));

/** Megabytes of the disk: what the runs of so many seconds need, and room for the log of PostgreSQL. @param {WorldOptions} options */
const diskSize = ({ store, seconds }) => Math.ceil(64 + seconds * 0.5 + (store === "postgres" ? 320 : 0));

/**
 * @param {WorldOptions} options
 * @param {import("./ledger.mjs").Ledger} ledger
 */
export async function createWorld(options, ledger) {
  const { store, seed, folder } = options;
  const clocks = join(folder, "clocks");
  const alive = join(folder, "alive");
  for (const one of [clocks, alive]) mkdirSync(one, { recursive: true });
  const disk = mountDisk(join(folder, "disk"), diskSize(options));
  const guard = startGuard(disk?.folder);
  const place = await openPlace(store, disk?.folder ?? folder);
  const books = await bookIn(place.direct);
  const hand = books.store;
  await hand.open();
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const client = open(hand, { log: silent });
  const given = { address: place.address, folder, seed, jobs: options.jobs };
  let hasJumped = false;
  let isOver = false;

  const env = {
    PATH: process.env.PATH,
    TMPDIR: process.env.TMPDIR,
    JITI_FS_CACHE: "false",
    VIOLENCE: JSON.stringify(given),
    VIOLENCE_CLOCKS: clocks,
  };
  const nodeOptions = `--import=${pathToFileURL(here("clock.mjs")).href} --max-old-space-size=${memory}`;
  const program = here("../../../dist/cli/main.js");
  const supervision = ["--processes", String(options.processes), "--max-block", maxBlock, "--drain", drain];
  const work = [program, "work", here("jobs.mjs"), ...supervision, "--log", "json"];
  /** @type {import("./processes.mjs").Kept[]} */
  const supervisors = [];
  /** @type {import("./processes.mjs").Kept[]} */
  const enqueuers = [];
  const onPid = () => guard.watch([...supervisors, ...enqueuers].flatMap((one) => one.pid() ?? []));
  for (let number = 0; number < options.supervisors; number++) {
    const log = join(folder, `supervisor-${number}.log`);
    supervisors.push(keep({ command: () => work, env: { ...env, NODE_OPTIONS: nodeOptions }, log, onPid }));
  }
  for (let number = 0; number < options.enqueuers; number++) {
    /** Each generation asks for something else. @param {number} generation */
    const command = (generation) => [
      here("enqueuer.mjs"),
      JSON.stringify({ ...given, number: `${number}.${generation}` }),
    ];
    enqueuers.push(keep({ command, env, log: join(folder, `enqueuer-${number}.log`), onPid }));
  }
  onPid();

  /** The workers that live, oldest pid first. @returns {Worker[]} */
  function workers() {
    return readdirSync(alive).flatMap((name) => {
      const pid = Number(name);
      const about = aboutWorker(join(alive, name));
      if (about === undefined) return [];
      if (startOf(pid) === about.start) return { pid, ...about };
      rmSync(join(alive, name), { force: true });
      return [];
    });
  }

  /** @template T @param {readonly T[]} list @param {number} who */
  const chosen = (list, who) => list[Math.floor(who * list.length)];

  /** @param {string} kind @param {import("./kinds.mjs").Input} input */
  async function ask(kind, input) {
    const id = v7();
    const about = { run: id, job: kind, input: { ...input, mark: id } };
    ledger.write("asking", about);
    const contract = /** @type {any} */ (job({ name: kind, input: anyInput, ...kinds[kind]?.policy }));
    for (let attempt = 1; !isOver; attempt++) {
      try {
        const { created } = await client.enqueue(contract, about.input, { id });
        ledger.write("promised", { ...about, attempt, created: [created] });
        return;
      } catch {
        await wait(100);
      }
    }
  }

  /** @param {"cancel" | "retry"} verb @param {string[]} runs */
  async function act(verb, runs) {
    const asked = monotonic();
    ledger.write("acting", { verb, runs });
    const answers = verb === "cancel" ? await hand.cancel(runs, "violence") : await hand.retry(runs);
    ledger.write(verb, { runs, answers, asked });
  }

  /** Lets everything that was stopped, spoilt or paused go on. */
  async function makeGood() {
    for (const worker of workers()) signalProcess(worker, "SIGCONT");
    for (const supervisor of supervisors) supervisor.kill("SIGCONT");
    place.proxy?.resume();
    await disk?.empty();
    await place.server?.start();
    for (const name of readdirSync(clocks)) rmSync(join(clocks, name), { force: true });
    // What was scheduled by a clock that was an hour ahead becomes due when that hour has passed.
    if (hasJumped) writeFileSync(join(clocks, "all"), String(twoHours));
    for (const target of await hand.paused()) await hand.resume(target);
  }

  /** Resolves with how many had to be killed, because they did not end when they were told to. */
  async function stopWorkers() {
    const inTime = await Promise.all(
      supervisors.map((one) => one.stop((child) => child.kill("SIGTERM"), longestStop)),
    );
    // Those whose supervisor was killed have been told by its death, and have a moment to end.
    const end = performance.now() + longestFarewell;
    while (workers().length > 0 && performance.now() < end) await wait(50);
    return inTime.filter((one) => !one).length;
  }

  return {
    ...options,
    ...place,
    clocks,
    disk,
    hand,
    workers,
    worker: (/** @type {number} */ who) => chosen(workers(), who),
    supervisor: (/** @type {number} */ who) =>
      chosen(
        supervisors.filter((one) => one.pid() !== undefined),
        who,
      ),
    supervisors,
    ask,
    act,
    makeGood,
    stopWorkers,
    clockHasJumped() {
      hasJumped = true;
    },
    /** @param {Worker | import("./processes.mjs").Kept} victim @param {NodeJS.Signals} signal */
    signal(victim, signal) {
      if ("kill" in victim) victim.kill(signal);
      else signalProcess(victim, signal);
    },
    killEnqueuer: (/** @type {number} */ who) => chosen(enqueuers, who)?.kill("SIGKILL"),
    /** @param {Worker} victim */
    async takeForDead({ worker }) {
      ledger.write("takenForDead", { worker });
      await hand.rescue([{ worker, cause: "it was taken for dead" }]);
    },
    async stopEnqueuers() {
      isOver = true;
      await Promise.all(enqueuers.map((one) => one.stop((child) => child.stdin?.end(), 15_000)));
    },
    async end() {
      isOver = true;
      await Promise.all(
        [...supervisors, ...enqueuers].map((one) => one.stop((child) => child.kill("SIGKILL"), 5_000)),
      );
      for (const worker of workers()) signalProcess(worker, "SIGKILL");
      await client.close().catch(() => {});
      await books.close().catch(() => {});
      await place.end();
      disk?.end();
    },
  };
}

/** @param {string} file @returns {Omit<Worker, "pid"> | undefined} */
function aboutWorker(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    // It is being written in this moment.
    return undefined;
  }
}
