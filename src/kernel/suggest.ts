// "Did you mean": an option that is misspelled is an error, and the error names the option that was meant.
//
// An option that nobody knows would otherwise be ignored without a word, which is how a misspelled timeout becomes a hang.
// A name is suggested only when it is near: a third of its letters may differ.
//
// Before this file come only the errors. After it come job definitions, open(), requests and the command line.

import { distance } from "fastest-levenshtein";
import { InvalidOptionError } from "./errors.js";

/** The candidate nearest to the word, if it is near enough to have been meant. */
function nearest(word: string, candidates: readonly string[]): string | undefined {
  let found: string | undefined;
  let best = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const far = distance(word.toLowerCase(), candidate.toLowerCase());
    if (far < best && far < Math.max(word.length, candidate.length) - 1) {
      best = far;
      found = candidate;
    }
  }
  return found;
}

/** A sentence to put behind an error: ` Did you mean "timeout"?`, or nothing. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const found = nearest(word, candidates);
  return found === undefined ? "" : ` Did you mean "${found}"?`;
}

/**
 * Refuses options that nobody knows.
 *
 * @param where what the options belong to, for the message: `job "mail"`
 * @throws InvalidOptionError naming the unknown option, the one that was meant, and those that exist
 */
export function checkOptions(given: object, allowed: readonly string[], where: string): void {
  for (const name of Object.keys(given)) {
    if (allowed.includes(name)) continue;
    throw new InvalidOptionError(
      `${where} has no option "${name}".${didYouMean(name, allowed)} It has: ${allowed.join(", ")}.`,
      { didYouMean: nearest(name, allowed) },
    );
  }
}
