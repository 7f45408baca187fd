// What a handler may return beside its output: the end it wants for this execution.
//
// An outcome is a value that is returned, never thrown, so that no `catch` on the way can swallow it. To the type
// system it is opaque and carries the type of the output it stands for; at run time it is one of a few plain objects,
// marked by a symbol that every copy of the package shares.
//
// Before this file comes nothing. After it come `ctx.fail` and its kin, and the loop, which reads what was returned.

declare const outcome: unique symbol;

/** The end that a handler asks for. Made by `ctx.fail`, `ctx.snooze` …, and returned. */
export interface Outcome<O = never> {
  readonly [outcome]: O;
}

const brand = Symbol.for("duckdive.outcome");

/** An outcome at run time. Durations are milliseconds; `fn` is called with the transaction that ends the run. */
export type OutcomeValue =
  | { readonly kind: "fail"; readonly code?: string; readonly reason?: string; readonly data?: unknown }
  | { readonly kind: "cancel"; readonly reason: string }
  | { readonly kind: "snooze"; readonly milliseconds: number }
  | { readonly kind: "rateLimited"; readonly milliseconds: number }
  | { readonly kind: "restart"; readonly input: unknown }
  | { readonly kind: "succeed"; readonly fn: (tx: never) => unknown };

function make<Value extends OutcomeValue>(value: Value): Value {
  return Object.freeze(Object.defineProperty(value, brand, { value: true }));
}

/** Makes outcomes. `fail` with data is a declared failure, by code; without, it is a reason in words. */
export const outcomes = {
  fail: (codeOrReason: string, ...data: [data?: unknown]): OutcomeValue =>
    data.length === 0
      ? make({ kind: "fail", reason: codeOrReason })
      : make({ kind: "fail", code: codeOrReason, data: data[0] }),
  cancel: (reason: string): OutcomeValue => make({ kind: "cancel", reason }),
  snooze: (milliseconds: number): OutcomeValue => make({ kind: "snooze", milliseconds }),
  rateLimited: (milliseconds: number): OutcomeValue => make({ kind: "rateLimited", milliseconds }),
  restart: (input: unknown): OutcomeValue => make({ kind: "restart", input }),
  succeed: (fn: (tx: never) => unknown): OutcomeValue => make({ kind: "succeed", fn }),
};

/** Whether a returned value is an outcome and not an output. */
export function isOutcome(value: unknown): value is OutcomeValue {
  return typeof value === "object" && value !== null && brand in value;
}
