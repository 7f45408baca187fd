// The evidence: everything the ledger and the store say in the end, as plain data, so that judging it is pure.
//
// Before this file come the ledger and a store in which nothing works any more. After it comes the auditor.
import { readLedger } from "./ledger.mjs";

/** @typedef {import("./ledger.mjs").Line} Line */
/** @typedef {import("../../../src/store/contract.js").MovedRun} Found */

/**
 * @typedef {object} Evidence
 * @property {"sqlite" | "postgres"} store
 * @property {readonly Line[]} lines the ledger, oldest first
 * @property {ReadonlyMap<string, Found>} runs by id, with their events and entries
 * @property {readonly string[]} listed the ids as the store lists them
 * @property {Readonly<Record<string, number>>} counts by state, as the store counts them at once
 * @property {Readonly<Record<string, number>>} counted by state, as the store counts them one by one
 * @property {readonly string[]} workers that are still registered
 * @property {number} claims that are still held
 * @property {readonly { rule: string, what: string }[]} broken rules of the tables
 * @property {readonly { run: string, what: string, token: number, at: number }[]} booked effects, and when each was written
 * @property {readonly string[]} ordered
 * @property {number} unwilling supervisors that had to be killed in the end
 * @property {number} orphans workers that live on when their supervisors have ended
 */

const states = /** @type {const} */ ([
  "scheduled",
  "ready",
  "running",
  "waiting",
  "succeeded",
  "failed",
  "cancelled",
]);
const pageSize = 500;

/**
 * @param {import("./world.mjs").World} world
 * @param {string} ledger the folder
 * @param {number} unwilling
 * @returns {Promise<Evidence>}
 */
export async function gather(world, ledger, unwilling) {
  const { hand, store } = world;
  const orphans = world.workers().length;
  const listed = await listAll(hand);
  /** @type {Map<string, Found>} */
  const runs = new Map();
  for (let start = 0; start < listed.length; start += pageSize)
    for (const found of await hand.read(listed.slice(start, start + pageSize))) runs.set(found.run.id, found);
  /** @type {Record<string, number>} */
  const counted = {};
  for (const state of states) counted[state] = await hand.count({ states: [state] });
  const booked = await world.query("select run, what, token, at from booked");
  const ordered = await world.query("select run from ordered");
  const [claims] =
    store === "postgres"
      ? await world.query("select count(*) as claims from duckdive.claims")
      : [{ claims: 0 }];
  return {
    store,
    lines: withClaims(readLedger(ledger)),
    runs,
    listed,
    counts: await hand.countByState(),
    counted,
    workers: (await hand.workers()).map(({ id }) => id),
    claims: Number(claims?.claims),
    broken: await world.brokenRules(),
    booked: booked.map(({ run, what, token, at }) => ({ run, what, token: Number(token), at: Number(at) })),
    ordered: ordered.map(({ run }) => run),
    unwilling,
    orphans,
  };
}

/** @param {import("../../../src/store/contract.js").Store} hand */
async function listAll(hand) {
  /** @type {string[]} */
  const ids = [];
  /** @type {string | undefined} */
  let cursor;
  do {
    const page = await hand.list({}, { limit: 1_000, cursor });
    ids.push(...page.runs.map(({ id }) => id));
    cursor = page.next;
  } while (cursor !== undefined);
  return ids;
}

/** An isolate does not know the claim that it executes under: it is the last one that its worker was given. @param {Line[]} lines */
function withClaims(lines) {
  const claims = new Map();
  return lines.map((line) => {
    const { what, run, token, claim } = line;
    if (what === "claimed") claims.set(`${run} ${token}`, claim);
    return what === "executed" && line.isIsolated === true
      ? { ...line, claim: claims.get(`${run} ${token}`) }
      : line;
  });
}

/**
 * Lines of one sort, by what they are about.
 * @param {readonly Line[]} lines
 * @param {string} what
 * @param {string} [by]
 * @returns {Map<string, any[]>}
 */
export function linesBy(lines, what, by = "run") {
  /** @type {Map<string, any[]>} */
  const found = new Map();
  for (const line of lines) {
    if (line.what !== what) continue;
    const key = String(line[by]);
    const list = found.get(key);
    if (list === undefined) found.set(key, [line]);
    else list.push(line);
  }
  return found;
}
