// The floor on PostgreSQL: the rows of duckdive's own tables, moved by plain SQL over three connections, with nothing around it that
// decides, checks, retries or heals. Inserts of callers that ask side by side share a statement; a batch is read by position and
// written down as claimed without waiting for the disk, while the two before it are deleted and inserted into history, synced.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { open, storeAt } from "../duckdive.mjs";

const batch = 2_000;
const week = 7 * 24 * 60 * 60_000;
const insert =
  "insert into duckdive.runs (id, lane, state, job, version, queue, priority, requested_at, run_at, input) " +
  "select one.id, $3, 'ready', 'parcel', 1, 'default', 0, $4, $4, one.input::json from unnest($1::uuid[], $2::text[]) as one (id, input)";
const read =
  "select id::text, seq::text, xid::text, input::text from duckdive.runs " +
  "where lane = $1 and (xid, seq) > ($2::text::xid8, $3::bigint) order by xid, seq limit $4";
const claim =
  "insert into duckdive.claims (id, worker, at, runs, seqs) values ($1, 'floor', $2, $3::uuid[], $4::bigint[])";
const settle =
  "with gone as (delete from duckdive.runs as live using unnest($1::uuid[], $2::bigint[]) as one (id, seq) " +
  "where live.id = one.id and live.seq = one.seq returning live.*) " +
  "insert into duckdive.history (id, keep_class, finished_at, expires_at, state, token, worker, job, version, queue, priority, " +
  "attempt, crashes, requested_at, run_at, started_at, body, input) select id, 1, $3::bigint, $3::bigint + $4::bigint, 'succeeded', seq, 'floor', job, " +
  "version, queue, priority, attempt + 1, crashes, requested_at, run_at, $3::bigint, body, input from gone";

/** @param {import("../processes/library.mjs").Asked} asked @returns {Promise<import("../processes/library.mjs").Library>} */
export async function connect({ address, action }) {
  const duckdive = open(storeAt(address));
  await duckdive.ready();
  await duckdive.close();
  const clients = [new pg.Client(address), new pg.Client(address), new pg.Client(address)];
  for (const client of clients) await client.connect();
  const [first = new pg.Client(), ...others] = clients;
  const lane = await laneOf(first);
  // Where jobs come one at a time somebody waits for them.
  const isAwaited = action === "pace" || action === "flood";
  const write = async (/** @type {pg.Client} */ client, /** @type {readonly string[]} */ texts) => {
    const values = [texts.map(nextId), texts, lane, Date.now()];
    await client.query({ name: "insert", text: insert, values });
    if (isAwaited) await client.query("notify bench");
  };
  return {
    addMany: (inputs) =>
      write(
        first,
        inputs.map((input) => JSON.stringify(input)),
      ),
    // Of two connections one may commit late, behind a position that the reader has passed. That is what a store has to heal, and
    // a floor must not need: while somebody reads, one connection adds.
    add: sharing(isAwaited ? [first] : clients.slice(0, 2), write),
    async addIn(client, input) {
      await client.query({
        name: "insert",
        text: insert,
        values: [[nextId()], [JSON.stringify(input)], lane, Date.now()],
      });
    },
    work: (handle) => working(first, others, lane, handle),
    async close() {
      for (const client of clients) await client.end();
    },
  };
}

/** @param {pg.Client} client */
async function laneOf(client) {
  await client.query(
    "insert into duckdive.lane (queue, priority, route, front) values ('default', 0, '', false) on conflict do nothing",
  );
  const { rows } = await client.query(
    "select id from duckdive.lane where queue = 'default' and priority = 0 and route = '' and not front",
  );
  return Number(rows[0]?.id);
}

/**
 * All that was asked for while both connections were busy goes into one statement.
 * @param {readonly pg.Client[]} clients
 * @param {(client: pg.Client, texts: readonly string[]) => Promise<void>} write
 */
function sharing(clients, write) {
  const free = [...clients];
  /** @type {{ text: string, resolve: (value?: unknown) => void, reject: (error: unknown) => void }[]} */
  let asked = [];
  const flush = async () => {
    const client = free.pop();
    if (client === undefined) return;
    const mine = asked;
    asked = [];
    try {
      if (mine.length > 0)
        await write(
          client,
          mine.map(({ text }) => text),
        );
      for (const { resolve } of mine) resolve();
    } catch (error) {
      for (const { reject } of mine) reject(error);
    }
    free.push(client);
    if (asked.length > 0) await flush();
  };
  return (/** @type {import("../processes/library.mjs").Parcel} */ input) =>
    new Promise((resolve, reject) => {
      asked.push({ text: JSON.stringify(input), resolve, reject });
      if (asked.length === 1) setImmediate(flush);
    });
}

/**
 * @param {pg.Client} claimer
 * @param {pg.Client[]} settlers
 * @param {number} lane
 * @param {(input: import("../processes/library.mjs").Parcel) => unknown} handle
 * @returns {Promise<import("../processes/library.mjs").Working>}
 */
async function working(claimer, settlers, lane, handle) {
  await claimer.query("set synchronous_commit = off");
  for (const client of [claimer, ...settlers])
    await client.query("set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off");
  await claimer.query("listen bench");
  let [isOver, xid, seq] = [false, "0", "-1"];
  let wake = () => {};
  claimer.on("notification", () => wake());
  /** @type {Promise<unknown>[]} */
  const settled = [];
  let batches = 0;
  const turn = async () => {
    const noticed = new Promise((resolve) => (wake = () => resolve(undefined)));
    const values = [lane, xid, seq, batch];
    const { rows } = await claimer.query({ name: "read", text: read, values, rowMode: "array" });
    if (rows.length === 0) return noticed;
    const [ids, seqs] = [rows.map(([id]) => id), rows.map(([, one]) => one)];
    [, seq, xid] = rows.at(-1) ?? [];
    await claimer.query({ name: "claim", text: claim, values: [nextId(), Date.now(), ids, seqs] });
    for (const [, , , input] of rows) handle(JSON.parse(input));
    batches += 1;
    const place = batches % settlers.length;
    await settled[place];
    settled[place] =
      settlers[place]?.query({
        name: "settle",
        text: settle,
        values: [ids, seqs, Date.now(), week],
      }) ?? Promise.resolve();
  };
  const loop = (async () => {
    while (!isOver) await turn();
  })();
  return {
    async settled() {
      await Promise.all(settled);
    },
    async stop() {
      isOver = true;
      wake();
      await loop;
      await Promise.all(settled);
    },
  };
}

let count = randomBytes(4).readUInt32BE();

/** Increasing, as the ids of duckdive are: random ones would make the index on them dearer than it is. */
function nextId() {
  count += 1;
  const time = Date.now().toString(16).padStart(12, "0");
  const rest = count.toString(16).padStart(12, "0").slice(-12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${rest}`;
}
