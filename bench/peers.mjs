// Whom duckdive is measured beside: each on its own kind of store, in the configuration that did best of those its documentation
// names, on the Node from npm where it asks for a newer one. `beside` makes a workload of ours and the same for each of them.
//
// Before this file come the workloads. After it come processes/library.mjs and libraries/, where the configurations are.
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { answerOf, outcomeOf, profile, start, startAttended } from "./measure.mjs";
import { timeOf } from "./processor.mjs";
import { redis, redisMissing, withRedis } from "./redis.mjs";
import { server, withDatabase } from "./server.mjs";

/**
 * @typedef {"postgres" | "redis" | "sqlite"} Kind
 *
 * @typedef {object} Peer
 * @property {Kind} kind
 * @property {string} how it is configured
 * @property {number} few it gets this part of the jobs, so that a slow one does not take minutes
 * @property {boolean} [floor]
 * @property {string} [library] of libraries/, where its name is another
 *
 * @typedef {Record<string, unknown>} Wanted what `processes/library.mjs` calls `Asked`, without the address; `attended`: looked after as by a runner
 *
 * @typedef {object} Place where a library works: a store of its own, empty at the beginning
 * @property {string} address
 * @property {string} database
 * @property {Kind} kind
 * @property {(action: string, wanted: Wanted, handlers?: Hearing) => Promise<any>} ask what a process answers that ends by itself
 * @property {(action: string, wanted?: Wanted) => Promise<import("node:child_process").ChildProcess>} begin one that goes on, when it has said that it is ready
 * @property {<Answer>(act: () => Promise<Answer>) => Promise<[Answer, number | undefined]>} serverTime processor time of the server meanwhile
 *
 * @typedef {(message: any) => void} Hearing
 * @typedef {import("./run.mjs").Options & { jobs: number, asked: Wanted }} Doing
 *
 * @typedef {object} Beside
 * @property {string} name of the workload of ours
 * @property {string} unit
 * @property {string} note
 * @property {string} [own] what has to be known of ours
 * @property {number} [rounds]
 * @property {Record<string, Wanted & { note?: string, share?: number }>} peers by name: what is asked of them besides; `share`: divides their part of the jobs once more
 * @property {Wanted} [asked] of ours
 * @property {(place: Place, doing: Doing) => Promise<import("./run.mjs").Measured>} run
 * @property {readonly [full: number, quick: number]} [jobs] how many, before a peer gets its part
 */

/** @type {Record<string, Peer>} */
export const peers = {
  "graphile-worker": {
    kind: "postgres",
    how: "100 jobs at once from a local queue of 2,000, completed in batches without a delay; rows are deleted",
    few: 1,
  },
  "pg-boss": {
    kind: "postgres",
    how: "two workers of 1,000 a batch, burstWhenBatchFull, useListenNotify; rows are kept 7 days",
    few: 2,
  },
  bullmq: {
    kind: "redis",
    how: "on Redis with appendfsync everysec, 100 jobs at once, removeOnComplete",
    few: 2,
  },
  "bee-queue": {
    kind: "redis",
    how: "on Redis with appendfsync everysec, 100 jobs at once, no events, storeJobs off, removeOnSuccess",
    few: 2,
  },
  "bullmq-postgres": {
    kind: "postgres",
    library: "bullmq",
    how: "BullMQ's PostgreSQL backend, 100 jobs at once, 10 connections, removeOnComplete",
    few: 20,
  },
  dbos: {
    kind: "postgres",
    how: "workflows of a queue, 100 at once, a pool of 20; rows are kept",
    few: 20,
  },
  sidequest: {
    kind: "postgres",
    how: "in one process and inline, 100 jobs at once, a pool of 20; rows are kept",
    few: 50,
  },
  floor: {
    kind: "postgres",
    library: "floor-postgres",
    how: "plain SQL on duckdive's tables, three connections, 2,000 a statement, history kept",
    few: 1,
    floor: true,
  },
  plainjob: {
    kind: "sqlite",
    how: "one job at a time by design, synchronous=NORMAL by its own setting; rows are kept 7 days",
    few: 3,
  },
};

const require = createRequire(import.meta.url);
const oldestMajor = 23;
/** What Node warns of in a library is nothing that was measured. */
const quiet = [...profile(), "--no-warnings"];
/** What no library may take, whatever it does; it is killed then, and the workload fails. */
const patience = 10 * 60_000;

/**
 * A workload of ours, and after it the same for each peer.
 * @param {Beside} beside
 * @returns {import("./workloads.mjs").Described[]}
 */
