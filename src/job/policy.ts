// Reading a job's policy: once, where the job is defined, into numbers that nobody has to read again.
//
// A wrong policy is an error at import, naming the job, the option and the remedy, and not a surprise at the first
// retry. Durations become milliseconds, defaults are filled in, and a function that computes a backoff is wrapped so
// that what it gives back is checked each time.
//
// Before this file come the policy as written, the defaults, and rules.ts, which reads what makes runs wait for others. After it come the enqueue and the loop.

import {
  type BackoffRule,
  backoff as backoffAfter,
  checkOptions,
  type Duration,
  duration,
  InvalidOptionError,
} from "../kernel/index.js";
import type { BatchRule } from "./batch-types.js";
import { isContract } from "./brand.js";
import { checkInteger, checkObject, positive } from "./check.js";
import type { AnyContract } from "./contract.js";
import { defaults, priorities } from "./defaults.js";
import { type ResolvedIsolate, resolveIsolate } from "./isolate.js";
import { checkName, show } from "./names.js";
import type { Backoff, By, Policy, Retry } from "./policy-types.js";
import type { RunFailure, StoredError } from "./record.js";
import { checkPaths } from "./redact.js";
import { checkBy, type Fields, type Rules, resolveRules } from "./rules.js";
import { resolveUpgrade } from "./upgrade.js";
import type { Upgrades } from "./upgrade-types.js";

export type { Fields } from "./rules.js";

/** How long to wait after an attempt failed: a rule, or a function that gives milliseconds and is checked. */
export type ResolvedBackoff = BackoffRule | ((attempt: number) => number);

/** A job to enqueue, or a function to call, for a run that has failed for good. */
type ResolvedOnFailed =
  | { readonly job: AnyContract }
  | { readonly call: (failure: RunFailure) => void | Promise<void> };

/** Which runs a handler is given together; `wait` in milliseconds. */
export interface ResolvedBatch {
  readonly size: number;
  readonly wait: number;
  readonly by?: By<never>;
}

/** A policy as it is declared, for runs one by one or in batches. */
export type DeclaredPolicy = Policy<Fields> & { readonly batch?: BatchRule<Fields> };

/** A job's policy with everything filled in. Durations are whole milliseconds. */
export interface ResolvedPolicy {
  readonly queue: string;
  readonly priority: number;
  readonly attempts: number;
  readonly backoff: ResolvedBackoff;
  readonly when?: (error: StoredError) => boolean;
  readonly timeout: number;
  readonly crashes: number;
  readonly startWithin?: number;
  readonly finishWithin?: number;
  readonly keep: { readonly succeeded: number; readonly failed: number; readonly cancelled: number };
  readonly version: number;
  /** From the inputs of older versions to those of this one. */
  readonly upgrade?: Upgrades;
  /** Paths that people are not shown. */
  readonly redact?: readonly string[];
  readonly description?: string;
  /** Unique, lock, concurrency, rate and fair; absent when it has none of them. */
  readonly rules?: Rules;
  readonly onFailed?: ResolvedOnFailed;
  /** Events that it is enqueued for. */
  readonly events?: readonly string[];
  readonly batch?: ResolvedBatch;
  /** Absent: its handler runs in the worker itself. */
  readonly isolate?: ResolvedIsolate;
}

/** The names of all policy options. */
export const policyOptions = [
  "queue",
  "priority",
  "retry",
  "timeout",
  "crashes",
  "startWithin",
  "finishWithin",
  "unique",
  "lock",
  "concurrency",
  "rate",
  "fair",
  "keep",
  "onFailed",
  "on",
  "batch",
  "isolate",
  "version",
  "upgrade",
  "redact",
  "description",
] as const satisfies readonly (keyof DeclaredPolicy)[];

/**
 * Checks a policy and fills it in.
 *
 * @param where whose it is, for messages: `job "mail"`
 * @throws InvalidOptionError, InvalidDurationError
 */
export function resolvePolicy(declared: DeclaredPolicy, where: string): ResolvedPolicy {
  const { queue = defaults.queue, priority = defaults.priority, version = defaults.version } = declared;
  checkName(queue, `The queue of ${where}`);
  if (queue === "*") {
    throw new InvalidOptionError(
      `${where}: queue is "*", which stands for all queues. Give it a name of its own.`,
    );
  }
  checkInteger(priority, priorities.lowest, `${where}: priority`, priorities.highest);
  checkInteger(version, 1, `${where}: version`);
  const { crashes = defaults.crashes } = declared;
  checkInteger(crashes, 1, `${where}: crashes`);
  if (declared.batch !== undefined && declared.isolate !== undefined) {
    throw new InvalidOptionError(
      `${where} has both batch and isolate: a handler of many runs is called in its worker. Leave one of them out.`,
    );
  }
  const retry = resolveRetry(declared.retry, where);
  const rules = resolveRules(declared, where);
  return {
    queue,
    priority,
    ...retry,
    timeout: positive(declared.timeout ?? defaults.timeout, `${where}: timeout`),
    crashes,
    ...optional("startWithin", declared.startWithin, where),
    ...optional("finishWithin", declared.finishWithin, where),
    keep: resolveKeep(declared.keep, where),
    version,
    ...resolveUpgrade(declared.upgrade, version, where),
    ...(declared.redact === undefined ? {} : { redact: checkPaths(declared.redact, where) }),
    ...(declared.description === undefined ? {} : { description: text(declared.description, where) }),
    ...(rules === undefined ? {} : { rules }),
    ...resolveOnFailed(declared.onFailed, where),
    ...resolveEvents(declared.on, where),
    ...resolveBatch(declared.batch, where),
    ...resolveIsolate(declared.isolate, where),
  };
}

