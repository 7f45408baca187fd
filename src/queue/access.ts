// The store, opened when it is first needed and not before.
//
// `open()` is synchronous, so that a module may export its client; a database that is down is then an error of the
// first call and not a crash at import. An opening that failed is tried again by the next call. After close nothing
// opens it again.
//
// Before this file comes the composition root, with a store. After it comes everything in `queue/` that needs it open.
import type { Store } from "../store/contract.js";
import { ClosedError } from "./errors.js";

export interface Access {
  readonly store: Store;
  /** Undefined when the store is open: an enqueue has no time for a promise that says nothing. */
  opening(): Promise<void> | undefined;
  /**
   * For those who bring a connection of their own: opening would wait for the lock that their transaction holds.
   *
   * @throws ClosedError
   */
  refuseClosed(): void;
  close(): Promise<void>;
}

export function createAccess(store: Store): Access {
  let isOpen = false;
  let opening: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function open(): Promise<void> {
    try {
      await store.open();
      isOpen = closing === undefined;
    } finally {
      opening = undefined;
    }
  }

  return {
    store,
    opening() {
      if (isOpen) return undefined;
      if (closing !== undefined) return Promise.reject(closedError());
      opening ??= open();
      return opening;
    },
    refuseClosed() {
      if (closing !== undefined) throw closedError();
    },
    close() {
      isOpen = false;
      closing ??= (opening ?? Promise.resolve()).catch(() => {}).then(() => store.close());
      return closing;
    },
  };
}

function closedError(): ClosedError {
  return new ClosedError("Nothing can be asked any more");
}
