// A store as it may be on a bad afternoon, for the tests of the dashboard and for its pictures.
//
// Everything is written through the store's own verbs, with its clock moved from moment to moment: a week of counts, an
// hour of runs, and five things that are wrong. A backlog grows in `snapshots`; `provision-volume` fails since half an hour;
// a worker has died; the queue `exports` is paused; and a run of `close-month` waits for a lock that another run holds.
//
// Before this file comes a store that is empty. After it come whoever looks at the dashboard of it.

import type { StoredError } from "../../src/job/index.js";
import { idAt, type ManualClock, scaleStep } from "../../src/kernel/index.js";
import type { Duckdive } from "../../src/queue/index.js";
import { childId } from "../../src/run/index.js";
import type { Claimed, NewRun, Settlement, Store, Tally } from "../../src/store/contract.js";

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

export interface Staged {
  readonly duckdive: Duckdive;
  readonly store: Store;
  readonly clock: ManualClock;
}

export interface Seeded {
  /** Ids of the runs that tests and pictures look at. */
  readonly replica: string;
  readonly failed: string;
  readonly stuck: string;
  readonly holder: string;
}

interface Queue {
  readonly name: string;
  readonly job: string;
  /** Runs a minute, how long they wait and how long they take, in milliseconds. */
  readonly pace: number;
  readonly wait: number;
  readonly takes: number;
  readonly input: (number: number) => unknown;
}

const queues: readonly Queue[] = [
  {
    name: "case-files",
    job: "case-files",
    pace: 96,
    wait: 900,
    takes: 6_200,
    input: (n) => ({ caseId: 88_000 + n, files: 1 + (n % 40) }),
  },
  {
    name: "mail",
    job: "welcome-email",
    pace: 148,
    wait: 120,
    takes: 400,
    input: (n) => ({ userId: 40_000 + n }),
  },
  {
    name: "snapshots",
    job: "snapshot-master",
    pace: 4,
    wait: 2_500,
    takes: 62_000,
    input: (n) => ({ master: `m-${n % 60}`, mode: n % 3 === 0 ? "full" : "incremental" }),
  },
  {
    name: "volumes",
    job: "provision-volume",
    pace: 3,
    wait: 300,
    takes: 1_900,
    input: (n) => ({ pool: "eu-2b", extents: 4 + (n % 9), replica: n % 12 }),
  },
  {
    name: "invoices",
    job: "invoice-tasks",
    pace: 11,
    wait: 110,
    takes: 4_300,
    input: (n) => ({ month: "2026-02", account: 1_100 + n }),
  },
  {
    name: "default",
    job: "create-replica",
    pace: 44,
    wait: 300,
    takes: 2_100,
    input: (n) => ({ master: `m-${n % 60}`, zone: "eu-2b", replica: n % 12 }),
  },
];

const abilities = [...queues.map(({ job }) => job), "export-ledger", "close-month", "prune-replicas"].map(
  (job) => ({ job, version: 1 }),
);

/** A store keeps whole milliseconds. */
function move(clock: ManualClock, time: number): Promise<void> {
  return clock.set(Math.round(time));
}

/** The same each time: pictures that differ only where the page does. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** A bad hour, or with `calm` a good one: the clock ends at the time it began with. */
export async function seed(
  { duckdive, store, clock }: Staged,
  options: { readonly calm?: boolean } = {},
): Promise<Seeded> {
  const calm = options.calm === true;
  const now = clock.now();
  const roll = dice(7);
  const at = async (time: number) => move(clock, time);
  await at(now - 2 * day);
  await store.open();
  await countsOf(store, now, roll, calm);
  const workers = await enterWorkers(store, clock, now);
  await store.publish(
    [
      ...queues.map(({ name, job }) => ({ queue: name, job })),
      { queue: "exports", job: "export-ledger" },
      { queue: "default", job: "close-month" },
      { queue: "default", job: "prune-replicas" },
    ].map((one) => ({ ...one, version: 1, priority: 0, attempts: 5, prepared: true })),
  );
  const ids = await runsOf(store, clock, { now, roll, workers, calm });
  await at(now);
  await schedulesOf(duckdive);
  const beating = calm ? [...workers.alive, ...workers.dying] : workers.alive;
  for (const worker of beating) await store.heartbeat(worker.id, reportOf(worker));
  return ids;
}