function optional<Name extends "startWithin" | "finishWithin">(
  name: Name,
  value: Duration | undefined,
  where: string,
): { [key in Name]?: number } {
  const found: { [key in Name]?: number } = {};
  if (value !== undefined) found[name] = positive(value, `${where}: ${name}`);
  return found;
}

function text(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw new InvalidOptionError(`${where}: description is ${show(value)}. Use a text.`);
}

/** A retry policy, filled in: for a job, and for a step. */
export function resolveRetry(
  retry: Retry | undefined,
  where: string,
): Pick<ResolvedPolicy, "attempts" | "backoff" | "when"> {
  if (retry !== undefined) {
    checkObject(retry, `${where}: retry`, "an object such as { attempts: 5 }");
    checkOptions(retry, ["attempts", "backoff", "when"], `retry of ${where}`);
  }
  const attempts = retry?.attempts ?? defaults.retry.attempts;
  checkInteger(attempts, 1, `${where}: retry.attempts`);
  const backoff = resolveBackoff(retry?.backoff ?? defaults.retry.kind, `${where}: retry.backoff`);
  if (retry?.when === undefined) return { attempts, backoff };
  if (typeof retry.when !== "function") {
    throw new InvalidOptionError(`${where}: retry.when is ${show(retry.when)}. Use a function of the error.`);
  }
  return { attempts, backoff, when: retry.when };
}

const kinds = ["fixed", "linear", "exponential"] as const;

function resolveBackoff(declared: Backoff, where: string): ResolvedBackoff {
  if (typeof declared === "function") {
    return (attempt) => duration(declared(attempt), `${where}(${attempt})`);
  }
  const given = typeof declared === "string" ? { kind: declared } : declared;
  checkObject(given, where, `${kinds.map(show).join(", ")}, an object or a function`);
  checkOptions(given, ["kind", "base", "cap", "jitter"], where);
  if (!kinds.includes(given.kind)) {
    throw new InvalidOptionError(`${where}: kind is ${show(given.kind)}. Use ${kinds.map(show).join(", ")}.`);
  }
  const { factor, jitter = defaults.retry.jitter } = { ...defaults.retry, ...given };
  const base = duration(given.base ?? defaults.retry.base, `${where}.base`);
  const cap =
    given.cap === undefined
      ? Math.max(base, duration(defaults.retry.cap, where))
      : duration(given.cap, `${where}.cap`);
  if (cap < base)
    throw new InvalidOptionError(`${where}: cap is shorter than base. Use a cap of at least the base.`);
  if (!(typeof jitter === "number" && jitter >= 0 && jitter <= 1)) {
    throw new InvalidOptionError(
      `${where}: jitter is ${show(jitter)}. Use a share from 0 to 1: 0.2 is 20 % either way.`,
    );
  }
  return { kind: given.kind, base, factor, cap, jitter };
}

/** The wait in milliseconds after `attempt` failed. */
export function retryDelay(backoff: ResolvedBackoff, attempt: number, random: () => number): number {
  return typeof backoff === "function" ? backoff(attempt) : backoffAfter(backoff, attempt, random);
}

function resolveKeep(declared: Policy<Fields>["keep"], where: string): ResolvedPolicy["keep"] {
  if (declared === false) return resolveKeep({ succeeded: defaults.keepShortly }, where);
  if (declared !== undefined) {
    checkObject(declared, `${where}: keep`, 'false, or an object such as { succeeded: "1d" }');
    checkOptions(declared, Object.keys(defaults.keep), `keep of ${where}`);
  }
  const { succeeded, failed, cancelled } = { ...defaults.keep, ...declared };
  return {
    succeeded: duration(succeeded ?? defaults.keep.succeeded, `${where}: keep.succeeded`),
    failed: duration(failed ?? defaults.keep.failed, `${where}: keep.failed`),
    cancelled: duration(cancelled ?? defaults.keep.cancelled, `${where}: keep.cancelled`),
  };
}

function resolveOnFailed(onFailed: unknown, where: string): Pick<ResolvedPolicy, "onFailed"> {
  if (onFailed === undefined) return {};
  if (isContract(onFailed)) return { onFailed: { job: onFailed } };
  if (typeof onFailed === "function")
    return { onFailed: { call: onFailed as (failure: RunFailure) => void | Promise<void> } };
  throw new InvalidOptionError(
    `${where}: onFailed is ${show(onFailed)}. Use a job that takes the failure, or a function of it.`,
  );
}

function resolveEvents(on: unknown, where: string): Pick<ResolvedPolicy, "events"> {
  if (on === undefined) return {};
  const events: readonly unknown[] = Array.isArray(on) ? on : [on];
  if (events.length === 0) throw new InvalidOptionError(`${where}: on names no event. Leave it out.`);
  for (const event of events) checkName(event, `An event in \`on\` of ${where}`);
  return { events: [...new Set(events as readonly string[])] };
}

const largestBatch = 1_000;

function resolveBatch(batch: BatchRule<Fields> | undefined, where: string): Pick<ResolvedPolicy, "batch"> {
  if (batch === undefined) return {};
  checkObject(batch, `${where}: batch`, 'an object such as { size: 100, wait: "1s" }');
  checkOptions(batch, ["size", "wait", "by"], `batch of ${where}`);
  const { size, wait = defaults.batchWait, by } = batch;
  checkInteger(size, 1, `${where}: batch.size`, largestBatch);
  if (by !== undefined) checkBy(by, `${where}: batch.by`);
  return {
    batch: {
      size,
      wait: duration(wait, `${where}: batch.wait`),
      ...(by === undefined ? {} : { by: by as By<never> }),
    },
  };
}
