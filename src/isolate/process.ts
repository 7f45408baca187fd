// An isolate in a process of its own.
//
// Its heap is limited by the engine, and all that it has by its worker, which looks now and then how large it is while it
// executes, where the system tells (Linux). It shares nothing with its worker: what kills a process kills only it.
//
// When its worker is gone, however that ended, it ends too: by the end of its channel, or where it stands still by its own
// watchdog. That thread also says what holds its event loop, over a pipe.
//
// Before this file comes the pool. After it comes the process.
import { type ChildProcess, fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { formatBytes } from "../kernel/index.js";
import { type Blocked, pipeDescriptor } from "../runner/index.js";
import { type Host, type HostEnd, type HostParts, insideFile } from "./host.js";
import type { FromIsolate } from "./protocol.js";

const megabyte = 1_024 ** 2;
/** How often the size of one that executes is looked at, in milliseconds. */
const every = 100;
/** How long after its end what it said is read, in milliseconds. */
const lastWords = 100;
const page = 4_096;

export function startProcess({ memory, onMessage, onEnd, onBlocked }: HostParts): Host {
  const child = launch(memory);
  let timer: NodeJS.Timeout | undefined;
  let before: number | undefined;
  let grown: HostEnd | undefined;
  let failure: string | undefined;

  child.on("message", (message) => onMessage(message as FromIsolate));
  child.on("error", (error) => {
    failure = error.message;
    if (child.pid === undefined) end(null, null);
  });
  let resolveGone: () => void = () => {};
  const gone = new Promise<void>((resolve) => {
    resolveGone = resolve;
  });
  let isGone = false;

  function end(code: number | null, signal: NodeJS.Signals | null): void {
    if (isGone) return;
    isGone = true;
    clearInterval(timer);
    onEnd(grown ?? endOf(code, signal, failure));
    resolveGone();
  }

  child.on("exit", (code, signal) => {
    const late = setTimeout(() => end(code, signal), lastWords);
    child.on("close", () => {
      clearTimeout(late);
      end(code, signal);
    });
  });
  const pipe = child.stdio[pipeDescriptor];
  if (pipe instanceof Readable) {
    createInterface({ input: pipe }).on("line", (line) => {
      const said = blockedIn(line);
      if (said !== undefined) onBlocked(said.milliseconds, said.stack);
    });
    pipe.on("error", () => {});
  }

  function look(): void {
    const size = sizeOf(child.pid);
    if (size === undefined || before === undefined || size - before <= memory) return;
    grown ??= {
      reason: "out-of-memory",
      how: `used ${formatBytes(size - before)} of memory, more than its ${formatBytes(memory)}`,
    };
    child.kill("SIGKILL");
  }

  return {
    send(message) {
      // One that ends meanwhile is heard of by its end.
      if (child.connected) child.send(message, () => {});
    },
    watch(isExecuting) {
      clearInterval(timer);
      // What is idle keeps no process alive.
      if (isExecuting) child.ref();
      else child.unref();
      if (!isExecuting) return;
      before ??= sizeOf(child.pid);
      timer = setInterval(look, every).unref();
    },
    async kill() {
      // Whoever waits for its end must live to see it.
      child.ref();
      child.kill("SIGKILL");
      await gone;
    },
  };
}

function launch(memory: number): ChildProcess {
  const own = process.execArgv.filter(
    (option) => !option.startsWith("--inspect") && !option.startsWith("--max-old-space-size"),
  );
  return fork(insideFile("entry.js"), [], {
    execArgv: [...own, `--max-old-space-size=${Math.floor(memory / megabyte)}`],
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc", "pipe"],
  });
}

function endOf(code: number | null, signal: NodeJS.Signals | null, failure: string | undefined): HostEnd {
  if (failure !== undefined) return { reason: "crashed", how: `could not be started: ${failure}` };
  // With a full heap Node aborts.
  if (signal === "SIGABRT" || code === 134)
    return { reason: "out-of-memory", how: "used up the heap of its process" };
  if (signal !== null) return { reason: "crashed", how: `was ended by ${signal}` };
  return { reason: "exited", how: `called process.exit(${code})` };
}

/** What its watchdog says. The application shares the process, and may write to the pipe what it likes. */
function blockedIn(line: string): Pick<Blocked, "milliseconds" | "stack"> | undefined {
  try {
    const { type, milliseconds, stack } = JSON.parse(line);
    if (type !== "blocked" || typeof milliseconds !== "number") return undefined;
    return typeof stack === "string" ? { milliseconds, stack } : { milliseconds };
  } catch {
    return undefined;
  }
}

/** What a process has in memory, in bytes; undefined where the system does not tell. */
function sizeOf(pid: number | undefined): number | undefined {
  try {
    const [, resident] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
    return Number(resident) * page;
  } catch {
    return undefined;
  }
}
