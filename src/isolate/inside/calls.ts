// Questions to the worker, each with its answer.
//
// Before this file comes the channel. After it come the store and the notes of an isolate.
import { type FromIsolate, receivedError, type ToIsolate } from "../index.js";

export interface Calls {
  /** Asks the worker to call a verb of its store. Rejects with what that rejects with. */
  ask(verb: string, given?: readonly unknown[]): Promise<unknown>;
  answer(message: Extract<ToIsolate, { type: "answer" }>): void;
}

interface Asked {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

export function createCalls(send: (message: FromIsolate) => void): Calls {
  const asked = new Map<number, Asked>();
  let last = 0;
  return {
    ask: (verb, given = []) =>
      new Promise((resolve, reject) => {
        last += 1;
        asked.set(last, { resolve, reject });
        send({ type: "call", id: last, verb, given });
      }),
    answer({ id, value, error }) {
      const own = asked.get(id);
      asked.delete(id);
      if (error === undefined) own?.resolve(value);
      else own?.reject(receivedError(error));
    },
  };
}
