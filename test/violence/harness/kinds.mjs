// The jobs of the harness as data: their policy, what a request of each asks for, and how a run of each may end.
//
// How a handler behaves is decided by its input, so that the same seed asks for the same behaviour, and the auditor can
// tell from the request what was allowed. Before this file comes nothing. After it come the plan, which makes requests,
// the jobs, which behave so, and the auditor.

/** @typedef {import("./random.mjs").Random} Random */
/** @typedef {Record<string, number | string | boolean>} Input */

/**
 * @typedef {object} Kind
 * @property {number} weight how often it is asked for, beside the others; 0: only faults ask for it
 * @property {object} policy as `job` takes it
 * @property {(random: Random) => Input} input
 * @property {(end: End, input: Input) => boolean} allows whether a run of it may have ended so; a cancelled one always may
 * @property {unknown} [output] of one that succeeded; "done" unless given, null for none
 * @property {readonly string[]} [effects] each booked once for one that succeeded; `succeed` by `ctx.succeed`, others by `ctx.tx`
 * @property {readonly string[]} [steps] done at least once by one that succeeded, and again only after an execution that was cut short
 * @property {boolean} [isDangerous] it takes its worker down, and nobody else may be blamed for that
 */

/** @typedef {{ state: string, reason: string | undefined }} End */

/** Whoever is innocent must survive any number of deaths around it. */
const innocent = {
  retry: { attempts: 1_000, backoff: { kind: "exponential", base: 50, cap: 500, jitter: 0.2 } },
  crashes: 1_000,
  timeout: "60s",
};
/** Whoever takes workers down does so three times at most. */
const dangerous = { ...innocent, queue: "danger", crashes: 3, timeout: "20s" };

/** @param {"thread" | "process"} kind @param {number} weight @returns {Kind} */
function isolatedKind(kind, weight) {
  return {
    weight,
    policy: { ...innocent, isolate: { kind, memory: "64mb" }, timeout: "5s" },
    input: (random) => ({
      attempts: random.pick([0, 0, 0, 1, 2]),
      how: random.pick(["exit", "throw", "reject", "spin", "eat", "ignore"]),
      milliseconds: random.whole(0, 200),
    }),
    allows: ({ state }) => state === "succeeded",
  };
}

/** @param {End} end */
const succeeds = ({ state }) => state === "succeeded";

/** @param {End} end */
const succeedsOrPoisons = ({ state, reason }) =>
  state === "succeeded" || (state === "failed" && reason === "poison");

/** @type {Record<string, Kind>} */
export const kinds = {
  quick: { weight: 6, policy: innocent, input: () => ({}), allows: succeeds },
  /** Ends shortest of all, which stores have ways of their own for. */
  mute: { weight: 4, policy: innocent, input: () => ({}), allows: succeeds, output: null },
  slow: {
    weight: 4,
    policy: innocent,
    input: (random) => ({ milliseconds: random.whole(50, random.chance(0.2) ? 3_000 : 400) }),
    allows: succeeds,
  },
  failing: {
    weight: 3,
    policy: innocent,
    input: (random) => ({ failures: random.whole(1, 3), milliseconds: random.whole(0, 100) }),
    allows: succeeds,
  },
  hopeless: {
    weight: 1,
    policy: { ...innocent, retry: { ...innocent.retry, attempts: 3 } },
    input: (random) => ({ milliseconds: random.whole(0, 50) }),
    // A worker may die under the last attempt.
    allows: ({ state, reason }) => state === "failed" && (reason === "error" || reason === "lost"),
  },
  snoozing: {
    weight: 2,
    policy: innocent,
    input: (random) => ({ milliseconds: random.whole(20, 300) }),
    allows: succeeds,
  },
  booking: {
    weight: 4,
    policy: innocent,
    input: (random) => ({
      first: random.whole(0, 60),
      second: random.whole(0, random.chance(0.2) ? 2_000 : 60),
      failures: random.chance(0.3) ? 1 : 0,
    }),
    allows: succeeds,
    output: ["first", "second"],
    effects: ["first", "second"],
  },
  closing: {
    weight: 4,
    policy: innocent,
    input: (random) => ({ milliseconds: random.whole(0, random.chance(0.3) ? 3_000 : 120) }),
    allows: succeeds,
    output: "succeed",
    effects: ["succeed"],
  },
  /** Ten steps, some of them in transactions, with children and waits between them. */
  durable: {
    weight: 2,
    policy: innocent,
    input: (random) => ({ nap: random.whole(5, random.chance(0.2) ? 1_500 : 120) }),
    allows: succeeds,
    effects: ["booked 2", "booked 5", "booked 8"],
    steps: ["step 1", "step 3", "step 4", "step 6", "step 7", "step 10"],
  },
  /** Asked for by runs of `durable` only. */
  leaf: {
    weight: 0,
    policy: innocent,
    input: () => ({}),
    allows: succeeds,
  },
  expiring: {
    weight: 1,
    policy: { ...innocent, startWithin: "4s" },
    input: (random) => ({ milliseconds: random.whole(0, 200) }),
    allows: ({ state, reason }) => state === "succeeded" || (state === "failed" && reason === "expired"),
  },
  long: {
    weight: 1,
    policy: { ...innocent, queue: "long" },
    input: (random) => ({ milliseconds: random.whole(2_000, 8_000) }),
    allows: succeeds,
  },
  /** Works until a moment of the machine's monotonic clock, in whatever execution. */
  patient: { weight: 0, policy: { ...innocent, queue: "long" }, input: () => ({}), allows: succeeds },
  deaf: {
    weight: 0.15,
    policy: {
      ...innocent,
      queue: "long",
      timeout: 300,
      retry: { attempts: 2, backoff: { kind: "fixed", base: 100 } },
    },
    input: (random) => ({ milliseconds: random.whole(1_000, 8_000) }),
    allows: ({ state, reason }) =>
      state === "succeeded" || (state === "failed" && (reason === "timeout" || reason === "lost")),
    effects: ["late"],
  },
  /** In isolates, which the first attempts take down in every way there is; nobody beside them may notice. */
  threaded: isolatedKind("thread", 1),
  apart: isolatedKind("process", 0.5),
  blocking: {
    weight: 0,
    policy: dangerous,
    // The first attempts block; with as many as its policy allows crashes, it poisons.
    input: (random) => ({ attempts: random.pick([1, 2, 99]), milliseconds: random.whole(4_000, 9_000) }),
    allows: succeedsOrPoisons,
    isDangerous: true,
  },
  hungry: {
    weight: 0,
    policy: dangerous,
    input: (random) => ({ attempts: random.pick([1, 2, 99]) }),
    allows: succeedsOrPoisons,
    isDangerous: true,
  },
  crashing: {
    weight: 0,
    policy: dangerous,
    input: (random) => ({ attempts: random.pick([1, 2, 99]), how: random.pick(["throw", "reject", "exit"]) }),
    allows: succeedsOrPoisons,
    isDangerous: true,
  },
};

/** Slots by queue of one worker. */
export const queues = { default: 8, long: 4, danger: 1 };

/** Takes any object as it is: what it holds is the harness's own. */
export const anyInput = {
  "~standard": {
    version: /** @type {const} */ (1),
    vendor: "violence",
    /** @param {unknown} value */
    validate: (value) => ({ value: /** @type {Input} */ (value) }),
  },
};
