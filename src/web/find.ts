// Looking for a text in runs: in what is shown of their input and error, and in their ids, newest first.
//
// No index helps with that, so it goes through the runs that fit the rest of the filter, page by page, for a second and a
// half at most, and says how far it came; the next page goes on from there. What is looked through is what is shown: what
// was taken out of it cannot be found either.
//
// Before this file comes a search. After it comes the page of runs.
import type { RunRecord, StoredError } from "../job/index.js";
import type { Filter } from "../queue/index.js";
import type { Served } from "./served.js";
import type { Shown } from "./shown.js";

const atOnce = 500;
/** In milliseconds. */
const longest = 1_500;

export interface Found {
  readonly runs: readonly RunRecord[];
  /** Where the next page goes on; undefined: that was the last run. */
  readonly next: string | undefined;
  /** When the last run was asked for that was looked at, where it had to stop before a page was full. */
  readonly lookedBackTo: Date | undefined;
}

export async function findRuns(
  duckdive: Pick<Served, "list">,
  shown: Pick<Shown, "run">,
  asked: {
    readonly filter: Filter;
    readonly text: string;
    readonly cursor: string | undefined;
    readonly limit: number;
  },
): Promise<Found> {
  const { filter, limit } = asked;
  const text = asked.text.toLowerCase();
  const began = performance.now();
  const runs: RunRecord[] = [];
  let cursor = asked.cursor;
  for (;;) {
    const page = await duckdive.list(filter, { limit: atOnce, cursor });
    for (const [place, run] of page.runs.map(shown.run).entries()) {
      if (!has(run, text)) continue;
      runs.push(run);
      if (runs.length < limit) continue;
      const isLast = place === page.runs.length - 1;
      const upTo = isLast ? page : await duckdive.list(filter, { limit: place + 1, cursor });
      return { runs, next: upTo.cursor, lookedBackTo: undefined };
    }
    if (page.cursor === undefined) return { runs, next: undefined, lookedBackTo: undefined };
    cursor = page.cursor;
    if (performance.now() - began > longest)
      return { runs, next: cursor, lookedBackTo: page.runs.at(-1)?.requestedAt };
  }
}

function has({ id, input, error }: RunRecord, text: string): boolean {
  return id.includes(text) || textOf(input).includes(text) || errorText(error).includes(text);
}

function textOf(value: unknown): string {
  return (JSON.stringify(value) ?? "").toLowerCase();
}

function errorText(error: StoredError | undefined): string {
  const texts: string[] = [];
  for (let one = error; one !== undefined && texts.length < 10; one = one.cause)
    texts.push(`${one.name} ${one.code ?? ""} ${one.message}`);
  return texts.join(" ").toLowerCase();
}
