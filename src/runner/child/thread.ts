// The code of the watchdog's thread: looks whether the event loop of the main thread turns, and asks who holds it.
//
// It is handed to the thread as text, so that it runs from whatever this file was compiled to; so it may use nothing
// but what it is given. Time is counted in its own looks: a process that was stopped as a whole did not block.
//
// Asked is through the inspector, which interrupts JavaScript wherever it is. In native code there is nothing to
// interrupt: then the name of the only run that executes, if there is one, is what is known.
//
// A runner that is gone kills nobody. A worker that stands still does not notice that it is alone, and would do so for
// ever with what it holds: then this thread ends the process, when the time is over that a stop may take.
//
// Before this file comes the watchdog in the main thread. After it comes the pipe to the runner.

import type { Debugger } from "node:inspector";

/** What the thread is given by the main thread. */
export interface ThreadData {
  /** Counted up by the main thread whenever its event loop turns. */
  readonly beat: SharedArrayBuffer;
  readonly only: SharedArrayBuffer;
  /** An expression that answers with JSON of the run and the stack, in the main thread. */
  readonly question: string;
  readonly pipe: number;
  /** The process that looks after this one. */
  readonly runner: number;
  /** Milliseconds: between looks, until a loop that stands still counts as blocked, until an answer is not waited for. */
  readonly every: number;
  readonly patience: number;
  readonly answer: number;
  /** Milliseconds that a loop may stand still when the runner is gone. */
  readonly alone: number;
}

interface Modules {
  readonly threads: typeof import("node:worker_threads");
  readonly fs: typeof import("node:fs");
  readonly inspector: typeof import("node:inspector");
}

interface Answer {
  readonly run?: unknown;
  readonly stack?: string;
}

export function watch({ threads, fs, inspector }: Modules): void {
  const { beat, only, question, pipe, runner, ...times } = threads.workerData as ThreadData;
  const { every, patience, answer, alone } = times;
  const beats = new Int32Array(beat);
  const length = new Int32Array(only, 0, 1);
  let seen = Atomics.load(beats, 0);
  let still = 0;
  let lookedAt = performance.now();
  let toldAt = 0;
  let isAsking = false;
  let aloneFor = 0;

  function look(): void {
    const now = performance.now();
    const since = Math.min(now - lookedAt, 2 * every);
    lookedAt = now;
    const turns = Atomics.load(beats, 0);
    if (turns === seen) {
      still += since;
      aloneFor = process.ppid === runner ? 0 : aloneFor + since;
      if (aloneFor >= alone) process.kill(process.pid, "SIGKILL");
      if (still >= patience && still - toldAt >= patience) tell();
      return;
    }
    if (toldAt > 0) say("unblocked", Math.round(still), {});
    seen = turns;
    still = 0;
    toldAt = 0;
    aloneFor = 0;
  }

  function tell(): void {
    toldAt = still;
    const about = seen;
    let isTold = false;
    function once(found: Answer): void {
      if (isTold) return;
      isTold = true;
      if (Atomics.load(beats, 0) === about) say("blocked", Math.round(still), found);
    }
    setTimeout(() => once(theOnly()), answer);
    ask(once);
  }

  /** Stops the main thread for a moment, wherever it is, and asks it. It goes on whatever comes of that. */
  function ask(then: (found: Answer) => void): void {
    if (isAsking) return;
    isAsking = true;
    try {
      const session = new inspector.Session();
      session.connectToMainThread();
      session.once("Debugger.paused", ({ params }) => {
        const [frame] = params.callFrames;
        const end = (): void => {
          session.post("Debugger.resume");
          session.post("Debugger.disable", () => {
            session.disconnect();
            isAsking = false;
          });
        };
        if (frame === undefined) return end();
        const asked = { callFrameId: frame.callFrameId, expression: question, silent: true };
        session.post(
          "Debugger.evaluateOnCallFrame",
          asked,
          (_error, answered: Debugger.EvaluateOnCallFrameReturnType | undefined) => {
            end();
            then(read(answered?.result.value));
          },
        );
      });
      session.post("Debugger.enable");
      session.post("Debugger.pause");
    } catch {
      // Somebody has taken the inspector away: what is known without it has to do.
      isAsking = false;
    }
  }

  function read(text: unknown): Answer {
    try {
      return JSON.parse(String(text)) as Answer;
    } catch {
      return {};
    }
  }

  function theOnly(): Answer {
    const text = Buffer.from(new Uint8Array(only, 4, Atomics.load(length, 0))).toString();
    return text === "" ? {} : { run: read(text) };
  }

  function say(type: "blocked" | "unblocked", milliseconds: number, found: Answer): void {
    try {
      fs.writeSync(pipe, `${JSON.stringify({ type, milliseconds, ...found })}\n`);
    } catch {
      // Nobody reads any more.
    }
  }

  setInterval(look, every);
}
