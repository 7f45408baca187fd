// Inputs that grow older: converting what an older version of a job was asked with into what this version takes.
//
// A run is stamped with the version of the definition that asked for it, and its input stays as it was recorded. Where a
// newer version executes it, each step from the one to the other is called in turn, and what it gives becomes JSON before
// the next one sees it, as if it had been recorded so. Nothing of that is stored: whatever is wrong with a step, the
// input is still there, and a retry converts it anew with the code of then.
//
// Before this file comes a job's definition. After it comes input.ts, where the current schema judges what came out.

import { DuckdiveError, decode, encode, InvalidOptionError } from "../kernel/index.js";
import { checkInteger, checkObject } from "./check.js";
import { defaults } from "./defaults.js";
import type { Issue } from "./errors.js";
import { isPromise } from "./judge.js";
import { show } from "./names.js";
import type { MaybePromise } from "./types.js";
import type { Upgrades } from "./upgrade-types.js";

/** An input that an older version recorded could not be made into what this version of the job takes. */
export class UpgradeError extends DuckdiveError {
  static readonly code = "UPGRADE_FAILED";
  readonly code: string = UpgradeError.code;
  readonly job: string;
  /** The version that the input was recorded with, and the one it was to be made for. */
  readonly from: number;
  readonly to: number;
  /** What the schema of `to` complains about, where it came to that. */
  readonly issues: readonly Issue[];

  constructor(
    what: string,
    at: { job: string; from: number; to: number; issues?: readonly Issue[]; cause?: unknown },
  ) {
    super(
      `The input of job "${at.job}" was recorded with version ${at.from} and cannot be made into one of version ${at.to}: ` +
        `${what}. The input is kept as it was recorded: correct \`upgrade\`, deploy, then retry the run.`,
      at,
    );
    this.job = at.job;
    this.from = at.from;
    this.to = at.to;
    this.issues = at.issues ?? [];
  }
}

/** Checks what a job declares. @throws InvalidOptionError */
export function resolveUpgrade(
  declared: unknown,
  version: number,
  where: string,
): { readonly upgrade?: Upgrades } {
  if (declared === undefined) return {};
  checkObject(declared, `${where}: upgrade`, "an object such as { 1: (old) => ({ ...old, tenant: null }) }");
  const versions = Object.keys(declared).map((key) => {
    const number = Number(key);
    checkInteger(number, 1, `A key of ${where}: upgrade`);
    if (number < version) return number;
    throw new InvalidOptionError(
      `${where}: upgrade has a step from version ${number}, and the job is at version ${version}. ` +
        `Raise its \`version\` to ${number + 1}: without that nobody can tell old inputs from new ones.`,
    );
  });
  const oldest = Math.min(...versions);
  for (let at = oldest; at < version; at += 1) {
    const step: unknown = Reflect.get(declared, at);
    if (typeof step === "function") continue;
    if (step !== undefined)
      throw new InvalidOptionError(
        `${where}: upgrade[${at}] is ${show(step)}. Use a function of the old input.`,
      );
    throw new InvalidOptionError(
      `${where}: upgrade has a step from version ${oldest} and none from version ${at}. Add it; where that version ` +
        `took the same input it is \`${at}: (old) => old\`.`,
    );
  }
  if (versions.length === 0) throw new InvalidOptionError(`${where}: upgrade has no step. Leave it out.`);
  return { upgrade: Object.freeze({ ...(declared as Upgrades) }) };
}

/**
 * The text of an input as the current version would have recorded it. A promise only where a step gives one.
 *
 * @throws UpgradeError
 */
export function upgraded(
  { job, version, upgrade }: { readonly job: string; readonly version: number; readonly upgrade: Upgrades },
  text: string | undefined,
  from: number,
): MaybePromise<string | undefined> {
  const fail = (what: string, cause?: unknown): UpgradeError =>
    new UpgradeError(what, { job, from, to: version, cause });

  function stored(value: unknown, at: number): string | undefined {
    try {
      return encode(value, { what: `what upgrade[${at}] returned`, limit: defaults.inputLimit });
    } catch (error) {
      throw fail(`upgrade[${at}] returned what cannot be stored: ${messageOf(error)}`, error);
    }
  }

  function advance(old: string | undefined, at: number): MaybePromise<string | undefined> {
    if (at >= version) return old;
    const step = upgrade[at];
    if (step === undefined) throw fail(`there is no upgrade[${at}]`);
    const threw = (error: unknown): never => {
      throw fail(`upgrade[${at}] threw ${messageOf(error)}`, error);
    };
    let value: unknown;
    try {
      value = step(old === undefined ? undefined : decode(old));
    } catch (error) {
      return threw(error);
    }
    if (!isPromise(value)) return advance(stored(value, at), at + 1);
    return Promise.resolve(value).then((late: unknown) => advance(stored(late, at), at + 1), threw);
  }

  return advance(text, from);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
