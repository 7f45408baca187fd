// The way of a value through the store: what a caller gives, what is stored, what a handler gets; and back.
//
// What is stored is the schema's input after JSON. The value becomes text first, and the schema judges what the text
// says, so that whoever enqueues and whoever runs judge exactly the same value; what the schema makes of it (dates,
// defaults, transforms) is thrown away when enqueueing and made again from the same text when running. Outputs and
// the data of declared failures go the same way with their own schemas.
//
// Before this file come the JSON rule and the judge. After it come the enqueue, the loop, and `result()`.

import { decode, encode } from "../kernel/index.js";
import { defaults } from "./defaults.js";
import { type Definition, definitionOf } from "./define.js";
import { InvalidInputError, InvalidOutputError } from "./errors.js";
import { type FoundIssue, isPromise, judge, type Verdict } from "./judge.js";
import type { Schema } from "./schema.js";
import type { MaybePromise } from "./types.js";
import { UpgradeError, upgraded } from "./upgrade.js";

/** An input that may be stored. */
export interface PreparedInput {
  /** JSON; undefined for a job without input. */
  readonly text: string | undefined;
  /** What the schema makes of it: what policy functions and the handler see. */
  readonly parsed: unknown;
}

/**
 * An input, judged and ready to be stored. A promise only when the schema is asynchronous.
 *
 * @throws InvalidInputError naming the job, and each issue with its path
 * @throws NotJsonError, TooLargeError
 */
export function prepareInput(
  contract: unknown,
  value: unknown,
  options?: { limit?: number },
): MaybePromise<PreparedInput> {
  const definition = definitionOf(contract);
  const text = encode(value, {
    what: `The input of job "${definition.name}"`,
    limit: options?.limit ?? defaults.inputLimit,
  });
  if (definition.input === undefined) {
    if (text === undefined) return { text, parsed: undefined };
    throw noInput(definition);
  }
  const refuse = (issues: readonly FoundIssue[], cause: unknown) =>
    refusedInput(definition, value, issues, cause);
  return map(accepted(definition.input, text, refuse), (parsed) => ({ text, parsed }));
}

/**
 * What the handler gets of a stored input. A promise only when the schema, or an upgrade, is asynchronous.
 *
 * @param version of the job that recorded it; an older one is made into this one first
 * @throws InvalidInputError when the job does not accept what is stored
 * @throws UpgradeError when it cannot be made into what this version takes
 */
export function parseStored(
  contract: unknown,
  text: string | undefined,
  version: number,
): MaybePromise<unknown> {
  const definition = definitionOf(contract);
  return map(currentInput(definition, text, version), (current) =>
    parsed(definition, current, refusalAt(definition, version)),
  );
}

/**
 * What the handler would get of an input that was recorded without the job, and is judged only now.
 *
 * @throws InvalidInputError
 */
export function parseUnchecked(contract: unknown, text: string | undefined): MaybePromise<unknown> {
  return parsed(definitionOf(contract), text, refusedUnchecked);
}

/**
 * The text of an input that a version of the job has recorded, as the version at hand would have recorded it.
 *
 * @throws UpgradeError
 */
export function upgradedInput(
  contract: unknown,
  text: string | undefined,
  version: number,
): MaybePromise<string | undefined> {
  return currentInput(definitionOf(contract), text, version);
}

function currentInput(
  { name, policy }: Definition,
  text: string | undefined,
  from: number,
): MaybePromise<string | undefined> {
  const { version, upgrade } = policy;
  if (upgrade === undefined || from >= version) return text;
  return upgraded({ job: name, version, upgrade }, text, from);
}

type Refusal = (definition: Definition, found: readonly FoundIssue[], cause: unknown) => Error;

/** How an input is refused that was recorded with a version of the job. */
function refusalAt({ policy }: Definition, version: number): Refusal {
  if (version >= policy.version) return refusedStored;
  return policy.upgrade === undefined ? refusedOlder(version) : refusedUpgraded(version);
}

