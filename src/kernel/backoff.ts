// How long to wait before the next try. Pure arithmetic: the rule, which attempt failed, and a random number.
//
// The cap bounds the wait and the jitter spreads it, in that order, so that a thousand runs that failed together do
// not come back together, at the cap as little as before it. Growth that runs out of numbers is the cap.
//
// Before this file comes a job's retry policy, parsed. After it comes the `runAt` of a run that will be tried again.

/** A retry policy, parsed. Times are milliseconds; `jitter` is a share: 0.2 is 20 % either way. */
export interface BackoffRule {
  kind: "fixed" | "linear" | "exponential";
  base: number;
  /** What an exponential wait is multiplied by at each attempt. */
  factor: number;
  cap: number;
  jitter: number;
}

/**
 * The wait in whole milliseconds after `attempt` (from 1) failed: from 0 to `cap * (1 + jitter)`.
 *
 * @param random gives a number from 0 up to 1, as Math.random does
 * @example backoff({ kind: "exponential", base: 5_000, factor: 3, cap: 21_600_000, jitter: 0 }, 3, Math.random) // 45000
 */
export function backoff(rule: BackoffRule, attempt: number, random: () => number): number {
  const capped = Math.min(growth(rule, Math.max(1, attempt)), rule.cap);
  const spread = capped * (1 + rule.jitter * (2 * random() - 1));
  return Math.max(0, Math.floor(spread));
}

function growth(rule: BackoffRule, attempt: number): number {
  switch (rule.kind) {
    case "fixed":
      return rule.base;
    case "linear":
      return rule.base * attempt;
    case "exponential":
      return rule.base === 0 ? 0 : rule.base * rule.factor ** (attempt - 1);
  }
}
