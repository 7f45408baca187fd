// `job()`: the one way to define a job, or a contract whose handler stands elsewhere.
//
// What it makes is a plain frozen object. Everything that duckdive knows of it hangs on a symbol that all copies of
// the package share, so that a job defined with one copy is a job to another; an application, its libraries and a
// command line tool often have several. The definition is read and checked here, once.
//
// Before this file come policy, schemas and names. After it come `open({ jobs })`, `enqueue`, and the loop.

import { checkOptions, InvalidOptionError } from "../kernel/index.js";
import type { BatchRule } from "./batch-types.js";
import { brand, isContract } from "./brand.js";
import type { Context } from "./context.js";
import type { AnyContract } from "./contract.js";
import { callerOf } from "./isolate.js";
import { checkName, checkSchema, show } from "./names.js";
import type { Request, RequestOptions } from "./options.js";
import { type Fields, policyOptions, type ResolvedPolicy, resolvePolicy } from "./policy.js";
import type { Policy } from "./policy-types.js";
import type { Schema } from "./schema.js";
import type { AnyJob, DefineJob } from "./types.js";

export { isContract } from "./brand.js";

const requestBrand = Symbol.for("duckdive.request");
const moduleBrand = Symbol.for("duckdive.module");

/** What a contract knows of itself, beside its name. */
export interface Definition {
  readonly name: string;
  readonly input: Schema | undefined;
  readonly output: Schema | undefined;
  readonly errors: Readonly<Record<string, Schema>>;
  readonly policy: ResolvedPolicy;
}

type Handler = (input: unknown, ctx: Context) => unknown;

interface Declared extends Policy<Fields> {
  readonly batch?: BatchRule<Fields>;
  readonly name: string;
  readonly input?: Schema;
  readonly output?: Schema;
  readonly errors?: Readonly<Record<string, Schema>>;
  readonly handle?: Handler;
}

/**
 * Defines a job: its name, its input, its policy and its handler. Without `handle` it is a contract, light to import;
 * `contract.handle(fn)` in another file makes the job.
 *
 * Defaults: queue `default`, priority 0, 10 attempts (exponential, 5 s × 3 up to 6 h, ± 20 %), timeout 15 minutes,
 * kept 7 days when succeeded or cancelled and 90 when failed.
 *
 * @throws InvalidOptionError, InvalidDurationError at the definition, naming the job, the option and the remedy
 * @example
 * export const welcome = job({
 *   name: "welcome-email",
 *   input: z.object({ userId: z.number() }),
 *   timeout: "30s",
 *   async handle({ userId }, ctx) {
 *     await ctx.step("send", ({ key }) => mailer.send(userId, { idempotencyKey: key }));
 *   },
 * });
 */
export const job: DefineJob<unknown> = Object.assign(define, { using: () => job }) as DefineJob<unknown>;

function define(declared: Declared): object {
  if (typeof declared !== "object" || declared === null) {
    throw new InvalidOptionError(
      `job() was given ${show(declared)}. Use an object: { name, input, handle }.`,
    );
  }
  checkName(declared.name, "A job");
  const where = `job "${declared.name}"`;
  checkOptions(declared, ["name", "input", "output", "errors", "handle", ...policyOptions], where);
  const { name, input, output, errors = {}, handle } = declared;
  if (input !== undefined) checkSchema(input, `${where}: input`);
  if (output !== undefined) checkSchema(output, `${where}: output`);
  for (const [code, schema] of Object.entries(errors)) {
    checkName(code, `A failure of ${where}`);
    checkSchema(schema, `${where}: errors.${code}`);
  }
  const policy = resolvePolicy(declared, where);
  const definition: Definition = {
    name,
    input,
    output,
    errors: { ...errors },
    policy: Object.freeze(policy),
  };
  return handle === undefined ? contractOf(definition) : jobOf(definition, handle, define);
}

function contractOf(definition: Definition): object {
  const handle = (handler: Handler): object => jobOf(definition, handler, handle);
  return Object.freeze({ ...base(definition), handle });
}

/** @param made the function whose caller has the handler */
function jobOf(definition: Definition, handler: Handler, made: (...given: never[]) => unknown): object {
  if (typeof handler !== "function") {
    throw new InvalidOptionError(
      `The handler of job "${definition.name}" is ${show(handler)}. Use a function.`,
    );
  }
  const { isolate } = definition.policy;
  const module = isolate === undefined ? undefined : (isolate.module ?? callerOf(made));
  return Object.freeze({
    ...base(definition),
    handler,
    ...(module === undefined ? {} : { [moduleBrand]: module }),
  });
}

function base(definition: Definition) {
  const { name } = definition;
  const contract = {
    name,
    "~types": undefined,
    [brand]: definition,
    with: (input?: unknown, options?: RequestOptions): object =>
      Object.freeze({ job: name, [requestBrand]: { contract, input, options: options ?? {} } }),
    is: (run: { readonly job: string }) => run.job === name,
    failedWith: (error: unknown, code: string) =>
      error instanceof Error &&
      "runId" in error &&
      Reflect.get(error, "job") === name &&
      Reflect.get(error, "code") === code,
  };
  return contract;
}

/** Whether a value is a job: a contract with its handler. */
export function isJob(value: unknown): value is AnyJob {
  return isContract(value) && "handler" in value;
}

/**
 * What a contract knows of itself.
 *
 * @throws InvalidOptionError when the value is none
 */
export function definitionOf(contract: unknown): Definition {
  if (isContract(contract)) return Reflect.get(contract, brand) as Definition;
  throw new InvalidOptionError(`${show(contract)} is not a job. Use what job({ name, … }) gives back.`);
}

/** The policy of a job or a contract, with everything filled in. */
export function policyOf(contract: unknown): ResolvedPolicy {
  return definitionOf(contract).policy;
}

/** The address of the module that has an isolated job; undefined: it is not known, or the job is not isolated. */
export function moduleOf(job: AnyJob): string | undefined {
  const module: unknown = Reflect.get(job, moduleBrand);
  return typeof module === "string" ? module : undefined;
}

/** What `.with` put together. */
export interface RequestParts {
  readonly contract: AnyContract;
  readonly input: unknown;
  readonly options: RequestOptions;
}

/**
 * The parts of a request made by `.with`.
 *
 * @throws InvalidOptionError when it is none
 */
export function partsOf(request: Request): RequestParts {
  const parts: unknown =
    typeof request === "object" && request !== null ? Reflect.get(request, requestBrand) : undefined;
  if (parts !== undefined) return parts as RequestParts;
  throw new InvalidOptionError(`${show(request)} is not a request. Use what job.with(input) gives back.`);
}