function parsed(definition: Definition, text: string | undefined, refuse: Refusal): MaybePromise<unknown> {
  if (definition.input === undefined) {
    if (text === undefined) return undefined;
    throw noInput(definition);
  }
  return accepted(definition.input, text, (issues, cause) => refuse(definition, issues, cause));
}

/**
 * What is stored of a handler's return value. A promise only when the schema is asynchronous.
 *
 * @throws InvalidOutputError when the job's own `output` schema does not accept it
 * @throws NotJsonError, TooLargeError
 */
export function storeOutput(contract: unknown, value: unknown): MaybePromise<string | undefined> {
  const definition = definitionOf(contract);
  const text = encode(value, { what: `The output of job "${definition.name}"`, limit: defaults.inputLimit });
  if (definition.output === undefined) return text;
  const refuse = (issues: readonly FoundIssue[], cause: unknown) =>
    refusedOutput(`The output of job "${definition.name}"`, definition, issues, cause);
  return map(accepted(definition.output, text, refuse), () => text);
}

/**
 * What a caller gets of a stored output: parsed by the job's `output` schema when it has one, else as stored.
 *
 * @throws InvalidOutputError when the caller's schema does not accept what is stored
 */
export function parseOutput(contract: unknown, text: string | undefined): MaybePromise<unknown> {
  const definition = definitionOf(contract);
  if (definition.output === undefined) return text === undefined ? undefined : decode(text);
  return accepted(definition.output, text, (issues, cause) =>
    refusedOutput(`The stored output of job "${definition.name}"`, definition, issues, cause),
  );
}

/**
 * What is stored of the data of a failure, `ctx.fail(code, data)`. A promise only when the schema is asynchronous.
 *
 * @throws InvalidOutputError when the schema that the job declares for the code does not accept it
 * @throws NotJsonError, TooLargeError
 */
export function storeFailure(contract: unknown, code: string, data: unknown): MaybePromise<unknown> {
  const definition = definitionOf(contract);
  const what = `The data of failure "${code}" of job "${definition.name}"`;
  const text = encode(data, { what, limit: defaults.inputLimit });
  const stored = text === undefined ? undefined : decode(text);
  const schema = schemaOfFailure(definition, code);
  if (schema === undefined) return stored;
  return map(
    accepted(schema, text, (issues, cause) => refusedOutput(what, definition, issues, cause)),
    () => stored,
  );
}

/**
 * What a caller gets of the stored data of a failure: parsed by the schema declared for its code, when that accepts
 * it. It never refuses: the failure itself must reach the caller.
 */
export function parseFailure(
  contract: unknown,
  code: string | undefined,
  data: unknown,
): MaybePromise<unknown> {
  const schema = code === undefined ? undefined : schemaOfFailure(definitionOf(contract), code);
  if (schema === undefined) return data;
  return map(judge(schema, data), (verdict) => (verdict.issues === undefined ? verdict.value : data));
}

function schemaOfFailure(definition: Definition, code: string): Schema | undefined {
  return Object.hasOwn(definition.errors, code) ? definition.errors[code] : undefined;
}

/** What the schema makes of the text, or the refusal, thrown. */
function accepted(
  schema: Schema,
  text: string | undefined,
  refuse: (issues: readonly FoundIssue[], cause: unknown) => Error,
): MaybePromise<unknown> {
  const decide = (verdict: Verdict): unknown => {
    if (verdict.issues !== undefined) throw refuse(verdict.issues, verdict.cause);
    return verdict.value;
  };
  return map(judge(schema, text === undefined ? undefined : decode(text)), decide);
}

function map<A, B>(value: MaybePromise<A>, change: (value: A) => B): MaybePromise<B> {
  return isPromise(value) ? value.then(change) : change(value);
}

