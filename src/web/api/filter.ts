// Which runs: the same conditions in a query and in a body, turned into those of the client.
//
// Before this file come shapes. After it come lists, counts, and what acts on many runs.
import type { Filter, Target } from "../../queue/index.js";
import { states } from "../../run/index.js";
import { mostInBody } from "../body.js";
import { refused } from "../problem.js";
import { dictionary, id, integer, list, object, only, type TypeOf, text, time, word } from "../schema.js";
import { durationText, name, waitingReasons } from "./shapes.js";

const several = { maxItems: 100 };
const conditions = {
  id: list(id(), several),
  job: list(name, several),
  queue: list(name, several),
  parent: list(id(), several),
  state: list(word(states), several),
  reason: list(text({ maxLength: 1_000 }), several),
  waiting: list(word(waitingReasons), several),
  tag: list(text({ maxLength: 100 }), several),
  error: list(text({ maxLength: 1_000 }), several),
  text: text({ minLength: 1, maxLength: 1_000, description: "In the input, as it stands there in JSON." }),
  since: time({ description: "Asked for at this time or later." }),
  until: time({ description: "Asked for before this time." }),
  olderThan: durationText,
};

const named = text({
  pattern: "^[^=]+=",
  maxLength: 4_200,
  description: "NAME=VALUE",
  examples: ["tenant=7"],
});

/** Conditions in a query: several values of one name mean any of them. */
export const filterQuery = object({}, { ...conditions, meta: list(named, several) });
/** And which part of them. */
export const listQuery = object(
  {},
  {
    ...conditions,
    meta: list(named, several),
    limit: integer({ minimum: 1, maximum: 1_000, description: "Runs on a page; 100 unless given." }),
    cursor: text({ maxLength: 200, description: "The `cursor` of the page before." }),
  },
);

const filterBody = object({}, { ...conditions, meta: dictionary(text({ maxLength: 4_000 })) });

/** Which runs to act on: exactly one of the three. */
export const targetFields = {
  filter: filterBody,
  ids: list(id(), { minItems: 1, maxItems: mostInBody }),
  all: only(true),
};

type QueryFilter = TypeOf<typeof filterQuery>;
type BodyFilter = TypeOf<typeof filterBody>;

export function filterOf({ meta, ...rest }: QueryFilter): Filter {
  const pairs = meta?.map((pair): [string, string] => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at), pair.slice(at + 1)];
  });
  return clientFilter(pairs === undefined ? rest : { ...rest, meta: Object.fromEntries(pairs) });
}

function clientFilter({ since, until, ...rest }: BodyFilter): Filter {
  const dates = { since: dateOf(since), until: dateOf(until) };
  const given = Object.entries({ ...rest, ...dates }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

function dateOf(text: string | undefined): Date | undefined {
  return text === undefined ? undefined : new Date(text);
}

export function targetOf(body: {
  readonly filter?: BodyFilter | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly all?: true | undefined;
}): Target {
  const { filter, ids, all } = body;
  if ([filter, ids, all].filter((one) => one !== undefined).length !== 1)
    throw refused(
      "INVALID_REQUEST",
      "The body has to say which runs, in one way: filter, ids, or all: true.",
    );
  if (filter !== undefined) return clientFilter(filter);
  return ids ?? { all: true };
}
