// Ids as people type them: whole, or as much of the beginning as makes one run.
//
// An id of version 7 begins with the time at which it was made, so the beginning of one says when to look: the runs
// asked for about then are read, and no others. Ids made otherwise (by the application, of another version) have to be
// given whole.
//
// Before this file come the commands. After it comes the store's list.
import { isId } from "../kernel/index.js";
import { RunNotFoundError } from "../queue/index.js";
import type { Store, StoredRun } from "../store/contract.js";
import { AmbiguousIdError, UsageError } from "./errors.js";

const least = 8;
/**
 * The caller's clock made the id, the store's clock the time of the request: they may differ, and time passes between.
 * Nearly always by little, and looking through little is quick; so the search widens only while nothing is found.
 */
const tolerances = [250, 10_000, 600_000];
const page = 500;
const shownCandidates = 5;

/**
 * The id of the one run whose id begins so.
 *
 * @throws UsageError, RunNotFoundError, AmbiguousIdError
 */
export async function findId(store: Pick<Store, "find" | "list">, given: string): Promise<string> {
  const text = given.trim().toLowerCase();
  if (isId(text)) {
    const [run] = await store.find([text]);
    if (run === undefined) throw new RunNotFoundError(text);
    return text;
  }
  if (!/^[0-9a-f-]+$/.test(text) || text.length > 36 || !isBeginning(text)) {
    throw new UsageError(
      `"${given}" is not the id of a run, nor its beginning. \`duckdive runs\` shows ids.`,
    );
  }
  if (text.length < least) {
    throw new UsageError(`"${given}" is too short for an id. Give at least its first ${least} characters.`);
  }
  const found = await beginningWith(store, text);
  const [first, second] = found;
  if (first === undefined) throw new RunNotFoundError(`${text}…`);
  if (second !== undefined) throw ambiguous(text, found);
  return first.id;
}

/** Whether it could be the beginning of a UUID: hexadecimal digits, and dashes where they belong. */
function isBeginning(text: string): boolean {
  return [...text].every((character, place) => (character === "-") === [8, 13, 18, 23].includes(place));
}

function ambiguous(text: string, found: readonly StoredRun[]): AmbiguousIdError {
  const shown = found.slice(0, shownCandidates).map(({ id, job, state }) => `  ${id}  ${job}, ${state}`);
  const more = found.length > shownCandidates ? ["  …"] : [];
  return new AmbiguousIdError(
    [`Several runs begin with ${text}. Give more of the id:`, ...shown, ...more].join("\n"),
  );
}

async function beginningWith(store: Pick<Store, "list">, text: string): Promise<StoredRun[]> {
  const digits = text.replaceAll("-", "").slice(0, 12);
  const from = Number.parseInt(digits.padEnd(12, "0"), 16);
  const to = Number.parseInt(digits.padEnd(12, "f"), 16);
  for (const tolerance of tolerances) {
    const found = await searched(store, text, { since: from - tolerance, until: to + tolerance });
    if (found.length > 0) return found;
  }
  return [];
}

async function searched(
  store: Pick<Store, "list">,
  text: string,
  filter: { readonly since: number; readonly until: number },
): Promise<StoredRun[]> {
  const found: StoredRun[] = [];
  let cursor: string | undefined;
  do {
    const { runs, next } = await store.list(filter, { limit: page, cursor });
    found.push(...runs.filter(({ id }) => id.startsWith(text)));
    cursor = found.length > shownCandidates ? undefined : next;
  } while (cursor !== undefined);
  return found;
}
