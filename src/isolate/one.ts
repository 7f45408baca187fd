// One isolate, as its worker sees it: it starts, executes one run after the other, and ends.
//
//   starting    it loads the application
//   idle        it waits for a run
//   executing   it has one; what that asks of the store is answered here
//   gone        it has ended: by itself, under a run, or because it was told to
//
// However it ends, the execution that it has is told how: a run never waits for an isolate that is gone.
//
// Before this file come the hosts and the protocol. After it comes the pool.
import type { Log, StoredError } from "../job/index.js";
import type { Clock, DuckdiveError, Events } from "../kernel/index.js";
import type { IsolatedEnd, IsolatedTask, Stop } from "../loop/index.js";
import { type Ended, type RunEvents, storedError } from "../run/index.js";
import type { Store } from "../store/contract.js";
import {
  IsolateCrashedError,
  IsolateExitedError,
  IsolateNotStartedError,
  IsolateOutOfMemoryError,
} from "./errors.js";
import type { Host, HostEnd, HostParts } from "./host.js";
import { type Beginning, type FromIsolate, receivedError, type SentError, sentError } from "./protocol.js";
import { serve } from "./serve.js";

/** How long one may take to load the application, in milliseconds. */
const startPatience = 30_000;
/** How long one that was given up may be silent before it counts as one that cannot clean up, in milliseconds. */
const reaction = 250;
/** An execution that took more processor time than this says so in its log, in milliseconds. */
const remarkable = 100;
const longestStack = 4_000;

export interface IsolateParts {
  readonly kind: "thread" | "process";
  readonly start: (parts: HostParts) => Host;
  readonly memory: number;
  readonly beginning: Beginning;
  readonly store: Store;
  readonly clock: Clock;
  readonly events: Events<RunEvents>;
  readonly log: Log;
  readonly onFree: () => void;
  readonly onGone: () => void;
}

export interface OneIsolate {
  /** Resolves when it is idle for the first time; with the error when it never is. */
  readonly ready: Promise<DuckdiveError | undefined>;
  execute(task: IsolatedTask, resolve: (end: IsolatedEnd) => void): void;
  abort(stop: Stop): void;
  /** Lets the execution that it has clean up, if it can, and ends. */
  giveUp(): Promise<void>;
  kill(): Promise<void>;
}

interface Assignment {
  readonly task: IsolatedTask;
  readonly resolve: (end: IsolatedEnd) => void;
  /** It has ended, and cleans up. */
  ended?: IsolatedEnd;
  hasBlocked: boolean;
}

