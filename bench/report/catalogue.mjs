// What the page says of each workload, and in which order. A workload that is not named here comes at the end, under its own name.
//
// Before this file come results. After it comes page.mjs.

/**
 * @typedef {object} Section
 * @property {string} title
 * @property {string} text
 * @property {[name: string, title: string][]} works
 */

/** @type {readonly Section[]} */
export const sections = [
  {
    title: "Working off what is there",
    text: "A backlog of jobs that do nothing, from the start of a worker to the last one done: what the engine itself costs.",
    works: [
      ["postgres.drain", "PostgreSQL"],
      ["sqlite.drain", "SQLite"],
      ["postgres.drain.store", "PostgreSQL, the store's verbs alone"],
      ["postgres.keys", "PostgreSQL, one at a time for each of 10,000 keys"],
      ["postgres.drain.keys", "PostgreSQL, what that limit costs"],
      ["sqlite.drain.keys", "SQLite, what a limit of one for each of 10,000 keys costs"],
      ["sqlite.drain.real", "SQLite, with inputs and handlers like an application's"],
      ["sqlite.drain.attended", "SQLite, looked after by a runner"],
      ["processes.postgres", "PostgreSQL, by one, two and four worker processes"],
      ["processes.sqlite", "SQLite, by one, two and four worker processes"],
    ],
  },
  {
    title: "Asking for work",
    text: "How soon an enqueue is durable, alone, among others, in bulk and in the caller's transaction.",
    works: [
      ["postgres.enqueue64", "PostgreSQL, 64 callers"],
      ["postgres.enqueue", "PostgreSQL, 512 callers, and fewer"],
      ["sqlite.enqueue64", "SQLite, 64 callers"],
      ["sqlite.enqueue", "SQLite, 512 callers, and fewer"],
      ["postgres.transact", "PostgreSQL, in the caller's transaction"],
      ["sqlite.transact", "SQLite, in the caller's transaction"],
      ["postgres.bulk", "PostgreSQL, 1,000 a call"],
      ["sqlite.enqueueMany", "SQLite, 1,000 a call"],
    ],
  },
  {
    title: "From asking to starting",
    text: "How long a run waits for a worker that has time.",
    works: [
      ["postgres.latency", "PostgreSQL, at rest"],
      ["postgres.latency.loaded", "PostgreSQL, at half the capacity"],
      ["postgres.latency.result", "PostgreSQL, until the caller has the result"],
      ["sqlite.latency", "SQLite, in one process"],
      ["sqlite.latency.across", "SQLite, between processes"],
      ["sqlite.latency.loaded", "SQLite, at half the capacity"],
      ["sqlite.latency.result", "SQLite, until the caller has the result"],
      ["sqlite.isolate", "In an isolate of its own"],
    ],
  },
  {
    title: "The web response",
    text: "What background work in an endpoint does to the response. The same paths are asked for in turn, so the machine is the same for all.",
    works: [["http", "An endpoint of node:http over PostgreSQL"]],
  },
  {
    title: "Too much, and unfairly much",
    text: "What becomes of waiting when more is asked for than is possible, or when one tenant asks for almost all of it.",
    works: [
      ["overload.postgres", "Overload and recovery, PostgreSQL"],
      ["overload.sqlite", "Overload and recovery, SQLite"],
      ["fairness.postgres", "A quiet tenant beside a noisy one, PostgreSQL"],
      ["fairness.sqlite", "A quiet tenant beside a noisy one, SQLite"],
    ],
  },
  {
    title: "As time goes by",
    text: "What a large backlog, a long history and an old snapshot elsewhere in the database do to a claim.",
    works: [
      ["postgres.held", "An old snapshot is held open"],
      ["postgres.backlog", "A backlog of 1,000,000, PostgreSQL"],
      ["postgres.backlog.flat", "A backlog of 10,000,000 beside one of 10,000"],
      ["sqlite.backlog", "A backlog of 1,000,000, SQLite"],
      ["sqlite.claim.flat", "A long history on SQLite"],
    ],
  },
  {
    title: "After a crash",
    text: "From the end of a worker to the next execution of what it had in hand.",
    works: [
      ["postgres.rescue", "PostgreSQL, one process beside another"],
      ["rescue.postgres.supervised", "PostgreSQL, two workers of one runner"],
      ["rescue.postgres.unsupervised", "PostgreSQL, two processes without a runner"],
      ["rescue.sqlite.supervised", "SQLite, two workers of one runner"],
      ["rescue.sqlite.unsupervised", "SQLite, two processes without a runner"],
      ["sqlite.rescue", "SQLite, a single run"],
      ["rescue.recorded", "Others, with their defaults, recorded at another time"],
      ["cancel.postgres", "A cancellation is heard, PostgreSQL"],
      ["cancel.sqlite", "A cancellation is heard, SQLite"],
    ],
  },
  {
    title: "Work that takes days",
    text: "Steps, children, and runs that wait.",
    works: [
      ["postgres.steps", "Steps, PostgreSQL"],
      ["postgres.fan", "One run and its children, PostgreSQL"],
      ["sqlite.steps", "Steps, SQLite"],
      ["sqlite.fan", "One run and its children, SQLite"],
      ["postgres.waiting", "A run that sleeps, PostgreSQL"],
      ["sqlite.waiting", "A run that sleeps, SQLite"],
    ],
  },
  {
    title: "What it takes",
    text: "Of the database, the processor, memory and the disk.",
    works: [
      ["postgres.wal", "Write-ahead log"],
      ["postgres.wal.claim", "Write-ahead log of the store's verbs alone"],
      ["postgres.idle", "A worker with nothing to do, PostgreSQL"],
      ["postgres.idle.quiet", "The same without notices"],
      ["sqlite.idle", "A worker with nothing to do, SQLite"],
      ["sqlite.idle.attended", "A worker with nothing to do, SQLite, looked after by a runner"],
      ["memory.postgres", "Memory of running runs, PostgreSQL"],
      ["memory.sqlite", "Memory of running runs, SQLite"],
      ["postgres.garbage", "What a worker allocates for a run, PostgreSQL"],
      ["sqlite.garbage", "What a worker allocates for a run, SQLite"],
      ["startup", "Starting"],
      ["size.postgres", "An installation for PostgreSQL"],
      ["size.sqlite", "An installation for SQLite"],
    ],
  },
];

