// Messages to a worker: each is acted on once, and the store is told that it was heard.
//
// A message comes with every pulse until the store knows that it was heard, and that answer may be lost; so the worker
// remembers which it has acted on. One that ends the worker is told as heard before it is acted on: afterwards there
// would be nobody left to say so, and the next worker under the same command would never have been meant.
//
// Before this file comes the pulse. After it come the worker's deeds.
import type { Message } from "../store/contract.js";

const remembered = 1_000;

/** What a message asks for: nothing, or something to be done now, or once the store knows that it was heard. */
export interface Deed {
  readonly now?: () => void;
  readonly afterwards?: () => void;
}

export interface Hearing {
  /** Acts on what is new and tells the store; resolves when that is done. Never rejects. */
  hear(messages: readonly Message[]): Promise<void>;
}

export function createHearing(parts: {
  readonly heard: (ids: readonly string[]) => Promise<void>;
  /** Reads a message. One that cannot be read throws: it is reported, and counts as heard. */
  readonly read: (message: Message) => Deed;
  readonly onError: (error: unknown) => void;
}): Hearing {
  const { heard, read, onError } = parts;
  /** Acted on. A pulse that was read before the store knew of it may come late, so they are remembered for a while. */
  const known = new Set<string>();

  return {
    async hear(messages) {
      if (messages.length === 0) return;
      const afterwards: (() => void)[] = [];
      for (const message of messages) {
        if (known.has(message.id)) continue;
        known.add(message.id);
        try {
          const deed = read(message);
          deed.now?.();
          if (deed.afterwards !== undefined) afterwards.push(deed.afterwards);
        } catch (error) {
          onError(error);
        }
      }
      const ids = messages.map(({ id }) => id);
      for (const id of known) {
        if (known.size <= remembered) break;
        known.delete(id);
      }
      try {
        await heard(ids);
      } catch (error) {
        onError(error);
      }
      for (const act of afterwards) act();
    },
  };
}
