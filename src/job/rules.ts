// Reading the rules of a policy that decide which runs may be recorded, and which may run at the same time: unique,
// lock, concurrency, rate, fair.
//
// Each becomes plain data with durations in milliseconds; what cannot be meant is refused where the job is defined. A
// lock, a limit and a rate are all gates: the claim takes all gates of a run or none. Locks and limits stand before
// rates, since a rate is paid and cannot be given back.
//
// Before this file comes the policy as written. After it come policy.ts, which reads the rest, and admission.ts.
import {
  checkOptions,
  type Duration,
  duration,
  formatDuration,
  InvalidOptionError,
} from "../kernel/index.js";
import { checkInteger, checkObject, positive } from "./check.js";
import { defaults } from "./defaults.js";
import { checkName, show } from "./names.js";
import type { By, Limit, OnConflict, Policy, Rate, Unique } from "./policy-types.js";
import type { State } from "./record.js";

/** The parsed input of some job: its fields are not known, only that it has some. */
export type Fields = Record<string, unknown>;

/** A `by` whose function is given whatever the schema gave out. */
type AnyBy = By<never>;

/** A lock, a limit or a rate, as it is for every run of the job. */
export type GateRule = {
  /** Where it stands in the policy: `concurrency[1].by`. */
  readonly option: string;
  readonly by?: AnyBy | undefined;
  /** What jobs that use it share. */
  readonly name?: string | undefined;
  /** From 1: the rules of one kind that would have equal keys are told apart by their order. */
  readonly ordinal: number;
  readonly limit: number;
} & (
  | { readonly kind: "lock"; readonly hold: "run" | "attempt" }
  | { readonly kind: "limit" }
  | { readonly kind: "rate"; readonly per: number; readonly burst: number }
);

export interface UniqueRule {
  readonly by?: AnyBy | undefined;
  readonly while?: readonly State[];
  readonly window?: number;
  readonly onConflict:
    | { readonly kind: "ignore" | "reject" }
    | { readonly kind: "replace"; readonly fields: readonly Replaced[] }
    | { readonly kind: "debounce"; readonly delay: number; readonly atMost?: number };
}

export interface Rules {
  readonly gates: readonly GateRule[];
  readonly unique?: UniqueRule;
  readonly fair?: AnyBy;
}

type Replaced = (typeof replaceable)[number];

const mostGates = 8;
const live = ["scheduled", "ready", "waiting", "running"] as const;
const resting = ["scheduled", "ready", "waiting"] as const;
const replaceable = ["input", "runAt", "priority"] as const;
/** A rate lets so much of itself start at once, in milliseconds: it feels as a rate, and a claim takes more than one. */
const burstTime = 100;

/**
 * The rules of a policy; undefined when it has none, as most.
 *
 * @throws InvalidOptionError, InvalidDurationError
 */
export function resolveRules(declared: Policy<Fields>, where: string): Rules | undefined {
  const { unique, fair } = declared;
  const gates = numbered([
    ...locksOf(declared.lock, where),
    ...listOf(declared.concurrency).map(([limit, at]) => limitOf(limit, `concurrency${at}`, where)),
    ...listOf(declared.rate).map(([rate, at]) => rateOf(rate, `rate${at}`, where)),
  ]);
  if (gates.length > mostGates) {
    throw new InvalidOptionError(
      `${where} has ${gates.length} locks, limits and rates. Use ${mostGates} at most: each is asked at every start.`,
    );
  }
  if (gates.length === 0 && unique === undefined && fair === undefined) return undefined;
  return {
    gates,
    ...(unique === undefined ? {} : { unique: uniqueOf(unique, where) }),
    ...(fair === undefined ? {} : { fair: fairOf(fair, where) }),
  };
}

function listOf<T>(value: T | readonly T[] | undefined): (readonly [T, string])[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [[value as T, ""]];
  return value.map((one: T, position) => [one, `[${position}]`] as const);
}

/** @throws InvalidOptionError */
export function checkBy(by: unknown, where: string): asserts by is AnyBy {
  if (typeof by === "function" || (typeof by === "string" && by !== "")) return;
  const isList = Array.isArray(by) && by.length > 0;
  if (isList && by.every((name) => typeof name === "string" && name !== "")) {
    if (new Set(by).size === by.length) return;
    throw new InvalidOptionError(`${where} names a field twice. Name each once.`);
  }
  throw new InvalidOptionError(
    `${where} is ${show(by)}. Use a field of the input, a list of fields, or a function that gives a text or null.`,
  );
}

// ── Gates ───────────────────────────────────────────────────────────────────────────────────────────────────────

type Unnumbered<Rule = GateRule> = Rule extends GateRule ? Omit<Rule, "ordinal"> : never;

function locksOf(lock: Policy<Fields>["lock"], where: string): Unnumbered[] {
  if (lock === undefined) return [];
  const isBare = typeof lock !== "object" || lock === null || Array.isArray(lock);
  const given = isBare ? { by: lock } : (lock as { by: AnyBy; hold?: "run" | "attempt" });
  checkOptions(given, ["by", "hold"], `lock of ${where}`);
  const { by, hold = defaults.lockHold } = given as { by: unknown; hold?: unknown };
  checkBy(by, `${where}: lock`);
  if (hold !== "run" && hold !== "attempt") {
    throw new InvalidOptionError(`${where}: lock.hold is ${show(hold)}. Use "run" or "attempt".`);
  }
  return [{ kind: "lock", option: isBare ? "lock" : "lock.by", by, limit: 1, hold }];
}

function limitOf(declared: Limit<Fields>, option: string, where: string): Unnumbered {
  checkObject(declared, `${where}: ${option}`, "an object such as { limit: 4 }");
  checkOptions(declared, ["limit", "by", "name"], `${option} of ${where}`);
  return { kind: "limit", ...commonOf(declared, option, where) };
}

