// What a handler in an isolate says, on its way to the notes of its worker.
//
// While a transaction is to end the run, what is said is kept back for it here: it is written with it or not at all.
//
// Before this file come the log and the progress of `ctx`. After it come the worker's notes.
import type { Notes } from "../../loop/index.js";
import type { Note } from "../../store/contract.js";
import { type FromIsolate, flushNotes } from "../index.js";
import type { Calls } from "./calls.js";

export function createRemoteNotes(calls: Calls, send: (message: FromIsolate) => void): Notes {
  let held: Note[] | undefined;

  function say(note: Note): void {
    if (held === undefined) send({ type: "say", note });
    else held.push(note);
  }

  async function flush(): Promise<void> {
    await calls.ask(flushNotes);
  }

  return {
    say,
    flush,
    async hold() {
      const notes: Note[] = [];
      held = notes;
      await flush();
      return {
        notes,
        drop() {
          held = undefined;
        },
        release() {
          held = undefined;
          notes.forEach(say);
        },
      };
    },
    close() {},
  };
}
