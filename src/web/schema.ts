// Shapes: what a request may be and what an answer is, once, as a JSON Schema that has a type.
//
// The same value refuses what does not fit (validate.ts), types what does, and is printed in the OpenAPI document, so the
// three cannot say different things. Only the keywords that are used here exist.
//
// Before this file comes nothing. After it come the check, the routes and the document.

export interface JsonSchema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean" | "null";
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false | JsonSchema;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly enum?: readonly (string | boolean)[];
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: "date-time" | "uuid";
  readonly minimum?: number;
  readonly maximum?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly examples?: readonly unknown[];
}

/** A schema, and the type of what it lets through. */
export interface Shape<T> {
  readonly schema: JsonSchema;
  /** Never there: it carries the type. */
  readonly "~type"?: T;
}

export type TypeOf<S> = S extends Shape<infer T> ? T : never;

type Fields = Readonly<Record<string, Shape<unknown>>>;
type Values<F extends Fields> = { [Name in keyof F]: TypeOf<F[Name]> };
type About = Pick<JsonSchema, "description" | "examples">;

/** An object with these properties and no others: the first are always there, the second may be missing. */
export function object<Needed extends Fields, Possible extends Fields = Record<never, never>>(
  needed: Needed,
  possible?: Possible,
  about: About = {},
): Shape<Values<Needed> & Partial<Values<Possible>>> {
  const fields = Object.entries({ ...needed, ...possible });
  const required = Object.keys(needed);
  return {
    schema: {
      type: "object",
      properties: Object.fromEntries(fields.map(([name, { schema }]) => [name, schema])),
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: false,
      ...about,
    },
  };
}

export function text(
  rules: Pick<JsonSchema, "minLength" | "maxLength" | "pattern"> & About = {},
): Shape<string> {
  return { schema: { type: "string", ...rules } };
}

export function integer(rules: Pick<JsonSchema, "minimum" | "maximum"> & About = {}): Shape<number> {
  return { schema: { type: "integer", ...rules } };
}

export function number(about: About = {}): Shape<number> {
  return { schema: { type: "number", ...about } };
}

export function flag(about: About = {}): Shape<boolean> {
  return { schema: { type: "boolean", ...about } };
}

/** One of these words. */
export function word<const Words extends readonly string[]>(
  words: Words,
  about: About = {},
): Shape<Words[number]> {
  return { schema: { type: "string", enum: words, ...about } };
}

/** This word or this flag alone. */
export function only<const One extends string | boolean>(one: One): Shape<One> {
  return { schema: { type: typeof one === "string" ? "string" : "boolean", enum: [one] } };
}

export function list<T>(
  of: Shape<T>,
  rules: Pick<JsonSchema, "minItems" | "maxItems"> & About = {},
): Shape<T[]> {
  return { schema: { type: "array", items: of.schema, ...rules } };
}

/** An object with any names, and such values. */
export function dictionary<T>(of: Shape<T>, about: About = {}): Shape<Record<string, T>> {
  return { schema: { type: "object", additionalProperties: of.schema, ...about } };
}

export function either<One, Other>(
  one: Shape<One>,
  other: Shape<Other>,
  about: About = {},
): Shape<One | Other> {
  return { schema: { anyOf: [one.schema, other.schema], ...about } };
}

export function orNull<T>(of: Shape<T>): Shape<T | null> {
  return { schema: { anyOf: [of.schema, { type: "null" }] } };
}

/** Any JSON. */
export function anything(about: About = {}): Shape<unknown> {
  return { schema: { ...about } };
}

/** A point in time, in ISO 8601 with its zone: `2026-05-01T08:00:00Z`. */
export function time(about: About = {}): Shape<string> {
  return { schema: { type: "string", format: "date-time", ...about } };
}

/** A UUID in lower case. */
export function id(about: About = {}): Shape<string> {
  return { schema: { type: "string", format: "uuid", ...about } };
}
