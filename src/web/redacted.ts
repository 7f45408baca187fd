// The client as the API and the pages look through it: what `redact` of jobs and of `open` names is blanked out of all that
// they read, so that none of them has to think of it.
//
// A text is looked for in what is shown: whoever may not see a value must not find out by searching whether it is this one.
//
// Before this file comes the client. After it come routes and pages.

import type { RunRecord } from "../job/index.js";
import { encode } from "../kernel/index.js";
import { forPeople, type Listing, type Page } from "../queue/index.js";
import { refused } from "./problem.js";
import type { Served } from "./served.js";

/** How long runs are looked through for a text to be counted, in milliseconds. */
const longest = 1_500;

export function asPeopleSee(duckdive: Served): Served {
  const looking = forPeople(duckdive);
  const list: Served["list"] = (filter, options) => {
    const listing = looking.list(filter, options);
    return filter?.text === undefined ? listing : having(filter.text, listing);
  };
  return {
    ...duckdive,
    ...looking,
    list,
    count: (filter) => (filter?.text === undefined ? duckdive.count(filter) : countShown(list(filter))),
  };
}

/** Those of the runs in whose input the text is to be seen. */
function having(text: string, listing: Listing): Listing {
  const has = ({ input }: RunRecord): boolean =>
    encode(input, { what: "An input", limit: Number.POSITIVE_INFINITY })?.includes(text) === true;
  const page = ({ runs, cursor }: Page): Page => ({ runs: runs.filter(has), cursor });
  return {
    // biome-ignore lint/suspicious/noThenProperty: a listing is awaited for its page
    then: (onPage, onError) => Promise.resolve(listing).then(page).then(onPage, onError),
    async *[Symbol.asyncIterator]() {
      for await (const run of listing) if (has(run)) yield run;
    },
  };
}

/** @throws Refusal when there is too much to look through */
async function countShown(listing: AsyncIterable<RunRecord>): Promise<number> {
  const began = performance.now();
  let count = 0;
  for await (const _ of listing) {
    count += 1;
    if (performance.now() - began > longest)
      throw refused(
        "INVALID_REQUEST",
        "There are too many runs to count by a text. Say more of them: a job, a state, a time.",
      );
  }
  return count;
}