export function startIsolate(parts: IsolateParts): OneIsolate {
  const { kind, memory, beginning, store, clock, events, log } = parts;
  let current: Assignment | undefined;
  let crash: { readonly error: SentError; readonly isInnocent: boolean } | undefined;
  let onCleaning: (isOver: boolean) => void = () => {};
  let resolveReady: (error: DuckdiveError | undefined) => void = () => {};
  const ready = new Promise<DuckdiveError | undefined>((resolve) => {
    resolveReady = resolve;
  });
  const patience = clock.after(startPatience, () => {
    fail(`it has not loaded within ${startPatience / 1_000} s`);
  });
  const host = parts.start({ memory, onMessage, onEnd, onBlocked });
  host.send({ type: "begin", beginning });

  function fail(why: string, cause?: Error): void {
    patience.cancel();
    resolveReady(notStarted(kind, why, cause));
    void host.kill();
  }

  /** Its code shares the channel and may say what it likes there; and the log is the application's own. */
  function onMessage(message: FromIsolate): void {
    try {
      hear(message);
    } catch (error) {
      events.emit("error", { error, where: "isolate" });
    }
  }

  function hear(message: FromIsolate): void {
    switch (message.type) {
      case "ready":
        patience.cancel();
        host.watch(false);
        resolveReady(undefined);
        break;
      case "unfit": {
        const error = receivedError(message.error);
        fail(error.message, error);
        break;
      }
      case "ended":
        onEnded(message);
        break;
      case "cleaning":
        onCleaning(false);
        break;
      case "free":
        onFree();
        break;
      case "lost":
        current?.task.onLost();
        break;
      case "say":
        current?.task.notes.say(message.note);
        break;
      case "log":
        log[message.level](message.message, message.fields);
        break;
      case "event":
        tell(message);
        break;
      case "call":
        void answer(message);
        break;
      case "crashed":
        crash = message;
        break;
      case "pong":
        break;
    }
  }

  function onEnded({ ended, attempt, isCleaning, cpu }: Extract<FromIsolate, { type: "ended" }>): void {
    if (current === undefined) return;
    const { task, resolve } = current;
    const { run, token } = task.claimed;
    if (cpu !== undefined && cpu >= remarkable) {
      const message = `used ${(cpu / 1_000).toFixed(2)} s of processor time in its ${kind}`;
      task.notes.say({ run, token, log: { level: "debug", message, fields: JSON.stringify({ cpu }) } });
    }
    if (isCleaning) {
      current.ended = { ended, attempt };
      const own = current;
      clock.after(beginning.grace + reaction, () => {
        if (current === own) void host.kill();
      });
      task.onEnding();
      return;
    }
    rest();
    resolve({ ended, attempt });
  }

  function onFree(): void {
    const own = current;
    onCleaning(true);
    if (own?.ended === undefined) return;
    rest();
    own.resolve(own.ended);
  }

  function rest(): void {
    current = undefined;
    host.watch(false);
    parts.onFree();
  }

  function tell({ name, about, error }: Extract<FromIsolate, { type: "event" }>): void {
    const payload = error === undefined ? about : { ...about, error: receivedError(error) };
    events.emit(name, payload as RunEvents[typeof name]);
  }

  async function answer({ id, ...call }: Extract<FromIsolate, { type: "call" }>): Promise<void> {
    const notes = current?.task.notes;
    if (notes === undefined) return;
    try {
      host.send({ type: "answer", id, value: await serve(store, notes, call) });
    } catch (error) {
      host.send({ type: "answer", id, error: sentError(error) });
    }
  }

  function onBlocked(milliseconds: number, stack: string | undefined): void {
    if (current === undefined || current.hasBlocked) return;
    current.hasBlocked = true;
    const { claimed, notes } = current.task;
    const { run, token, job } = claimed;
    const message = `blocked the event loop of its ${kind} for ${(milliseconds / 1_000).toFixed(1)} s`;
    const fields = stack === undefined ? undefined : JSON.stringify({ stack: stack.slice(0, longestStack) });
    notes.say({ run, token, log: { level: "error", message, fields } });
    log.warn(`run ${run} of job "${job}" ${message}`, { run, job });
  }

  function onEnd(end: HostEnd): void {
    patience.cancel();
    resolveReady(notStarted(kind, `it ${end.how} while it loaded`));
    const own = current;
    current = undefined;
    onCleaning(true);
    parts.onGone();
    own?.resolve(own.ended ?? { ended: endedBy(end), attempt: own.task.claimed.attempt });
  }

  function endedBy(end: HostEnd): Ended {
    if (crash?.isInnocent === true) return { how: "handedBack" };
    const reason = crash === undefined ? end.reason : "crashed";
    const error = errorOf(kind, end, crash?.error);
    return { how: "died", reason, error };
  }

  return {
    ready,
    execute(task, resolve) {
      current = { task, resolve, hasBlocked: false };
      host.watch(true);
      task.onCalled();
      host.send({ type: "execute", claimed: task.claimed, now: store.now() });
    },
    abort: (stop) => host.send({ type: "abort", stop }),
    async giveUp() {
      const cleaned = new Promise<void>((resolve) => {
        let timer = clock.after(reaction, resolve);
        onCleaning = (isOver) => {
          timer.cancel();
          if (isOver) resolve();
          else timer = clock.after(beginning.grace, resolve);
        };
      });
      // Whatever it still says of its end is not asked for any more.
      if (current !== undefined) current = { ...current, resolve: () => {} };
      host.send({ type: "giveUp" });
      await cleaned;
      await host.kill();
    },
    kill: () => host.kill(),
  };
}

function notStarted(kind: string, why: string, cause?: Error): IsolateNotStartedError {
  return new IsolateNotStartedError(
    `No ${kind} could be started for this job: ${why}. Mend its module, or say which one exports the job: ` +
      `isolate: { kind: "${kind}", module: import.meta.url }.`,
    cause === undefined ? undefined : { cause },
  );
}

/** The error that a run is left with, with the remedy. */
function errorOf(kind: string, { reason, how }: HostEnd, crashed: SentError | undefined): StoredError {
  if (crashed !== undefined) {
    const cause = receivedError(crashed);
    const message = `its code left an error uncaught in its ${kind}: ${cause.message}. Await what it starts, or catch it.`;
    return plain(new IsolateCrashedError(message, { cause }));
  }
  if (reason === "out-of-memory")
    return plain(
      new IsolateOutOfMemoryError(
        `it ${how}. Have it work in smaller pieces, or give it more: isolate: { kind: "${kind}", memory: "2gb" }.`,
      ),
    );
  if (reason === "exited")
    return plain(new IsolateExitedError(`it ${how}. Return, throw, or use ctx.fail instead.`));
  return plain(new IsolateCrashedError(`its ${kind} ${how}.`));
}

/** Where it was made says nothing. */
function plain(error: DuckdiveError): StoredError {
  const { stack: _, ...rest } = storedError(error);
  return rest;
}
