// How what is observed of one world differs from what is observed of another.
//
// Both are taken as data: a Map as its entries, a Set as its values, a Date as its text, an object as its own fields. The
// order of a list is not compared, since what runs side by side may come in either order; how often a thing stands in it
// is. Each difference says where it is and whether something happened more often: that is what a crash does to work that
// is not idempotent.
//
// Before this file come two worlds. After it comes the search for who made the difference.

/** One difference between two worlds. */
export interface Difference {
  /** The place in what is observed, such as `mails` or `charges["o1"]`; empty: the whole of it. */
  readonly where: string;
  /** The same for the same thing in another trial, however often it happened there. */
  readonly mark: string;
  /** Something happened more often, rather than in another way or not at all. */
  readonly isRepeated: boolean;
  readonly text: string;
}

/** What an observation looks like as data: an object only of texts, numbers, truths, null, lists and such objects. */
export type Data = string | number | boolean | null | readonly Data[] | { readonly [field: string]: Data };

/** @throws TypeError when a value holds itself */
export function dataOf(value: unknown, above: readonly unknown[] = []): Data {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object") return typeof value === "bigint" ? `${value}n` : String(value);
  if (above.includes(value))
    throw new TypeError("What `observe` gave back holds itself. Give back plain data.");
  const inner = (part: unknown): Data => dataOf(part, [...above, value]);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "no time" : value.toISOString();
  if (value instanceof Map) return [...value].map(inner);
  if (value instanceof Set || Array.isArray(value) || isView(value)) return [...value].map(inner);
  if ("toJSON" in value && typeof value.toJSON === "function") return inner(value.toJSON());
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== undefined && typeof part !== "function")
      .map(([field, part]) => [field, inner(part)]),
  );
}

function isView(value: object): value is Uint8Array {
  return value instanceof Uint8Array;
}

/** Every difference of `found` from `expected`. */
export function differencesOf(expected: Data, found: Data, where = ""): Difference[] {
  if (isList(expected) && isList(found)) return differencesOfLists(expected, found, where);
  if (isRecord(expected) && isRecord(found)) return differencesOfRecords(expected, found, where);
  if (textOf(expected) === textOf(found)) return [];
  const isRepeated = typeof expected === "number" && typeof found === "number" && found > expected;
  const text = `${placed(where)} is ${shown(found)} instead of ${shown(expected)}`;
  return [{ where, mark: where, isRepeated, text }];
}

function differencesOfRecords(
  expected: { readonly [field: string]: Data },
  found: { readonly [field: string]: Data },
  where: string,
): Difference[] {
  const fields = new Set([...Object.keys(expected), ...Object.keys(found)]);
  return [...fields].flatMap((field) => {
    const place = /^[A-Za-z_$][\w$]*$/.test(field)
      ? `${where}${where === "" ? "" : "."}${field}`
      : `${where}[${JSON.stringify(field)}]`;
    const [one, other] = [expected[field], found[field]];
    if (one !== undefined && other !== undefined) return differencesOf(one, other, place);
    return one === undefined
      ? added(place, other ?? null)
      : [{ where: place, mark: place, isRepeated: false, text: `${placed(place)} is missing` }];
  });
}

/** A list, or a number of times, that was not there at all is what happens once more where nothing was. */
function added(place: string, value: Data): Difference[] {
  return [
    { where: place, mark: place, isRepeated: false, text: `${placed(place)} is there, with ${shown(value)}` },
  ];
}

interface Counted {
  readonly value: Data;
  expected: number;
  found: number;
}

function differencesOfLists(expected: readonly Data[], found: readonly Data[], where: string): Difference[] {
  const counts = new Map<string, Counted>();
  for (const value of expected) counted(counts, value).expected += 1;
  for (const value of found) counted(counts, value).found += 1;
  const unequal = [...counts.values()].filter((one) => one.expected !== one.found);
  const [changed, rest] = changedEntries(unequal, where);
  return [...changed, ...rest.map((one) => differenceOfCount(one, where))];
}

function counted(counts: Map<string, Counted>, value: Data): Counted {
  const key = textOf(value);
  const known = counts.get(key) ?? { value, expected: 0, found: 0 };
  counts.set(key, known);
  return known;
}

/** What stands once under the same key in both, as an entry of a Map does, has changed there. */
function changedEntries(unequal: readonly Counted[], where: string): [Difference[], Counted[]] {
  const differences: Difference[] = [];
  const rest = new Set(unequal);
  for (const one of unequal) {
    const key = keyOf(one.value);
    if (key === undefined) continue;
    const same = unequal.filter((other) => keyOf(other.value) === key);
    const [gone, come] = [
      same.find((other) => other.found === 0),
      same.find((other) => other.expected === 0),
    ];
    if (same.length !== 2 || gone === undefined || come === undefined || !rest.has(one)) continue;
    rest.delete(gone);
    rest.delete(come);
    differences.push(...differencesOf(restOf(gone.value), restOf(come.value), `${where}[${key}]`));
  }
  return [differences, [...rest]];
}

/** Of a list of two that begins with a text or a number: that, as text. */
function keyOf(value: Data): string | undefined {
  if (!isList(value) || value.length !== 2) return undefined;
  const [key] = value;
  return typeof key === "string" || typeof key === "number" ? JSON.stringify(key) : undefined;
}

function restOf(value: Data): Data {
  return isList(value) ? (value[1] ?? null) : null;
}

function differenceOfCount({ value, expected, found }: Counted, where: string): Difference {
  const what = `${placed(where)} has ${shown(value)}`;
  const text =
    found === 0
      ? `${placed(where)} lacks ${shown(value)}`
      : expected === 0
        ? `${what}, which it should not`
        : `${what} ${times(found)} instead of ${times(expected)}`;
  return { where, mark: `${where} ${textOf(value)}`, isRepeated: found > expected && expected > 0, text };
}

function times(count: number): string {
  return count === 1 ? "once" : count === 2 ? "twice" : `${count} times`;
}

function placed(where: string): string {
  return where === "" ? "the world" : where;
}

const longestShown = 80;

function shown(value: Data): string {
  const text = JSON.stringify(value);
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}

/** The same for the same data, whatever the order of fields and of lists. */
function textOf(value: Data): string {
  if (isRecord(value)) {
    const fields = Object.keys(value).sort();
    return `{${fields.map((field) => `${JSON.stringify(field)}:${textOf(value[field] ?? null)}`).join()}}`;
  }
  return isList(value) ? `[${value.map(textOf).join()}]` : JSON.stringify(value);
}

function isList(value: Data): value is readonly Data[] {
  return Array.isArray(value);
}

function isRecord(value: Data): value is { readonly [field: string]: Data } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
