// What tests of the runner share: its workers as stand-ins that a test hears and steers, the runner in this process or in
// one of its own, and what it says. Everything is waited for by what is heard, and all processes end with the test.
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createRunner, type Runner, type RunnerOptions } from "duckdive/runner";
import { onTestFinished } from "vitest";
import { processLives } from "../../../src/kernel/index.js";

const workerFile = fileURLToPath(new URL("worker.mjs", import.meta.url));
const parentFile = fileURLToPath(new URL("parent.mjs", import.meta.url));

type Fields = Record<string, unknown>;

/** A stand-in for a worker's process. */
export interface Fake {
  readonly pid: number;
  readonly worker: string;
  readonly started: Fields;
  /** Every message of the runner so far. */
  readonly heard: readonly Fields[];
  hears(type: string): Promise<Fields>;
  does(command: { do: string } & Fields): void;
}

/** Something that grows, and in which the first entry that is wanted is waited for. */
function growing<Entry>(): {
  readonly all: Entry[];
  add(entry: Entry): void;
  first(wanted: (entry: Entry, position: number) => boolean): Promise<Entry>;
} {
  const all: Entry[] = [];
  const looks = new Set<() => void>();
  return {
    all,
    add(entry) {
      all.push(entry);
      for (const look of [...looks]) look();
    },
    first: (wanted) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = all.find(wanted);
          if (found === undefined) return;
          looks.delete(look);
          resolve(found);
        };
        looks.add(look);
        look();
      }),
  };
}

export interface Fakes {
  /** The file and arguments for a runner. */
  program(given?: object): { file: string; args: string[]; execArgv: string[] };
  /** The one that started at this position, from 1. */
  number(position: number): Promise<Fake>;
  readonly all: readonly Fake[];
}

/** Hears the stand-ins of one test. */
export async function fakes(): Promise<Fakes> {
  const started = growing<Fake>();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    listen(socket, started.add);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    program: (given = {}) => ({
      file: workerFile,
      args: [JSON.stringify({ port, ...given })],
      execArgv: [],
    }),
    number: (position) => started.first((_, at) => at === position - 1),
    all: started.all,
  };
}

function listen(socket: Socket, onStarted: (fake: Fake) => void): void {
  const heard = growing<Fields>();
  createInterface({ input: socket }).on("line", (line) => {
    const said: Fields = JSON.parse(line);
    if (said.what === "heard") heard.add(said.message as Fields);
    else
      onStarted({
        pid: Number(said.pid),
        worker: `worker-${said.pid}`,
        started: said,
        heard: heard.all,
        hears: (type) => heard.first((message) => message.type === type),
        does: (command) => void socket.write(`${JSON.stringify(command)}\n`),
      });
  });
}

export interface Line {
  readonly event: string;
  readonly text: string;
  readonly fields: Fields;
  readonly level: string;
}

export interface Log {
  readonly lines: readonly Line[];
  /** The first line of this event with this text, now or later. */
  says(event: string, text?: string | RegExp): Promise<Line>;
}

const matches = (line: Line, event: string, text: string | RegExp): boolean =>
  line.event === event && (typeof text === "string" ? line.text.includes(text) : text.test(line.text));

/** A runner in this process, which obeys no signals; stopped when the test is over. */
export function runnerHere(options: Omit<RunnerOptions, "say">): { runner: Runner; log: Log } {
  const lines = growing<Line>();
  const runner = createRunner({
    signals: false,
    ...options,
    say: (event, text, fields = {}, level = "info") =>
      lines.add({ event, text, fields: { ...fields }, level }),
  });
  onTestFinished(async () => {
    const stopped = runner.stop({ drain: 0 });
    for (const { pid } of runner.processes) if (pid !== undefined) process.kill(pid, "SIGKILL");
    await stopped;
  });
  return {
    runner,
    log: { lines: lines.all, says: (event, text = "") => lines.first((line) => matches(line, event, text)) },
  };
}

export interface Parent extends Log {
  readonly process: ChildProcess;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** A runner in a process of its own. `command` stands before Node in the command line. */
export function runnerProcess(options: object, command: readonly string[] = []): Parent {
  const lines = growing<Line>();
  const [file = "", ...args] = [...command, process.execPath, parentFile, JSON.stringify(options)];
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  createInterface({ input: child.stdout }).on("line", (line) => lines.add(JSON.parse(line)));
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve({ code, signal }));
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  return {
    process: child,
    ended,
    lines: lines.all,
    says: (event, text = "") => lines.first((line) => matches(line, event, text)),
  };
}

/** Resolves when the process has ended: what is nobody's child ends without telling anybody. */
export async function isGone(pid: number): Promise<void> {
  while (processLives(pid, undefined)) await new Promise((resolve) => setTimeout(resolve, 5));
}
