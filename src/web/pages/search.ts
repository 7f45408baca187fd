// What stands in the address of the page of runs: the filter, as people saved it, and back again.
//
// The address is the saved search: everything that narrows the list is in it and nothing else is remembered. What is not
// understood is left out, never an error: addresses are typed and cut.
//
// Pure. Before this file comes a query. After it come the page of runs, its bulk actions, and links from other pages.
import type { State } from "../../job/index.js";
import { isId } from "../../kernel/index.js";
import type { Filter } from "../../queue/index.js";
import type { Query } from "./markup.js";
import { states } from "./states.js";

export const ages = { "1h": "Last 60 min", "24h": "Last 24 h", "7d": "Last 7 days" } as const;

export interface Search {
  /** Sought in what is shown of input and error, and in ids. A whole id is a filter. */
  readonly q: string;
  readonly states: readonly State[];
  readonly job: string;
  readonly queue: string;
  readonly error: string;
  readonly tag: string;
  /** Children of this run. */
  readonly parent: string;
  readonly since: keyof typeof ages | "";
}

export function searchOf(query: URLSearchParams): Search {
  const since = query.get("since") ?? "";
  return {
    q: (query.get("q") ?? "").trim(),
    states: states.filter((state) => query.getAll("state").includes(state)),
    job: query.get("job") ?? "",
    queue: query.get("queue") ?? "",
    error: (query.get("error") ?? "").trim(),
    tag: (query.get("tag") ?? "").trim(),
    parent: isId(query.get("parent") ?? "") ? (query.get("parent") ?? "") : "",
    since: isAge(since) ? since : "",
  };
}

function isAge(text: string): text is keyof typeof ages {
  return text in ages;
}

export function queryOf({ states: some, ...rest }: Search): Query {
  return { ...rest, state: some };
}

/** What is to be looked for in runs that fit the filter; empty: nothing. */
export function textOf({ q }: Search): string {
  return isId(q) ? "" : q;
}

export function filterOf(search: Search, now: Date): Filter {
  const { q, job, queue, error, tag, parent, since } = search;
  const spans = { "1h": 3_600_000, "24h": 86_400_000, "7d": 604_800_000 };
  return {
    ...(isId(q) ? { id: q } : {}),
    ...(search.states.length === 0 ? {} : { state: search.states }),
    ...(job === "" ? {} : { job }),
    ...(queue === "" ? {} : { queue }),
    ...(error === "" ? {} : { error }),
    ...(tag === "" ? {} : { tag }),
    ...(parent === "" ? {} : { parent }),
    ...(since === "" ? {} : { since: new Date(now.getTime() - spans[since]) }),
  };
}

/** The filter in words: "failed runs of report with HttpError". */
export function searchText({ q, states: some, job, queue, error, tag, parent, since }: Search): string {
  const parts = [
    `${some.length === 0 ? "" : `${some.join(" or ")} `}runs`,
    job === "" ? "" : `of ${job}`,
    queue === "" ? "" : `in ${queue}`,
    error === "" ? "" : `with ${error}`,
    tag === "" ? "" : `tagged ${tag}`,
    parent === "" ? "" : `below ${parent.slice(-4)}`,
    q === "" ? "" : `that match “${q}”`,
    since === "" ? "" : `of the ${ages[since].toLowerCase()}`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}
