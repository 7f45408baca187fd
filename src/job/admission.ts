// What a job's policy makes of one input: the gates its run has to pass, its unique key, and whose share it takes from.
//
// Pure: the same policy and input give the same answer, in every process, since runs meet at a gate only when their keys
// are equal. It is worked out by whoever records the run and stored with it, so a deploy that changes a rule holds for
// the runs recorded after it.
//
// Before this file come the rules, checked, and the parsed input. After it comes the request to the store.
import { InvalidOptionError } from "../kernel/index.js";
import { type KeyPlace, keyOf, lockKeyOf, type Part, partOf, shareOf } from "./key.js";
import type { ResolvedBatch, ResolvedPolicy } from "./policy.js";
import type { GateRule, Rules, UniqueRule } from "./rules.js";

/** A gate of a run, its key worked out. Times in milliseconds. */
interface AdmissionGate {
  readonly kind: "lock" | "limit" | "rate";
  readonly key: string;
  readonly limit: number;
  readonly per?: number;
  readonly burst?: number;
  readonly hold?: "run" | "attempt";
}

/** The unique rule of a run, its key worked out. */
type AdmissionUnique = Omit<UniqueRule, "by"> & { readonly key: string };

export interface Admission {
  readonly gates?: readonly AdmissionGate[];
  readonly unique?: AdmissionUnique;
  readonly fair?: string;
}

const nothing: Admission = {};

/**
 * The admission of a run of this job with this input, which is what its schema gave out.
 *
 * @throws InvalidKeyError: a function of the policy threw, or gave neither a text nor null
 */
export function admissionOf(
  { rules }: Pick<ResolvedPolicy, "rules">,
  job: string,
  parsedInput: unknown,
): Admission {
  if (rules === undefined) return nothing;
  const gates = gatesOf(rules, job, parsedInput);
  const unique = uniqueOf(rules, job, parsedInput);
  const fair =
    rules.fair === undefined ? undefined : partOf(rules.fair, parsedInput, { job, option: "fair.by" });
  return {
    ...(gates.length === 0 ? {} : { gates }),
    ...(unique === undefined ? {} : { unique }),
    ...(fair === undefined ? {} : { fair: shareOf(fair) }),
  };
}

function gatesOf({ gates }: Rules, job: string, input: unknown): AdmissionGate[] {
  return gates.flatMap((rule) => {
    const part = rule.by === undefined ? undefined : partOf(rule.by, input, { job, option: rule.option });
    if (part === undefined && rule.by !== undefined) return [];
    return [gateOf(rule, job, part)];
  });
}

function gateOf(rule: GateRule, job: string, part: Part | undefined): AdmissionGate {
  const { kind, limit } = rule;
  if (kind === "lock" && part !== undefined)
    return { kind, key: lockKeyOf(job, part), limit, hold: rule.hold };
  const owner = rule.name === undefined ? { job } : { shared: rule.name };
  const key = keyOf(owner, rule.ordinal, part);
  return kind === "rate" ? { kind, key, limit, per: rule.per, burst: rule.burst } : { kind, key, limit };
}

function uniqueOf({ unique }: Rules, job: string, input: unknown): AdmissionUnique | undefined {
  if (unique === undefined) return undefined;
  const { by, ...rule } = unique;
  const place: KeyPlace = { job, option: "unique.by" };
  const part = by === undefined ? undefined : partOf(by, input, place);
  if (part === undefined && by !== undefined) return undefined;
  return { ...rule, key: keyOf({ job }, 1, part) };
}

/**
 * The whole name of a unique key, by the text that `unique.by` of the job made of an input.
 *
 * @throws InvalidOptionError when the runs of the job are not unique by a text
 */
export function uniqueKeyOf({ unique }: Pick<Rules, "unique">, job: string, text: string): string {
  if (typeof unique?.by === "function") return keyOf({ job }, 1, { text });
  throw new InvalidOptionError(
    `Job "${job}" has no unique key that is a text, so that no run of it is known by "${text}". Give it one, such as ` +
      "`unique: { by: (input) => input.orderId }`, or name the run by its id.",
  );
}

/**
 * Which runs of a batch job a run with this input goes together with: those of one key; undefined: it goes alone.
 *
 * @throws InvalidKeyError
 */
export function batchKeyOf(
  { by }: Pick<ResolvedBatch, "by">,
  job: string,
  parsedInput: unknown,
): string | undefined {
  if (by === undefined) return "";
  const part = partOf(by, parsedInput, { job, option: "batch.by" });
  return part === undefined ? undefined : keyOf({ job }, 1, part);
}
