// Chance that can be repeated: everything a seed decides comes from here, in the same order each time.
//
// One stream for each purpose, named: a fault more then changes nothing about what the enqueuers ask for. Before this file
// comes the seed. After it come the plan and the enqueuers.

/**
 * @typedef {object} Random
 * @property {() => number} number from 0 up to 1
 * @property {(lowest: number, highest: number) => number} whole between these two, both possible
 * @property {(share: number) => boolean} chance true in this share of the cases
 * @property {<T>(list: readonly T[]) => T} pick
 * @property {<T>(list: readonly T[]) => T[]} shuffled
 * @property {(purpose: string) => Random} stream another one, of its own
 */

/**
 * @param {string} seed
 * @returns {Random}
 */
export function createRandom(seed) {
  const number = generator(hashOf(seed));
  /** @param {number} lowest @param {number} highest */
  const whole = (lowest, highest) => lowest + Math.floor(number() * (highest - lowest + 1));
  /** @template T @param {readonly T[]} list */
  function pick(list) {
    const chosen = list[whole(0, list.length - 1)];
    if (chosen === undefined) throw new RangeError("There is nothing to pick from.");
    return chosen;
  }
  /** @template T @param {readonly T[]} list */
  function shuffled(list) {
    return list
      .map((item) => ({ item, place: number() }))
      .sort((one, other) => one.place - other.place)
      .map(({ item }) => item);
  }
  return {
    number,
    whole,
    chance: (share) => number() < share,
    pick,
    shuffled,
    stream: (purpose) => createRandom(`${seed}/${purpose}`),
  };
}

/**
 * 32 bits of a text (FNV-1a).
 * @param {string} text
 */
export function hashOf(text) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * Numbers from 0 up to 1, the same ones for the same beginning (Mulberry32).
 * @param {number} state
 */
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
