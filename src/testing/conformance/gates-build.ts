// Small makers of runs with gates, and the readings that the chapters about them take.
import assert from "node:assert/strict";
import type { Claimed, Gate, NewRun, Store } from "../../store/contract.js";
import { insertOne, stored } from "./build.js";
import type { Bench } from "./suite.js";

export function limit(key: string, count: number): Gate {
  return { kind: "limit", key, limit: count };
}

export function lock(key: string, hold: "run" | "attempt" = "run"): Gate {
  return { kind: "lock", key, limit: 1, hold };
}

/** Records runs one after another, each a moment younger than the one before; answers their ids. */
export async function inARow(
  { store, clock }: Bench,
  ...runs: readonly Partial<NewRun>[]
): Promise<string[]> {
  const ids: string[] = [];
  for (const fields of runs) {
    ids.push(await insertOne(store, fields));
    await clock.advance(1);
  }
  return ids;
}

export function runsOf(claimed: readonly Claimed[]): string[] {
  return claimed.map(({ run }) => run);
}

/** It is parked at this gate, and has never started. */
export async function isInLine(store: Store, id: string, on: string): Promise<void> {
  const { state, waiting, attempt } = await stored(store, id);
  assert.deepEqual(
    { state, waiting, attempt },
    { state: "waiting", waiting: { reason: "admission", on }, attempt: 0 },
  );
}
