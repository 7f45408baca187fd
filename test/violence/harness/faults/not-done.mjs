// A fault that could not be done says so by throwing this: it is counted, and told in the table.

export class NotDone extends Error {
  /** @override */
  name = "NotDone";
}

/**
 * @template T
 * @param {T | undefined} victim
 * @param {string} what
 * @returns {T}
 */
export function found(victim, what) {
  if (victim !== undefined) return victim;
  throw new NotDone(`no ${what} was there`);
}
