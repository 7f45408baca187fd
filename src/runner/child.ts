// One process that is looked after: started, listened to, told things, and seen to its end.
//
//   starting   forked; loads the application, enters the store
//   ready      it works
//   stopping   the runner has told it to stop; past its time it is killed
//   gone       it has ended, and all that it said before that has been read
//
// Its last words come over the pipe, and may be read after the news that it is dead: so a child is gone only when the
// pipe is at its end too, or a moment later, since something that it started itself may hold the pipe open.
//
// Before this file come the protocol and its reader. After it comes the crew, which decides who replaces it.
import { type ChildProcess, fork } from "node:child_process";
import { Readable } from "node:stream";
import { type Clock, formatDuration, type Timer } from "../kernel/index.js";
import type { Ended, Verdict } from "./death.js";
import { later } from "./later.js";
import { lineSplitter } from "./lines.js";
import { readLine, readMessage } from "./messages.js";
import {
  attendedBy,
  type FromPipe,
  type FromWorker,
  type NamedRun,
  pipeDescriptor,
  type Status,
  type ToWorker,
} from "./protocol.js";
import type { WatchedTime } from "./watched.js";

/** What a process is at: it starts, it works, it was told to stop, it has ended. */
export type ChildState = "starting" | "ready" | "stopping" | "gone";

/** What a runner starts. The runner itself never loads it. */
export interface Program {
  readonly file: string | URL;
  readonly args?: readonly string[];
  /** Options of Node itself. Default: those of the runner, without those of its debugger. */
  readonly execArgv?: readonly string[];
  /** Beside the runner's own environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Child {
  /** Its place among the runner's processes, from 0; who replaces it has the same. */
  readonly slot: number;
  readonly pid: number | undefined;
  readonly state: ChildState;
  /** Its worker's id in the store, once it was ready. */
  readonly worker: string | undefined;
  readonly startedAt: number;
  readonly readyAt: number | undefined;
  /** What it last said of itself, and when. */
  readonly status: { readonly at: number; readonly value: Status } | undefined;
  /** In watched time. */
  readonly heardAt: number;
  readonly blocked: { readonly since: number; readonly run?: NamedRun } | undefined;
  /** Why it asks to be replaced. */
  readonly recycle: string | undefined;
  send(message: ToWorker): void;
  /** Tells it to stop within so many milliseconds; a little after that it is killed. Again with less: hurry. */
  stop(drain: number): void;
  kill(verdict: Verdict): void;
  /** Resolves when it is ready or gone. */
  readonly settled: Promise<"ready" | "gone">;
  readonly gone: Promise<Ended>;
}

export interface ChildParts {
  readonly slot: number;
  readonly program: Program;
  readonly clock: Clock;
  readonly watched: WatchedTime;
  /** Called after the child itself has taken it in. */
  readonly onMessage: (child: Child, message: FromWorker | FromPipe) => void;
  /** It has sent something that is no message of the protocol; said once a child. */
  readonly onNonsense: (child: Child) => void;
}

/** What a child may take longer than its drain to end: its grace, and letting go of the store. */
const stopMargin = 5_000;
/** How long a process may still be there after it said that it leaves. */
const leavePatience = 5_000;
/** How long after its end its pipe is read. */
const lastWords = 100;
/** A status that was on its way when the event loop stopped does not say that it moves again. */
const afterBlock = 500;

interface State {
  child: ChildState;
  worker?: string;
  readyAt?: number;
  status?: { at: number; value: Status };
  heardAt: number;
  blocked?: { since: number; at: number; run?: NamedRun } | undefined;
  recycle?: string;
  dying?: Ended["dying"];
  left?: Ended["left"];
  verdict?: Verdict;
  hasTalkedNonsense?: boolean;
}

