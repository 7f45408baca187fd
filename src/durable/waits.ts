// Waiting for time and for signals: `ctx.sleep`, `ctx.until`, `ctx.waitFor`.
//
// A wait is an entry and nothing else: while the run is suspended on it, it costs a row. The store settles what a signal
// brings; what only time brings is settled by the execution that finds it due, where it may still lose against a signal
// that has come meanwhile: what is settled first on record counts.
//
// Before this file comes the engine. After it comes `ctx`.
import { parseSignal, type Signal, type Wait } from "../job/index.js";
import { type Duration, duration, InvalidOptionError } from "../kernel/index.js";
import type { Entry, Moment } from "../store/contract.js";
import { type CallParts, isDue } from "./parts.js";

export function sleep(parts: CallParts, name: string, length: Duration): Wait<void> {
  return sleepUntil(parts, name, { after: duration(length, `ctx.sleep "${name}"`) });
}

/** @throws InvalidOptionError when it is no time */
export function until(parts: CallParts, name: string, date: Date | string): Wait<void> {
  const at = new Date(date).getTime();
  if (!Number.isNaN(at)) return sleepUntil(parts, name, { at });
  throw new InvalidOptionError(
    `ctx.until "${name}" was given ${String(date)}. Use a Date, or a text such as 2026-01-31T09:00Z.`,
  );
}

function sleepUntil({ engine, now }: CallParts, name: string, due: Moment): Wait<void> {
  const entry = { name, kind: "sleep" } as const;
  return engine.call({
    ...entry,
    read: () => {},
    begin(known) {
      if (known === undefined) engine.write({ ...entry, state: "pending", due });
      else if (isDue(known, now)) engine.write({ ...entry, state: "done" });
    },
  });
}

/** The payload; undefined when the timeout is over before it has come. */
export function waitFor(
  { engine, now }: CallParts,
  name: string,
  signal: Signal<string, unknown, unknown>,
  options: { readonly timeout?: Duration } = {},
): Wait<unknown> {
  const entry = { name, kind: "signal", hash: signal.name } as const;
  const timeout =
    options.timeout === undefined
      ? undefined
      : duration(options.timeout, `The timeout of ctx.waitFor "${name}"`);
  return engine.call({
    ...entry,
    read: ({ state, value }: Entry) => (state === "failed" ? undefined : parseSignal(signal, value)),
    begin(known) {
      if (known === undefined) {
        engine.write({
          ...entry,
          state: "pending",
          ...(timeout === undefined ? {} : { due: { after: timeout } }),
        });
      } else if (isDue(known, now)) engine.write({ ...entry, state: "failed" });
    },
  });
}
