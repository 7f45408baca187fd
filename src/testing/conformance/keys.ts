// Runs with a unique key, and what a request for one is answered.
import assert from "node:assert/strict";
import type { Inserted, NewRun, Store, Unique } from "../../store/contract.js";
import { aRun, only } from "./build.js";

/** The states of a run that has not ended. */
export const live = ["scheduled", "ready", "running", "waiting"] as const;

/** The fields of a run with a key, held while it has not ended unless told. */
export function keyed(unique: Partial<Unique> = {}): Partial<NewRun> & { readonly unique: Unique } {
  return { unique: { key: "k", while: live, onConflict: { kind: "ignore" }, ...unique } };
}

/** Asks for a run, and answers what became of that. */
export async function request(store: Store, fields: Partial<NewRun>): Promise<Inserted> {
  return only(await store.insert([aRun(fields)]));
}

/** Insists that a request gets this run. */
export async function meets(store: Store, id: string, fields: Partial<NewRun> = keyed()): Promise<void> {
  assert.deepEqual(await request(store, fields), { id, created: false });
}