export function startChild(parts: ChildParts): Child {
  const { slot, clock, watched } = parts;
  const startedAt = clock.now();
  const state: State = { child: "starting", heardAt: watched.now() };
  const settled = later<"ready" | "gone">();
  const gone = later<Ended>();
  let deadline: Timer | undefined;

  function end(how: Pick<Ended, "code" | "signal" | "failure">): void {
    if (state.child === "gone") return;
    const wasAsked = state.child === "stopping";
    state.child = "gone";
    deadline?.cancel();
    const { dying, left, verdict, readyAt } = state;
    const lived = clock.now() - startedAt;
    gone.resolve({
      ...how,
      ...known({ dying, left, verdict }),
      wasAsked,
      wasReady: readyAt !== undefined,
      lived,
    });
    settled.resolve("gone");
  }

  const spawned = launch(parts.program, end);

  function hear(message: FromWorker | FromPipe | undefined): void {
    if (message === undefined) {
      if (state.hasTalkedNonsense !== true) parts.onNonsense(child);
      state.hasTalkedNonsense = true;
      return;
    }
    takeIn(state, message, clock.now(), watched.now());
    if (message.type === "ready") settled.resolve("ready");
    if (message.type === "leaving") killAfter(leavePatience, "it said that it leaves and did not");
    parts.onMessage(child, message);
  }

  function killAfter(milliseconds: number, cause: string): void {
    deadline?.cancel();
    // What holds its event loop is what keeps it from ending; those beside it are not to blame.
    deadline = clock.after(milliseconds, () => {
      const run = state.blocked?.run;
      child.kill(run === undefined ? { cause } : { cause, culprits: [run.run] });
    });
  }

  const child: Child = {
    slot,
    startedAt,
    get pid() {
      return spawned?.pid;
    },
    get state() {
      return state.child;
    },
    get worker() {
      return state.worker;
    },
    get readyAt() {
      return state.readyAt;
    },
    get status() {
      return state.status;
    },
    get heardAt() {
      return state.heardAt;
    },
    get blocked() {
      return state.blocked;
    },
    get recycle() {
      return state.recycle;
    },
    send(message) {
      // A child that ends meanwhile is heard of by its end, not by this.
      if (spawned?.connected) spawned.send(message, () => {});
    },
    stop(drain) {
      if (state.child === "gone") return;
      state.child = "stopping";
      child.send({ type: "stop", drain });
      if (state.left === undefined)
        killAfter(drain + stopMargin, `it did not stop within ${formatDuration(drain + stopMargin)}`);
    },
    kill(verdict) {
      if (state.child === "gone") return;
      state.verdict ??= verdict;
      spawned?.kill("SIGKILL");
    },
    settled: settled.promise,
    gone: gone.promise,
  };
  if (spawned !== undefined) listen(spawned, { hear, end, clock });
  return child;
}

type End = (how: Pick<Ended, "code" | "signal" | "failure">) => void;

/** The process; undefined when there is none, and then `end` has been told why. */
function launch(program: Program, end: End): ChildProcess | undefined {
  try {
    return fork(program.file, program.args ?? [], {
      execArgv: [
        ...(program.execArgv ?? process.execArgv.filter((option) => !option.startsWith("--inspect"))),
      ],
      env: { ...process.env, ...program.env, [attendedBy]: String(process.pid) },
      stdio: ["ignore", "inherit", "inherit", "ipc", "pipe"],
    });
  } catch (error) {
    queueMicrotask(() => end({ code: null, signal: null, failure: messageOf(error) }));
    return undefined;
  }
}

function listen(
  spawned: ChildProcess,
  {
    hear,
    end,
    clock,
  }: { hear: (message: FromWorker | FromPipe | undefined) => void; end: End; clock: Clock },
): void {
  spawned.on("message", (value) => hear(readMessage(value)));
  // There are none when the system had no descriptor left for the process; that comes as an error.
  const pipe = (spawned.stdio as ChildProcess["stdio"] | undefined)?.[pipeDescriptor];
  if (pipe instanceof Readable) {
    pipe.on(
      "data",
      lineSplitter((line) => hear(readLine(line))),
    );
    pipe.on("error", () => {});
  }
  spawned.on("error", (error) => {
    if (spawned.pid === undefined) end({ code: null, signal: null, failure: messageOf(error) });
  });
  spawned.on("exit", (code, signal) => {
    const late = clock.after(lastWords, () => end({ code, signal }));
    spawned.on("close", () => {
      late.cancel();
      end({ code, signal });
    });
  });
}

/** What a message says of the child, kept. */
function takeIn(state: State, message: FromWorker | FromPipe, now: number, watchedNow: number): void {
  state.heardAt = watchedNow;
  switch (message.type) {
    case "ready":
      state.worker = message.worker;
      state.readyAt ??= now;
      if (state.child === "starting") state.child = "ready";
      return;
    case "status":
      state.status = { at: now, value: message.status };
      if (state.blocked !== undefined && watchedNow - state.blocked.at > afterBlock)
        state.blocked = undefined;
      return;
    case "blocked":
      state.blocked = blockedBy(state.blocked, message, watchedNow);
      return;
    case "unblocked":
      state.blocked = undefined;
      return;
    case "dying":
      state.dying = { cause: message.cause, ...(message.run === undefined ? {} : { run: message.run }) };
      return;
    case "leaving":
      state.left = message.why;
      return;
    case "recycle":
      state.recycle = message.why;
      return;
    case "rescued":
      return;
  }
}

/** The same standstill, said again, does not begin anew, and a name once known is not forgotten. */
function blockedBy(
  before: State["blocked"],
  { milliseconds, run = before?.run }: { milliseconds: number; run?: NamedRun },
  now: number,
): State["blocked"] {
  const since = Math.min(before?.since ?? now, now - milliseconds);
  return { since, at: now, ...(run === undefined ? {} : { run }) };
}

/** The fields that have a value. */
function known({
  dying,
  left,
  verdict,
}: Pick<State, "dying" | "left" | "verdict">): Pick<Ended, "dying" | "left" | "verdict"> {
  return {
    ...(dying === undefined ? {} : { dying }),
    ...(left === undefined ? {} : { left }),
    ...(verdict === undefined ? {} : { verdict }),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