function noInput({ name }: Definition): InvalidInputError {
  const issue = { path: "$", message: "no input is expected" };
  return new InvalidInputError(
    `Job "${name}" takes no input and was given one. Declare it with \`input\`, or leave it out.`,
    { job: name, issues: [issue] },
  );
}

function refusedInput(
  { name }: Definition,
  given: unknown,
  found: readonly FoundIssue[],
  cause: unknown,
): InvalidInputError {
  const remedies = new Set(found.flatMap((issue) => remedyFor(valueAt(given, issue.steps))));
  const remedy = remedies.size === 0 ? "Pass what its input schema accepts." : [...remedies].join(" ");
  const message = `Job "${name}" does not accept this input: ${list(found)}. ${remedy}`;
  return new InvalidInputError(message, { job: name, issues: found.map(plain), cause });
}

function refusedStored(
  { name }: Definition,
  found: readonly FoundIssue[],
  cause: unknown,
): InvalidInputError {
  const message =
    `The stored input of job "${name}" is not what its handler accepts now: ${list(found)}. The schema has changed ` +
    `since the run was enqueued: accept both forms until the old runs are done, or raise the job's \`version\` and give it ` +
    "an `upgrade`; then retry this one.";
  return new InvalidInputError(message, { job: name, issues: found.map(plain), cause });
}

function refusedOlder(from: number): Refusal {
  return ({ name, policy }, found, cause) => {
    const message =
      `The stored input of job "${name}" was recorded with version ${from}, and version ${policy.version} does not accept ` +
      `it: ${list(found)}. Give the job an \`upgrade\` from version ${from}, then retry the run.`;
    return new InvalidInputError(message, { job: name, issues: found.map(plain), cause });
  };
}

function refusedUpgraded(from: number): Refusal {
  return ({ name, policy: { version } }, found, cause) =>
    new UpgradeError(`the schema does not accept what upgrade[${version - 1}] returned: ${list(found)}`, {
      job: name,
      from,
      to: version,
      issues: found.map(plain),
      cause,
    });
}

function refusedUnchecked(
  { name }: Definition,
  found: readonly FoundIssue[],
  cause: unknown,
): InvalidInputError {
  const message =
    `Job "${name}" does not accept the input that this run was recorded with: ${list(found)}. ` +
    "It was recorded without the job's definition, so it is judged only now: enqueue it again with what the job takes.";
  return new InvalidInputError(message, { job: name, issues: found.map(plain), cause });
}

function refusedOutput(
  what: string,
  { name }: Definition,
  found: readonly FoundIssue[],
  cause: unknown,
): InvalidOutputError {
  const message = `${what} is not what the schema it declares accepts: ${list(found)}. Return what that schema takes.`;
  return new InvalidOutputError(message, { job: name, issues: found.map(plain), cause });
}

function plain({ path, message }: FoundIssue): { path: string; message: string } {
  return { path, message };
}

const shown = 10;

function list(issues: readonly FoundIssue[]): string {
  const text = issues.slice(0, shown).map(({ path, message }) => `${path}: ${message}`);
  const more = issues.length - text.length;
  return more > 0 ? `${text.join("; ")}; and ${more} more` : text.join("; ");
}

/** A schema that wants a Date or a bigint itself can never accept what was stored: that deserves to be said. */
function remedyFor(value: unknown): string[] {
  if (value instanceof Date) {
    return [
      "A Date is stored as text: use a schema that reads it back, such as z.coerce.date() or z.iso.datetime().",
    ];
  }
  if (typeof value === "bigint") {
    return ["A bigint is stored as text: use a schema that reads it back, such as z.coerce.bigint()."];
  }
  return [];
}

function valueAt(value: unknown, steps: readonly PropertyKey[]): unknown {
  let found = value;
  for (const step of steps) {
    if (typeof found !== "object" || found === null) return undefined;
    found = Reflect.get(found, step);
  }
  return found;
}
