// Schemas, met by shape, and what JSON leaves of a type.
//
// Any library that speaks Standard Schema v1 (zod, valibot, arktype …) can describe the input of a job; duckdive
// knows none of them. A schema has two types: its input, which is what callers give and what is stored, and its
// output, which is what the handler gets. `Stored<T>` says what a value is after it has been stored and read back.
//
// Before this file comes nothing. After it come the types of jobs, and the judging of inputs.

/** Standard Schema v1, as far as duckdive needs it. `I` is what callers give and what is stored, `O` what handlers get. */
export interface Schema<I = unknown, O = I> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => unknown;
    readonly types?: { readonly input: I; readonly output: O } | undefined;
  };
}

/** What a type is after JSON: Date and bigint are strings; functions, symbols, Map, Set and promises cannot travel. */
export type Stored<T> = unknown extends T
  ? T
  : T extends string | number | boolean | null | undefined
    ? T
    : T extends Date | bigint
      ? string
      : T extends
            | ((...a: never[]) => unknown)
            | symbol
            | ReadonlyMap<unknown, unknown>
            | ReadonlySet<unknown>
            | PromiseLike<unknown>
        ? NotJson
        : { [K in keyof T]: Stored<T[K]> };

/** What became of a value that cannot be stored. Nothing can be done with it, which is the point. */
export interface NotJson {
  readonly "this value is not JSON: return only what later code needs": never;
}

/** What callers give, and what is stored. */
export type InputOf<S> = S extends Schema<infer I, unknown> ? I : undefined;

/** What handlers get. */
export type ParsedOf<S> = S extends Schema<never, infer O> | Schema<infer _, infer O> ? O : undefined;

/** The law of inputs: what is read back from the store must itself be a legal input. */
export type MustBeStorable<S> =
  Stored<InputOf<S>> extends InputOf<S>
    ? unknown
    : {
        readonly input: "not JSON: use z.coerce.date() / z.iso.datetime() for dates, z.coerce.bigint() for bigints";
      };

/** The values of failures that a job declares, by code. */
export type Errors = Record<string, Schema>;
