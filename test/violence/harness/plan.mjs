// The plan: from a seed to what will happen. Pure, so that a seed tells the same story each time.
//
// Faults are dealt like cards: each kind once before any comes again, in an order of the seed's, so that a short run has
// met as many kinds as fit. Two faults that take hold of the same thing do not overlap. What enqueuers ask for is an
// endless sequence of their own. The clock of the machine is not in the plan: how far a worker has come when it is
// killed differs from run to run.
//
// Before this file come the seed and the kinds. After it come the harness, which strikes, and the enqueuers, which ask.
import { kinds } from "./kinds.mjs";

/** @typedef {import("./random.mjs").Random} Random */

/**
 * @typedef {object} Fault
 * @property {string} name
 * @property {readonly string[]} [stores] where it makes sense; everywhere unless given
 * @property {string} [holds] what it takes hold of: no other fault that holds the same begins before it is over
 * @property {number} [weight] how often it is dealt a round; once unless given
 * @property {number} [shortest] the length of a run, in seconds, from which it is dealt
 * @property {(random: Random, about: { seconds: number, store: string }) => Params} plan
 * @property {(world: any, params: Params) => Promise<void>} strike resolves when it is over
 */

/** @typedef {Record<string, any> & { lasts?: number }} Params `lasts` is in milliseconds */

/** @typedef {{ at: number, name: string, params: Params }} Blow milliseconds from the start */

/** Workers have begun by then, and faults leave each other room to do harm, in milliseconds. */
const begins = 1_500;
const gap = { shortest: 250, longest: 2_000 };
/** Between two faults that hold the same: it must work for a moment. */
const recovery = 1_500;

/**
 * @param {{ random: Random, seconds: number, store: string, faults: readonly Fault[], areNamed?: boolean }} given `areNamed`:
 * somebody has asked for these, however short the run
 * @returns {Blow[]}
 */
export function planFaults({ random, seconds, store, faults, areNamed = false }) {
  const possible = faults.filter(
    ({ stores = [store], shortest = 0 }) => stores.includes(store) && (areNamed || seconds >= shortest),
  );
  if (possible.length === 0) return [];
  const end = seconds * 1_000;
  /** @type {Map<string, number>} */
  const heldUntil = new Map();
  /** @type {Blow[]} */
  const blows = [];
  /** @type {Fault[]} */
  let deck = [];
  for (let at = begins; at < end; at += random.whole(gap.shortest, gap.longest)) {
    if (deck.length === 0)
      deck = random.shuffled(possible.flatMap((fault) => Array(fault.weight ?? 1).fill(fault)));
    const place = deck.findIndex(({ holds }) => holds === undefined || (heldUntil.get(holds) ?? 0) <= at);
    const [fault] = place < 0 ? [] : deck.splice(place, 1);
    if (fault === undefined) continue;
    const params = fault.plan(random, { seconds, store });
    if (fault.holds !== undefined) heldUntil.set(fault.holds, at + (params.lasts ?? 0) + recovery);
    blows.push({ at, name: fault.name, params });
  }
  return blows;
}

/**
 * @typedef {object} Asked
 * @property {"single" | "named" | "many" | "commit" | "rollback" | "again"} how
 * @property {{ kind: string, input: import("./kinds.mjs").Input, options: { delay?: number, priority?: number } }[]} runs
 * @property {number} pause milliseconds until the next
 */

const ways = /** @type {const} */ ([
  "single",
  "single",
  "named",
  "named",
  "many",
  "many",
  "commit",
  "commit",
  "rollback",
  "again",
]);

/**
 * What an enqueuer asks for.
 * @param {Random} random
 * @param {readonly string[]} [only] kinds; all by their weights unless given
 * @returns {Generator<Asked, never>}
 */
export function* planRequests(random, only) {
  const weights = Object.entries(kinds)
    .filter(([kind]) => only?.includes(kind) ?? true)
    .map(([kind, { weight }]) => ({ kind, weight }));
  for (;;) {
    const how = random.pick(ways);
    const amount = how === "many" ? random.whole(2, 8) : 1;
    const runs = Array.from({ length: amount }, () => request(random, weights));
    yield { how, runs, pause: random.whole(10, 160) };
  }
}

/** @param {Random} random @param {readonly { kind: string, weight: number }[]} weights */
function request(random, weights) {
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  let place = random.number() * total;
  const found = weights.find(({ weight }) => {
    place -= weight;
    return place < 0;
  });
  const kind = found?.kind ?? "quick";
  /** @type {{ delay?: number, priority?: number }} */
  const options = {};
  if (random.chance(0.15)) options.delay = random.whole(100, 3_000);
  if (random.chance(0.2)) options.priority = random.whole(-1, 1);
  return { kind, input: kinds[kind]?.input(random) ?? {}, options };
}