function rateOf(declared: Rate<Fields>, option: string, where: string): Unnumbered {
  checkObject(declared, `${where}: ${option}`, 'an object such as { limit: 100, per: "1m" }');
  checkOptions(declared, ["limit", "per", "by", "burst", "name"], `${option} of ${where}`);
  const common = commonOf(declared, option, where);
  const per = positive(declared.per, `${where}: ${option}.per`);
  const { burst = Math.max(1, Math.ceil((common.limit * burstTime) / per)) } = declared;
  checkInteger(burst, 1, `${where}: ${option}.burst`);
  return { kind: "rate", ...common, per, burst };
}

function commonOf(
  { limit, by, name }: Limit<Fields>,
  option: string,
  where: string,
): { option: string; limit: number; by?: AnyBy; name?: string } {
  checkInteger(limit, 1, `${where}: ${option}.limit`);
  if (by !== undefined) checkBy(by, `${where}: ${option}.by`);
  if (name !== undefined) checkName(name, `${option} of ${where}`);
  return {
    option: `${option}.by`,
    limit,
    ...(by === undefined ? {} : { by: by as AnyBy }),
    ...(name === undefined ? {} : { name }),
  };
}

/** Ten a second and a thousand an hour, both by account, are two rates: they must not meet under one key. */
function numbered(rules: readonly Unnumbered[]): GateRule[] {
  const seen = new Map<string, number>();
  return rules.map((rule) => {
    const { kind, name, by } = rule;
    const alike = JSON.stringify([kind, name ?? null, typeof by === "function" ? "()" : [by].flat()]);
    const ordinal = (seen.get(alike) ?? 0) + 1;
    seen.set(alike, ordinal);
    return { ...rule, ordinal };
  });
}

// ── Unique and fair ─────────────────────────────────────────────────────────────────────────────────────────────

function uniqueOf(declared: Unique<Fields>, where: string): UniqueRule {
  checkObject(declared, `${where}: unique`, 'an object such as { by: "userId" }');
  checkOptions(declared, ["by", "onConflict", "while", "for"], `unique of ${where}`);
  const { by, onConflict: conflict = defaults.onConflict, while: states } = declared;
  if (by !== undefined) checkBy(by, `${where}: unique.by`);
  if (declared.for !== undefined && states !== undefined) {
    throw new InvalidOptionError(`${where}: unique has both "for" and "while". Use one of them.`);
  }
  const onConflict = conflictOf(conflict, where);
  const held =
    declared.for === undefined
      ? { while: statesOf(states ?? statesFor(onConflict), where) }
      : { window: positive(declared.for, `${where}: unique.for`) };
  return { ...(by === undefined ? {} : { by: by as AnyBy }), ...held, onConflict };
}

/** A run that has begun cannot be changed any more: what came after it would be dropped if it kept the key. */
function statesFor({ kind }: UniqueRule["onConflict"]): readonly State[] {
  return kind === "replace" || kind === "debounce" ? resting : live;
}

function statesOf(states: unknown, where: string): readonly State[] {
  const isList = Array.isArray(states) && states.length > 0;
  if (isList && states.every((state) => live.some((known) => known === state))) return [...new Set(states)];
  throw new InvalidOptionError(
    `${where}: unique.while is ${Array.isArray(states) ? JSON.stringify(states) : show(states)}. ` +
      `Use a list of ${live.map(show).join(", ")}.`,
  );
}

function conflictOf(conflict: OnConflict, where: string): UniqueRule["onConflict"] {
  if (conflict === "ignore" || conflict === "reject") return { kind: conflict };
  const option = `${where}: unique.onConflict`;
  checkObject(conflict, option, '"ignore", "reject", { replace: […] } or { debounce: "1m" }');
  if ("replace" in conflict) {
    checkOptions(conflict, ["replace"], option);
    return { kind: "replace", fields: replacedOf(conflict.replace, option) };
  }
  checkOptions(conflict, ["replace", "debounce", "atMost"], option);
  return debounceOf(conflict, option);
}

function replacedOf(fields: unknown, option: string): readonly Replaced[] {
  const isList = Array.isArray(fields) && fields.length > 0;
  if (isList && fields.every((field) => replaceable.some((known) => known === field)))
    return [...new Set(fields as Replaced[])];
  throw new InvalidOptionError(
    `${option}.replace is ${Array.isArray(fields) ? JSON.stringify(fields) : show(fields)}. ` +
      `Use a list of ${replaceable.map(show).join(", ")}.`,
  );
}

function debounceOf(
  { debounce, atMost }: { debounce?: Duration; atMost?: Duration },
  option: string,
): UniqueRule["onConflict"] {
  if (debounce === undefined) {
    throw new InvalidOptionError(
      `${option} says neither what to replace nor for how long to debounce. Use { debounce: "1m" }.`,
    );
  }
  const delay = positive(debounce, `${option}.debounce`);
  if (atMost === undefined) return { kind: "debounce", delay };
  const most = duration(atMost, `${option}.atMost`);
  if (most >= delay) return { kind: "debounce", delay, atMost: most };
  throw new InvalidOptionError(
    `${option}.atMost is shorter than debounce. Use at least ${formatDuration(delay)}.`,
  );
}

function fairOf(declared: NonNullable<Policy<Fields>["fair"]>, where: string): AnyBy {
  checkObject(declared, `${where}: fair`, 'an object such as { by: "tenant" }');
  checkOptions(declared, ["by"], `fair of ${where}`);
  checkBy(declared.by, `${where}: fair.by`);
  return declared.by as AnyBy;
}