// ── Counts ──────────────────────────────────────────────────────────────────────────────────────────────────────

async function countsOf(store: Store, now: number, roll: () => number, calm: boolean): Promise<void> {
  const tallies: Tally[] = [];
  const thisHour = Math.floor(now / hour) * hour;
  for (let at = thisHour - 7 * day; at <= thisHour - 3 * hour; at += hour) {
    for (const queue of queues)
      tallies.push(
        tally(queue, at, 60 * queue.pace, {
          roll,
          failed: queue.name === "volumes" ? 1 : roll() < 0.3 ? 1 : 0,
        }),
      );
  }
  const thisMinute = Math.floor(now / minute) * minute;
  for (let at = thisHour - 2 * hour; at <= thisMinute; at += minute) {
    const ago = (thisMinute - at) / minute;
    for (const queue of queues) {
      const isLate = !calm && queue.name === "snapshots" && ago < 16;
      const isFailing = !calm && queue.name === "volumes" && ago < 32;
      const pace = isLate ? Math.max(0, queue.pace - 3) : queue.pace;
      const part = ago === 0 ? 0.4 : 1;
      const slow = isLate ? (16 - ago) * 4 : calm ? 1 : Math.max(1, 2.4 - ago / 12);
      if (isFailing)
        tallies.push({
          ...tally(queue, at, 0, { roll, slow }),
          failed: ago % 5 < 3 ? 1 : 0,
          retried: ago % 3 === 0 ? 0 : 2,
        });
      else
        tallies.push(tally(queue, at, pace * part, { roll, slow, failed: !calm && roll() < 0.004 ? 1 : 0 }));
    }
  }
  await store.tally(tallies);
}

function tally(
  { name, job, pace, wait, takes }: Queue,
  at: number,
  number: number,
  about: { roll: () => number; slow?: number; failed?: number },
): Tally {
  const { roll, slow = 1, failed = 0 } = about;
  const wave =
    1 + 0.12 * Math.sin(at / (17 * minute)) + 0.1 * (roll() - 0.5) + (pace < 10 ? 0.5 * (roll() - 0.5) : 0);
  const succeeded = Math.round(number * wave);
  const waits: Record<number, number> = {};
  for (const [part, times] of [
    [0.5, 1],
    [0.3, 2.1],
    [0.15, 3.6],
    [0.05, 5.5],
  ] as const) {
    const step = scaleStep(wait * slow * times * (0.85 + 0.3 * roll()));
    waits[step] = (waits[step] ?? 0) + Math.max(succeeded > 0 ? 1 : 0, Math.round(succeeded * part));
  }
  const waited = succeeded * wait * slow * 1.6;
  return {
    minute: at,
    queue: name,
    job,
    succeeded,
    failed,
    cancelled: roll() < 0.01 ? 1 : 0,
    retried: roll() < 0.05 ? 1 : 0,
    waited,
    ran: succeeded * takes,
    waits,
  };
}

// ── Workers ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface SeededWorker {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly queues: Record<string, number>;
  readonly release: string;
  readonly memory: number;
  readonly state?: "stopping" | "working";
}

async function enterWorkers(store: Store, clock: ManualClock, now: number) {
  const general = { mail: 5, "case-files": 5, invoices: 5, default: 10 };
  const rest: readonly Omit<SeededWorker, "id">[] = [
    { name: "app-1", pid: 4_127, queues: general, release: "v418", memory: 212 },
    { name: "app-1", pid: 4_128, queues: general, release: "v418", memory: 240 },
    { name: "app-2", pid: 1_904, queues: general, release: "v418", memory: 188 },
    { name: "app-2", pid: 1_871, queues: general, release: "v417", memory: 305, state: "stopping" },
    {
      name: "vol-1",
      pid: 811,
      queues: { snapshots: 4, volumes: 6, exports: 2 },
      release: "v418",
      memory: 96,
    },
    {
      name: "vol-1",
      pid: 812,
      queues: { snapshots: 4, volumes: 6, exports: 2 },
      release: "v418",
      memory: 101,
    },
  ];
  const all: SeededWorker[] = [];
  for (const [place, worker] of rest.entries()) {
    await move(clock, now - 2 * day + place * 7 * hour);
    const id = idAt(clock.now(), `worker ${place}`);
    const { pid, queues: drawn, release } = worker;
    await store.register({
      id,
      host: worker.name,
      pid,
      processStart: "13",
      release,
      abilities,
      queues: drawn,
    });
    all.push({ ...worker, id });
  }
  return { alive: all.slice(0, 5), dying: all.slice(5) };
}

