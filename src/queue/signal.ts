// Sending a signal: to a run by its id, or to whichever run has a unique key.
//
// Before this file come signals and keys. After it comes the client.
import {
  type AnyContract,
  definitionOf,
  policyOf,
  type Signal,
  storeSignal,
  uniqueKeyOf,
} from "../job/index.js";
import { checkOptions, InvalidOptionError, newId } from "../kernel/index.js";
import type { NewSignal, Store } from "../store/contract.js";
import type { Access } from "./access.js";
import { SignalUnheardError } from "./errors.js";
import { checkId } from "./request.js";

interface SignalOptions {
  readonly tx?: unknown;
  readonly id?: string;
}

/** Which run a signal is for, as senders say it. */
type SignalTarget = string | { readonly id: string } | { readonly job: AnyContract; readonly key: string };

type Send = (
  target: SignalTarget,
  signal: Signal<string, unknown, unknown>,
  payload: unknown,
  options?: SignalOptions,
) => Promise<void>;

export function createSend(parts: {
  readonly access: Access;
  readonly store: Store;
  readonly connectionOf: (transaction: unknown) => unknown;
}): Send {
  const { access, store, connectionOf } = parts;
  return async (target, signal, payload, options = {}) => {
    checkOptions(options, ["tx", "id"], "duckdive.signal()");
    if (options.id !== undefined) checkId(options.id);
    const to = addressOf(target);
    const sent: NewSignal = {
      id: options.id ?? newId(),
      to,
      name: signal.name,
      payload: await storeSignal(signal, payload),
    };
    await access.opening();
    const [isHeard] =
      options.tx === undefined
        ? await store.signal([sent])
        : await store.signalIn(connectionOf(options.tx), [sent]);
    // Sent to a key, it is kept for whoever gets that next.
    if (!isHeard && "run" in to) throw new SignalUnheardError({ signal: signal.name, runId: to.run });
  };
}

function addressOf(target: SignalTarget): NewSignal["to"] {
  if (typeof target === "string") return addressOf({ id: target });
  if (typeof target === "object" && target !== null) {
    if ("id" in target) {
      checkId(target.id);
      return { run: target.id };
    }
    if ("job" in target && typeof target.key === "string") {
      const { name } = definitionOf(target.job);
      return { job: name, key: uniqueKeyOf(policyOf(target.job).rules ?? {}, name, target.key) };
    }
  }
  throw new InvalidOptionError(
    "duckdive.signal() needs to know for whom: a run, its id, or { job, key } with the unique key that the run has.",
  );
}
