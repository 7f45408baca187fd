// From a transaction of the application's own library to what a store can write in.
//
// Before this file come adapters. After it come the verbs that take a `tx`.
import type { Adapter } from "../job/index.js";
import { InvalidOptionError } from "../kernel/index.js";

/** @throws InvalidOptionError where no adapter was named, InvalidTransactionError when it is no transaction of its library */
export function connectionOf(
  adapter: Pick<Adapter<unknown, boolean>, "connectionOf"> | undefined,
  transaction: unknown,
): unknown {
  if (adapter !== undefined) return adapter.connectionOf(transaction);
  throw new InvalidOptionError(
    "A `tx` was given, and duckdive does not know what it is: open(store, { with: … }) names the adapter, " +
      "such as sqlite(handle) of duckdive/with/sqlite.",
  );
}
