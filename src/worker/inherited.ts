// The locks that a run's children share with it: those that it holds for as long as it lives, and those of its ancestors.
//
// A parent that waits for a child keeps its lock; a child with the same lock would wait for it for ever. Read once in an
// execution, and only when a child has a lock.
//
// Before this file comes the store. After it come the children of a handler.
import type { Store } from "../store/contract.js";

/** Reads the keys of the locks that a run and its ancestors hold; the second call is given what the first one read. */
export function inheritedLocks(
  store: Pick<Store, "standing" | "find">,
  run: string,
): () => Promise<ReadonlySet<string>> {
  let reading: Promise<ReadonlySet<string>> | undefined;
  return () => {
    reading ??= read(store, run);
    return reading;
  };
}

async function read(store: Pick<Store, "standing" | "find">, run: string): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (let next: string | undefined = run; next !== undefined; ) {
    for (const { kind, key, hold, isHolding } of await store.standing(next)) {
      if (kind === "lock" && hold === "run" && isHolding) keys.add(key);
    }
    const [found] = await store.find([next]);
    next = found?.parent;
  }
  return keys;
}