function reportOf({ memory, queues: drawn, state = "working" }: SeededWorker) {
  return { state, memory: memory * 1_048_576, delay: 4, leaked: 0, queues: drawn };
}

// ── Runs ────────────────────────────────────────────────────────────────────────────────────────────────────────

const poolFull: StoredError = {
  name: "PoolFullError",
  message: "pool eu-2b has no free extents (0 of 40)",
  stack: [
    "PoolFullError: pool eu-2b has no free extents (0 of 40)",
    "    at reserveExtents (/srv/app/src/volumes/pool.ts:88:11)",
    "    at async provision (/srv/app/src/jobs/provision-volume.ts:31:20)",
    "    at async step (file:///srv/app/node_modules/duckdive/dist/durable/steps.js:88:12)",
    "    at async execute (file:///srv/app/node_modules/duckdive/dist/loop/execution.js:61:20)",
    "    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)",
  ].join("\n"),
  cause: {
    name: "GatewayError",
    message: "control plane answered 507 after 3 tries",
    stack: "GatewayError: control plane answered 507\n    at request (/srv/app/src/gateway/client.ts:112:11)",
  },
};
const errors: Readonly<Record<string, StoredError>> = {
  "provision-volume": poolFull,
  "invoice-tasks": {
    name: "TimeoutError",
    code: "TIMEOUT",
    message: "stopped after 30 s in step “render pdf”",
  },
  "welcome-email": { name: "SmtpError", message: "421 too many connections from this host" },
  "case-files": { name: "InputError", message: "input.scan.units is missing" },
};

interface Making {
  readonly now: number;
  readonly roll: () => number;
  readonly workers: Awaited<ReturnType<typeof enterWorkers>>;
  readonly calm: boolean;
}

async function runsOf(store: Store, clock: ManualClock, making: Making): Promise<Seeded> {
  const { now, roll, calm } = making;
  const ended: { at: number; queue: Queue; error?: StoredError }[] = [];
  for (let place = 0; place < 160; place++) {
    const queue = queues[Math.floor(roll() * 4.4) % queues.length];
    if (queue !== undefined) ended.push({ at: now - 2 * minute - roll() * 57 * minute, queue });
  }
  const failing: readonly (readonly [string, number, number])[] = calm
    ? []
    : [
        ["volumes", 19, 30],
        ["invoices", 4, 50],
        ["mail", 2, 30],
        ["case-files", 1, 26],
      ];
  for (const [name, number, span] of failing) {
    const queue = queues.find((one) => one.name === name);
    for (let place = 0; place < number && queue !== undefined; place++) {
      const error = errors[queue.job];
      if (error !== undefined)
        ended.push({
          at: now - 20 * second - ((place + 0.3 * roll()) / number) * span * minute,
          queue,
          error,
        });
    }
  }
  ended.sort((one, other) => one.at - other.at);
  let failed = "";
  // The long stories begin before, and are told in between.
  const replica = await replicaOf(store, clock, making);
  const { stuck, holder } = calm ? { stuck: "", holder: "" } : await lockedOf(store, clock, making);
  for (const [number, one] of ended.entries()) {
    const id = await endedRun(store, clock, making, number, one);
    if (one.error === poolFull) failed = id;
  }
  await batchesOf(store, clock, making);
  if (!calm) await lostWorker(store, clock, making);
  await liveRuns(store, clock, making);
  return { replica, failed, stuck, holder };
}

