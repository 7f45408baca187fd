// Which run the code belongs to that is being executed now: whom to blame for a crash, or for a blocked event loop.
//
// Every execution is called inside a frame of its own that follows it through whatever it waits for. So an error that
// nobody caught, a promise that nobody handled and a loop without end are known by name among all that run beside them.
// What outlives its execution, such as a connection that was opened in it and that many share, calls back in the frame of
// a run that is long over, or in none: then it is not known whose doing it is. A run that was given up and goes on is not
// over; what it does is known, though the worker does not hold it any more.
//
// Where the code cannot be asked, in native code, the only run that executes is the one; its name stands in memory that
// the watchdog's thread reads.
//
// Before this file comes the worker's environment. After it come the watchdog and the last words of the process.
import { AsyncLocalStorage } from "node:async_hooks";
import type { Attendance } from "../../worker.js";
import type { NamedRun } from "../index.js";

/** Bytes for the name of the only run: ids and job names are far shorter. */
const room = 4_096;

export interface Blame {
  readonly frames: Attendance["frames"];
  /** The run whose code is executed now; undefined: that is not known. */
  current(): NamedRun | undefined;
  /** The name of the run that executes alone, as JSON after its length; a length of 0: there is no such run. */
  readonly only: SharedArrayBuffer;
}

/** The async context of one execution. */
interface Frame {
  readonly named: NamedRun;
  isOver: boolean;
}

/** @param isLeaked whether this execution was given up and goes on */
export function createBlame(isLeaked: (run: NamedRun) => boolean): Blame {
  const storage = new AsyncLocalStorage<Frame>();
  const executing = new Map<NamedRun, Frame>();
  const only = new SharedArrayBuffer(4 + room);
  const length = new Int32Array(only, 0, 1);
  const bytes = new Uint8Array(only, 4);
  const encoder = new TextEncoder();

  /** Only while there is one, or was: with many side by side nothing is written. */
  function publish(): void {
    if (executing.size > 2) return;
    Atomics.store(length, 0, 0);
    const [frame] = executing.values();
    if (executing.size !== 1 || frame === undefined) return;
    const encoded = encoder.encode(JSON.stringify(frame.named));
    if (encoded.length > room) return;
    bytes.set(encoded);
    Atomics.store(length, 0, encoded.length);
  }

  function begin(claimed: NamedRun): Frame {
    // What outlives the execution keeps its frame: the name alone, and not the input that was claimed with it.
    const { run, job, token, attempt } = claimed;
    const frame = { named: { run, job, token, attempt }, isOver: false };
    executing.set(claimed, frame);
    publish();
    return frame;
  }

  return {
    frames: {
      enter: (claimed, body) => storage.run(executing.get(claimed) ?? begin(claimed), body),
      leave(claimed) {
        const frame = executing.get(claimed);
        if (frame === undefined) return;
        frame.isOver = true;
        executing.delete(claimed);
        publish();
      },
    },
    current() {
      const frame = storage.getStore();
      if (frame === undefined) return undefined;
      return !frame.isOver || isLeaked(frame.named) ? frame.named : undefined;
    },
    only,
  };
}
