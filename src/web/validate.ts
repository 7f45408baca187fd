// Whether a value fits a schema, and where it does not.
//
// It reads the keywords that schema.ts makes, and compiles nothing: no code is made of what comes in. A library that does
// the same is a devDependency: a property test holds the two to one answer for values made at random. Complaints are few
// on purpose: a body with a thousand wrong runs is told of the first ones.
//
// Pure. Before this file come shapes. After it come the routes.
import { formatPath } from "../kernel/index.js";
import type { ProblemIssue } from "./problem.js";
import type { JsonSchema } from "./schema.js";

const mostIssues = 20;
const longestShown = 60;
const unkept = /\0|\p{Surrogate}/u;

type Steps = readonly (string | number)[];
type Issues = Generator<ProblemIssue, void, undefined>;

/** What does not fit, the first of it; empty: all does. */
export function issuesOf(schema: JsonSchema, value: unknown): ProblemIssue[] {
  const issues: ProblemIssue[] = [];
  for (const issue of check(schema, value, [])) {
    issues.push(issue);
    if (issues.length === mostIssues) break;
  }
  return issues;
}

/** A name that somebody made may be long, and a complaint must not be. */
function issue(steps: Steps, message: string): ProblemIssue {
  const shown = steps.map((step) => (typeof step === "string" ? step.slice(0, longestShown) : step));
  return { path: formatPath(shown), message };
}

function* check(schema: JsonSchema, value: unknown, steps: Steps): Issues {
  const { anyOf, type, enum: words } = schema;
  if (anyOf !== undefined) yield* checkEither(anyOf, value, steps);
  else if (type !== undefined && !isOfType(type, value)) yield issue(steps, `has to be ${article(type)}`);
  else if (words !== undefined && !words.some((one) => one === value))
    yield issue(steps, `has to be ${words.map((one) => JSON.stringify(one)).join(" or ")}`);
  else if (typeof value === "string") yield* checkText(schema, value, steps);
  else if (typeof value === "number") yield* checkNumber(schema, value, steps);
  else if (Array.isArray(value)) yield* checkList(schema, value, steps);
  else if (typeof value === "object" && value !== null) yield* checkObject(schema, value, steps);
}

/** Fits none of them: what the alternative of the same kind says, since that is the one that was meant. */
function* checkEither(all: readonly JsonSchema[], value: unknown, steps: Steps): Issues {
  if (all.some((one) => issuesOf(one, value).length === 0)) return;
  const meant = all.find(({ type }) => type !== undefined && isOfType(type, value));
  if (meant !== undefined) yield* check(meant, value, steps);
  else yield issue(steps, `has to be ${all.map(({ type = "object" }) => article(type)).join(" or ")}`);
}

function isOfType(type: NonNullable<JsonSchema["type"]>, value: unknown): boolean {
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  if (type === "integer") return Number.isInteger(value);
  if (type === "number") return typeof value === "number" && Number.isFinite(value);
  return typeof value === type;
}

function article(type: NonNullable<JsonSchema["type"]>): string {
  if (type === "integer") return "a whole number";
  if (type === "null") return "null";
  if (type === "string") return "a text";
  return `${/^[aeiou]/.test(type) ? "an" : "a"} ${type}`;
}

const formats = {
  "date-time": {
    pattern:
      /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/,
    what: "a time with its zone, such as 2026-05-01T08:00:00Z",
  },
  uuid: {
    pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
    what: "a UUID in lower case",
  },
} as const;

function* checkText(schema: JsonSchema, value: string, steps: Steps): Issues {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern, format } = schema;
  const length = [...value].length;
  if (unkept.test(value))
    yield issue(steps, "has a NUL character or half a surrogate pair, which no database keeps");
  else if (length < minLength)
    yield issue(steps, minLength === 1 ? "must not be empty" : `is shorter than ${minLength}`);
  else if (length > maxLength) yield issue(steps, `is longer than ${maxLength} characters`);
  else if (pattern !== undefined && !new RegExp(pattern, "u").test(value))
    yield issue(steps, `has to match ${pattern}`);
  else if (format !== undefined && !isOfFormat(format, value))
    yield issue(steps, `has to be ${formats[format].what}`);
}

function isOfFormat(format: keyof typeof formats, value: string): boolean {
  return formats[format].pattern.test(value) && (format !== "date-time" || isDay(value));
}

/** The thirtieth of February would be read as a day of March. */
function isDay(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}

function* checkNumber({ minimum, maximum }: JsonSchema, value: number, steps: Steps): Issues {
  if (minimum !== undefined && value < minimum) yield issue(steps, `has to be ${minimum} or more`);
  if (maximum !== undefined && value > maximum) yield issue(steps, `has to be ${maximum} or less`);
}

function* checkList(schema: JsonSchema, value: readonly unknown[], steps: Steps): Issues {
  const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  if (value.length < minItems) yield issue(steps, `needs ${minItems} or more`);
  else if (value.length > maxItems) yield issue(steps, `has more than ${maxItems}`);
  else if (items !== undefined)
    for (const [index, one] of value.entries()) yield* check(items, one, [...steps, index]);
}

function* checkObject(schema: JsonSchema, value: object, steps: Steps): Issues {
  const { properties = {}, required = [], additionalProperties } = schema;
  for (const name of required) if (!Object.hasOwn(value, name)) yield issue([...steps, name], "is missing");
  for (const [name, one] of Object.entries(value)) {
    const own = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (unkept.test(name)) yield issue(steps, "has a name with a NUL character or half a surrogate pair");
    else if (own !== undefined) yield* check(own, one, [...steps, name]);
    else if (additionalProperties === false)
      yield issue(
        [...steps, name],
        `is not known; there are ${Object.keys(properties).join(", ") || "none"}`,
      );
    else if (additionalProperties !== undefined) yield* check(additionalProperties, one, [...steps, name]);
  }
}