function aRun(
  queue: Pick<Queue, "name" | "job">,
  at: number,
  name: string,
  more: Partial<NewRun> = {},
): NewRun {
  return {
    id: idAt(at, `${queue.name} ${name}`),
    job: queue.job,
    version: 1,
    queue: queue.name,
    priority: 0,
    release: "v418",
    ...more,
  };
}

/** Takes the next run of a queue for a worker that is alive. */
async function take(store: Store, { workers }: Making, queue: string, place = 0): Promise<Claimed> {
  const able = workers.alive.filter(({ queues: drawn }) => queue in drawn || queue === "exports");
  const worker = able[place % able.length]?.id ?? "";
  const [claimed] = await store.claim({ worker, queues: { [queue]: 1 }, abilities });
  if (claimed === undefined) throw new Error(`Nothing could be taken from ${queue}.`);
  return claimed;
}

function fence({ run, token, claim }: Claimed): Pick<Settlement, "run" | "token" | "claim"> {
  return { run, token, ...(claim === undefined ? {} : { claim }) };
}

async function endedRun(
  store: Store,
  clock: ManualClock,
  making: Making,
  number: number,
  { at, queue, error }: { at: number; queue: Queue; error?: StoredError },
): Promise<string> {
  const { roll } = making;
  const run = aRun(queue, at, `ended ${number}`, {
    input: JSON.stringify(queue.input(number)),
    tags: number % 7 === 0 ? ["eu"] : [],
    meta: { tenant: `t-${number % 5}` },
  });
  await move(clock, at);
  await store.insert([run]);
  await move(clock, at + queue.wait * (0.5 + roll()));
  const claimed = await take(store, making, queue.name, number);
  const started = clock.now();
  await move(clock, started + queue.takes * (0.3 + 0.7 * roll()) * (queue.takes > 20_000 ? 0.02 : 1));
  const keep = 7 * day;
  if (error !== undefined) {
    await store.settle([
      {
        ...fence(claimed),
        state: "failed",
        reason: "error",
        error,
        keep,
        events: [{ kind: "failed", detail: { ...error, startedAt: started } }],
      },
    ]);
  } else if (number % 41 === 40) {
    await store.settle([
      {
        ...fence(claimed),
        state: "cancelled",
        reason: "by an operator",
        keep,
        events: [{ kind: "cancelled", detail: { reason: "by an operator" } }],
      },
    ]);
  } else {
    await store.settle([
      {
        ...fence(claimed),
        state: "succeeded",
        output: JSON.stringify({ done: true, pages: number % 9 }),
        keep,
      },
    ]);
  }
  return run.id;
}

