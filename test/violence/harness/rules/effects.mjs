// Effects: what `ctx.tx` and `ctx.succeed` write is there exactly once, with the memory of it or the run's success.
import { linesBy } from "../evidence.mjs";
import { kinds } from "../kinds.mjs";

/** @typedef {import("../evidence.mjs").Evidence} Evidence */
/** @typedef {import("../audit.mjs").Found} Found */

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* effects({ runs, booked }) {
  /** @type {Map<string, { run: string, what: string, token: number, at: number }[]>} */
  const books = new Map();
  for (const one of booked) {
    const key = `${one.run} ${one.what}`;
    books.set(key, [...(books.get(key) ?? []), one]);
  }
  for (const [, [first, ...others]] of books) {
    const { run = "", what } = first ?? {};
    if (others.length > 0)
      yield { run, what: `its effect "${what}" was committed ${others.length + 1} times` };
    if (!runs.has(run)) yield { run, what: `its effect "${what}" is there, and it is not` };
  }
  for (const [id, { run, entries }] of runs) {
    for (const what of kinds[run.job]?.effects ?? []) {
      const [effect] = books.get(`${id} ${what}`) ?? [];
      const isThere = effect !== undefined;
      const isKnown =
        what === "succeed"
          ? run.state === "succeeded"
          : entries.some(({ name, state }) => name === what && state === "done");
      if (isThere && !isKnown)
        yield { run: id, what: `its effect "${what}" is there, and the store knows nothing of it` };
      if (!isThere && isKnown)
        yield { run: id, what: `its effect "${what}" is not there, and the store has it as done` };
      if (run.state === "succeeded" && !isThere)
        yield { run: id, what: `it has succeeded without its effect "${what}"` };
      if (what === "succeed" && isThere && effect.token !== run.token)
        yield { run: id, what: `token ${effect.token} has ended it, and it has token ${run.token}` };
    }
  }
}

/** Whoever writes one has the run: it was not given to somebody else before, nor ended. @param {Evidence} evidence @returns {Generator<Found>} */
export function* strangers({ lines, booked }) {
  const claims = linesBy(lines, "claimed");
  const ends = linesBy(lines, "settled");
  for (const { run, what, token, at } of booked) {
    const later = (claims.get(run) ?? []).find((claim) => claim.token > token && claim.at < at);
    if (later !== undefined)
      yield {
        run,
        what: `token ${token} has written "${what}" after token ${later.token} was given to somebody`,
      };
    if ((ends.get(run) ?? []).some((end) => end.token === token && end.at < at))
      yield { run, what: `token ${token} has written "${what}" after its end was taken` };
  }
}