export function beside({
  name,
  unit,
  note,
  own = "",
  rounds,
  peers: named,
  asked: ours = {},
  jobs = [0, 0],
  run,
}) {
  const [kind = "", ...action] = name.split(".");
  const shared = { unit, ...(rounds === undefined ? {} : { rounds }) };
  const amount = (/** @type {boolean} */ quick, few = 1) => Math.ceil(jobs[quick ? 1 : 0] / few);
  const first = {
    ...shared,
    name,
    note: own === "" ? note : `${note}; ${own}`,
    run: (/** @type {import("./run.mjs").Options} */ options) =>
      within("duckdive", isKind(kind), options, (place) =>
        run(place, { ...options, asked: ours, jobs: amount(options.quick) }),
      ),
  };
  const others = Object.entries(named).map(([peer, { note: more, share = 1, ...asked }]) => {
    const { kind: where, how, few, floor, library = peer } = peerOf(peer);
    const part = few * share;
    const fewer = jobs[0] > 0 && part !== 1 ? `${amount(false, part).toLocaleString("en")} jobs` : undefined;
    const described = [note, how, more, fewer].filter((text) => text !== undefined).join("; ");
    return {
      ...shared,
      name: `${floor ? "floor" : `peer.${peer}`}.${floor ? name : action.join(".")}`,
      peerOf: name,
      ...(floor ? { floor } : { peer }),
      note: described,
      missing: () => missing(where),
      run: (/** @type {import("./run.mjs").Options} */ options) =>
        within(library, where, options, (place) =>
          run(place, { ...options, asked, jobs: amount(options.quick, part) }),
        ),
    };
  });
  return [first, ...others];
}

/** @param {string} peer */
function peerOf(peer) {
  const found = peers[peer];
  if (found === undefined) throw new Error(`There is no peer ${peer}.`);
  return found;
}

/**
 * @param {string} kind
 * @returns {Kind}
 */
function isKind(kind) {
  if (kind === "postgres" || kind === "sqlite" || kind === "redis") return kind;
  throw new Error(`The name of a workload begins with its store, and not with ${kind}.`);
}

/** @param {Kind} kind */
function missing(kind) {
  if (nodeForPeers() === undefined) return "the peers are not installed: npm ci --prefix bench";
  return kind === "redis" ? redisMissing() : undefined;
}

/** On which Node the peers run: most of them need 22.18, and this process may be an older one. */
export function peersRunOn() {
  const node = nodeForPeers();
  if (node === undefined || node === process.execPath) return process.version;
  return execFileSync(node, ["--version"], { encoding: "utf8" }).trim();
}

/** This Node, where it is new enough, or the one that npm has installed. */
function nodeForPeers() {
  try {
    const installed = require.resolve(`node-${process.platform}-${process.arch}/bin/node`);
    return Number.parseInt(process.versions.node, 10) >= oldestMajor ? process.execPath : installed;
  } catch {
    return undefined;
  }
}

/**
 * Lets a library work on an empty store of its kind.
 * @template T
 * @param {string} library
 * @param {Kind} kind
 * @param {import("./run.mjs").Options} options
 * @param {(place: Place) => Promise<T>} use
 * @returns {Promise<T>}
 */
function within(library, kind, { folder }, use) {
  const at = (/** @type {string} */ address, database = "") => use(placeOf(library, kind, address, database));
  if (kind === "postgres") return withDatabase(at);
  if (kind === "redis") return withRedis(at);
  return at(library === "duckdive" ? `sqlite:${join(folder, "bench.db")}` : join(folder, "bench.db"));
}

/**
 * @param {string} library
 * @param {Kind} kind
 * @param {string} address
 * @param {string} database
 * @returns {Place}
 */
function placeOf(library, kind, address, database) {
  const node = library === "duckdive" ? process.execPath : nodeForPeers();
  const begin = (/** @type {string} */ action, /** @type {Wanted} */ { attended = false, ...wanted }) => {
    const given = [library, action, JSON.stringify({ address, ...wanted })];
    return attended ? startAttended("library", given, quiet) : start("library", given, quiet, node, patience);
  };
  return {
    address,
    database,
    kind,
    ask(action, wanted, hear) {
      const child = begin(action, wanted);
      if (hear !== undefined) child.on("message", hear);
      return outcomeOf(child);
    },
    async begin(action, wanted = {}) {
      const child = begin(action, wanted);
      await answerOf(child);
      return child;
    },
    serverTime: (act) => serverTimeOf(kind, act),
  };
}

/**
 * @template T
 * @param {Kind} kind
 * @param {() => Promise<T>} act
 * @returns {Promise<[T, number | undefined]>}
 */
async function serverTimeOf(kind, act) {
  if (kind === "sqlite") return [await act(), undefined];
  const { pid } = await (kind === "postgres" ? server() : redis());
  const before = timeOf(pid);
  const answer = await act();
  const after = timeOf(pid);
  return [answer, before === undefined || after === undefined ? undefined : after - before];
}
