// The store, as handlers in an isolate have it.
//
// What they ask for goes to the worker, and is done there, on its connection and in its commits. Only what is written in a
// transaction of the application's own cannot: that transaction is here, and so is the connection. For this there is a store
// of the isolate's own, which is opened when it is first needed.
//
// Before this file come the questions to the worker. After it come the durable calls and the transactions of a handler.
import { InvalidOptionError } from "../../kernel/index.js";
import type { Settlement } from "../../run/index.js";
import type { Store } from "../../store/contract.js";
import { servedVerbs } from "../index.js";
import type { Calls } from "./calls.js";

export interface RemoteStore {
  readonly store: Store;
  /** What the time is on the store's clock. */
  setTime(now: number): void;
}

export function createRemoteStore(calls: Calls, own: (() => Store) | undefined): RemoteStore {
  let ahead = 0;
  let opening: Promise<Store> | undefined;

  function local(): Promise<Store> {
    opening ??= open(own).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  }

  const served = servedVerbs.map((verb): [string, unknown] => [
    verb,
    (...given: readonly unknown[]) => calls.ask(verb, given),
  ]);
  const here: Partial<Store> = {
    now: () => Date.now() + ahead,
    open: async () => {},
    close: async () => {},
    watch: () => () => {},
    recordIn: async (transaction, write) => (await local()).recordIn(transaction, write),
    settleIn: async (transaction, settlement, notes) =>
      (await local()).settleIn(transaction, settlement, notes),
    insertIn: async (transaction, runs, batches) => (await local()).insertIn(transaction, runs, batches),
    committed(settlement: Settlement) {
      void local().then((store) => store.committed(settlement));
      void calls.ask("committed", [settlement]);
    },
  };
  const verbs: Record<string, unknown> = { ...Object.fromEntries(served), ...here };
  const store = new Proxy({} as Store, {
    get: (_store, verb) => verbs[String(verb)] ?? (() => Promise.reject(notHere(String(verb)))),
    has: (_store, verb) => String(verb) in verbs,
  });
  return {
    store,
    setTime(now) {
      ahead = now - Date.now();
    },
  };
}

async function open(own: (() => Store) | undefined): Promise<Store> {
  if (own === undefined) {
    throw new InvalidOptionError(
      "An isolated handler works in a transaction of its own connection, and its isolate knows no store to write with. " +
        "Export a configuration beside the jobs: `export default config({ store, with, jobs })`.",
    );
  }
  const store = own();
  await store.open();
  return store;
}

function notHere(verb: string): TypeError {
  return new TypeError(`A handler in an isolate cannot call ${verb} of the store: that is its worker's.`);
}