/** A run with two attempts, steps, children, logs and progress, that waits for a child. */
async function replicaOf(store: Store, clock: ManualClock, making: Making): Promise<string> {
  const begin = making.now - 9 * minute - 37 * second;
  const at = async (seconds: number) => move(clock, begin + seconds * second);
  const own = { name: "default", job: "create-replica" };
  const input = {
    master: "m-31",
    zone: "eu-2b",
    replica: 9,
    disks: [
      { name: "data", extents: 6 },
      { name: "log", extents: 2 },
    ],
    network: { id: "n-204", vlan: 204, mtu: 9_000, public: false },
  };
  const run = aRun(own, begin, "replica", {
    input: JSON.stringify(input),
    tags: ["replica", "eu-2b"],
    meta: { tenant: "nordic", "request-id": "req-7719" },
  });
  await at(0);
  await store.insert([run]);
  await at(0.4);
  let claimed = await take(store, making, "default", 0);
  const first = clock.now();
  const log = (level: "info" | "warn" | "error", message: string) =>
    store.note([{ ...fence(claimed), log: { level, message } }]);
  const write = (
    entries: Parameters<Store["record"]>[0][number]["entries"],
    children: readonly NewRun[] = [],
  ) => store.record([{ ...fence(claimed), entries, children }]);
  await log("info", "plan read: 2 disks, 1 network");
  await at(1.2);
  await write([
    { name: "read plan", kind: "step", state: "done", value: '{"disks":2,"networks":1}', attempts: 1 },
  ]);
  await at(3);
  await write([{ name: "reserve address", kind: "step", state: "done", value: '"10.4.11.9"', attempts: 1 }]);
  await log("info", "address reserved, lease 30 min");
  await at(24);
  await log("error", "AttachError: network n-204 could not be attached");
  const attach: StoredError = {
    name: "AttachError",
    message: "network n-204 could not be attached to replica 9",
    stack:
      "AttachError: network n-204 could not be attached to replica 9\n    at attachNetwork (/srv/app/src/replicas/attach.ts:48:17)\n    at async handle (/srv/app/src/jobs/create-replica.ts:31:20)\n    at async step (file:///srv/app/node_modules/duckdive/dist/durable/steps.js:88:12)\n    at async execute (file:///srv/app/node_modules/duckdive/dist/loop/execution.js:61:20)",
    cause: {
      name: "GatewayError",
      message: "control plane answered 503 after 3 tries",
      cause: { name: "SocketError", message: "other side closed" },
    },
  };
  await store.settle([
    {
      ...fence(claimed),
      state: "scheduled",
      due: { after: 30_000 },
      error: attach,
      events: [{ kind: "failed", detail: { ...attach, startedAt: first } }],
    },
  ]);
  await at(55);
  await store.promote(100);
  claimed = await take(store, making, "default", 1);
  await log("warn", "gateway slow: 8.9 s for reserve");
  await at(67);
  await write([{ name: "attach network", kind: "step", state: "done", value: '{"port":11}', attempts: 1 }]);
  await log("info", "network n-204 attached, port 11");
  const child = aRun({ name: "volumes", job: "provision-volume" }, clock.now(), "child", {
    id: childId(run.id, "provision volume"),
    input: '{"pool":"eu-2b","extents":8,"replica":9}',
    parent: { run: run.id, entry: "provision volume", onEnd: "cancel" },
    due: { after: 20 * minute },
  });
  await store.note([{ ...fence(claimed), progress: { done: 5, total: 8, note: "waiting for the volume" } }]);
  await write([{ name: "provision volume", kind: "child", state: "pending" }], [child]);
  await store.settle([
    {
      ...fence(claimed),
      state: "waiting",
      waiting: { reason: "entries", on: "provision volume" },
      giveBack: true,
      events: [{ kind: "suspended" }],
    },
  ]);
  return run.id;
}

/** A run that holds a lock and goes on and on, and one that waits for it. */
async function lockedOf(
  store: Store,
  clock: ManualClock,
  making: Making,
): Promise<{ stuck: string; holder: string }> {
  const own = { name: "default", job: "close-month" };
  const gates = [{ kind: "lock" as const, key: "ledger-2026-02", limit: 1, hold: "run" as const }];
  const begin = making.now - 52 * minute;
  const holder = aRun(own, begin, "holder", { input: '{"month":"2026-02","pass":1}', gates });
  await move(clock, begin);
  await store.insert([holder]);
  await take(store, making, "default", 2);
  const stuck = aRun(own, making.now - 41 * minute, "stuck", {
    input: '{"month":"2026-02","pass":2}',
    gates,
  });
  await move(clock, making.now - 41 * minute);
  await store.insert([stuck]);
  // A claim that does not get the lock parks it.
  const able = making.workers.alive[0]?.id ?? "";
  await store.claim({ worker: able, queues: { default: 1 }, abilities });
  return { stuck: stuck.id, holder: holder.id };
}

async function lostWorker(store: Store, clock: ManualClock, { now, workers }: Making): Promise<void> {
  const dead = workers.dying[0]?.id ?? "";
  const volumes = queues.find(({ name }) => name === "volumes");
  if (volumes === undefined) return;
  await move(clock, now - 5 * minute);
  for (const place of [0, 1])
    await store.insert([
      aRun(volumes, clock.now() + place, `lost ${place}`, { input: JSON.stringify(volumes.input(place)) }),
    ]);
  await store.claim({ worker: dead, queues: { volumes: 2 }, abilities });
  await move(clock, now - 4 * minute - 11 * second);
  await store.rescue([{ worker: dead, cause: "killed by SIGKILL: probably out of memory" }]);
  for (const place of [0, 1]) {
    const claimed = await take(store, { now, workers, calm: false, roll: () => 0 }, "volumes", place);
    await move(clock, now - 4 * minute + place * second);
    await store.settle([{ ...fence(claimed), state: "succeeded", keep: 7 * day }]);
  }
}