/**
 * Ours in another way, which stands among the others: by workload, the other one and its name there.
 * @type {Readonly<Record<string, readonly [name: string, who: string][]>>}
 */
export const kin = {
  "postgres.drain": [
    ["postgres.drain.unkept", "duckdive, nothing kept"],
    ["postgres.drain.100", "duckdive, 100 slots"],
  ],
  "sqlite.drain": [["sqlite.drain.unkept", "duckdive, nothing kept"]],
  "postgres.wal": [["postgres.wal.unkept", "duckdive, nothing kept"]],
};

/**
 * Figures whose parts are a curve: what the axes say.
 * @typedef {object} Curve
 * @property {string} file
 * @property {string} title
 * @property {readonly string[]} works
 * @property {string} part the parts are numbered behind this
 * @property {string} across
 * @property {boolean} relative to the first of them
 */

/**
 * Whether a part of a workload is a point of its curve, such as `curve.3`.
 * @param {string} work
 * @param {string} name of the part
 */
export function isPlace(work, name) {
  return curves.some(
    ({ works, part }) =>
      works.includes(work) && (part === "" ? /^\d+$/ : new RegExp(`^${part}\\.\\d+$`)).test(name),
  );
}

/** @type {readonly Curve[]} */
export const curves = [
  {
    file: "overload",
    title: "Median wait of the runs that begin then",
    works: ["overload.postgres", "overload.sqlite"],
    part: "curve",
    across: "seconds",
    relative: false,
  },
  {
    file: "held",
    title: "Rate of each tenth, over that of the first, while an old snapshot is held open",
    works: ["postgres.held"],
    part: "",
    across: "tenths of the backlog",
    relative: true,
  },
];

/**
 * Workloads whose parts are bars of their own.
 * @typedef {{ work: string, title: string, bars: readonly [part: string, label: string][] }} Parted
 */

/** @type {readonly Parted[]} */
export const parted = [
  {
    work: "http",
    title: "99 % of the responses within",
    bars: [
      ["apart.nothing", "nothing"],
      ["apart.transaction", "a transaction"],
      ["apart.transaction.enqueue", "… that enqueues"],
      ["apart.enqueue", "an enqueue alone"],
      ["inside.transaction", "a transaction, worker inside"],
      ["inside.transaction.enqueue", "… that enqueues"],
      ["inside.enqueue", "an enqueue alone, worker inside"],
      ["apart.mail", "sends the mail itself"],
    ],
  },
  {
    work: "fairness.postgres",
    title: "A run of the quiet tenant waits",
    bars: [
      ["alone", "alone (99 %)"],
      ["", "beside 100,000 (99 %)"],
      ["unfair", "the same, not fair (one)"],
    ],
  },
];