/** What waits and runs now, queue by queue: the running first. */
async function liveRuns(store: Store, clock: ManualClock, making: Making): Promise<void> {
  const { now, calm } = making;
  const ready: Readonly<Record<string, readonly [running: number, ready: number, oldest: number]>> = {
    "case-files": [9, 212, 3_100],
    mail: [4, 6, 400],
    snapshots: calm ? [3, 2, 600] : [4, 38, 14 * minute + 12 * second],
    volumes: calm ? [2, 0, 0] : [3, 5, 8_000],
    invoices: [2, 0, 0],
    default: [8, 3, 900],
  };
  const moves: { at: number; make: () => Promise<void> }[] = [];
  for (const queue of queues) {
    const [running, waiting, oldest] = ready[queue.name] ?? [0, 0, 0];
    for (let place = 0; place < running; place++) {
      const at = now - oldest - 60_000 - place * 3_700;
      moves.push({
        at,
        async make() {
          await store.insert([
            aRun(queue, at, `running ${place}`, { input: JSON.stringify(queue.input(900 + place)) }),
          ]);
          const claimed = await take(store, making, queue.name, place);
          if (place === 0)
            await store.note([{ ...fence(claimed), progress: { done: 14, total: 25, note: "pages" } }]);
        },
      });
    }
    for (let place = 0; place < waiting; place++) {
      const at = now - oldest * (1 - place / waiting);
      moves.push({
        at,
        make: async () =>
          void (await store.insert([
            aRun(queue, at, `ready ${place}`, { input: JSON.stringify(queue.input(700 + place)) }),
          ])),
      });
    }
  }
  for (let place = 0; place < 24; place++) {
    const at = now - 30 * minute + place * minute;
    moves.push({
      at,
      make: async () =>
        void (await store.insert([
          aRun({ name: "mail", job: "welcome-email" }, at, `later ${place}`, {
            input: `{"userId":${41_000 + place}}`,
            due: { after: (3 + place) * hour },
          }),
        ])),
    });
  }
  if (!calm) {
    for (let place = 0; place < 18; place++) {
      const at = now - 3 * hour + place * 9 * minute;
      moves.push({
        at,
        make: async () =>
          void (await store.insert([
            aRun({ name: "exports", job: "export-ledger" }, at, `export ${place}`, {
              input: `{"ledger":${place}}`,
            }),
          ])),
      });
    }
  }
  for (const { at, make } of moves.sort((one, other) => one.at - other.at)) {
    await move(clock, at);
    await make();
  }
  await move(clock, now);
  if (!calm) await store.pause({ queue: "exports" });
}

async function batchesOf(store: Store, clock: ManualClock, { now: end }: Making): Promise<void> {
  const now = end - 50 * minute;
  await move(clock, now);
  for (const [place, size] of [40, 12].entries()) {
    const id = idAt(now - place * minute, `batch ${place}`);
    const runs = Array.from({ length: size }, (_, number) =>
      aRun({ name: "mail", job: "welcome-email" }, now - place, `batch ${place} ${number}`, {
        input: `{"userId":${number}}`,
        batch: id,
        due: { after: 4 * hour },
      }),
    );
    await store.insert(runs, [{ id, name: place === 0 ? "import of March" : "newsletter 214" }]);
    await store.cancel(
      runs.slice(0, size / 4).map((run) => run.id),
      "not wanted",
    );
  }
}

async function schedulesOf(duckdive: Duckdive): Promise<void> {
  const input = {};
  await duckdive.schedule("prune-replicas").create("prune-replicas", { cron: "40 * * * *", input });
  await duckdive.schedule("monthly-invoices").create("invoice-tasks", { every: "15m", input });
  const night = { cron: "0 2 * * *", timeZone: "Europe/Copenhagen", input: { mode: "full" } };
  await duckdive.schedule("nightly-snapshot").create("snapshot-master", night);
  await duckdive.schedule("ledger-export").create("export-ledger", { cron: "0 6 * * 1-5", input });
  await duckdive.schedule("ledger-export").pause();
}
