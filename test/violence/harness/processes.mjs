// The processes of the harness: started, kept running as an init system would, and ended by their pid, whatever happens.
//
// A process is signalled only if it still is the one that was meant: pids are used again. A small shell beside the harness
// ends what it was told of when the harness itself is gone, in whatever way.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/**
 * When a process began, in the unit of its system; undefined when it is gone, dead and not collected yet, or where the
 * system does not tell.
 * @param {number} pid
 */
export function startOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
  } catch {
    return undefined;
  }
}

/**
 * @param {{ pid: number, start: string | undefined }} victim
 * @param {NodeJS.Signals} signal
 */
export function signalProcess({ pid, start }, signal) {
  if (startOf(pid) !== start) return;
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended in this moment.
  }
}

/**
 * @typedef {object} Kept
 * @property {() => number | undefined} pid while it lives
 * @property {() => { code: number | null, signal: NodeJS.Signals | null }[]} ends how it has ended so far
 * @property {(signal: NodeJS.Signals) => void} kill
 * @property {(ask: (child: import("node:child_process").ChildProcess) => void, patience: number) => Promise<boolean>} stop
 * asks it to end, and does not start it again; false: it had to be killed
 */

/** As `RestartSec` of systemd, in milliseconds. */
const restartAfter = 300;

/**
 * Starts a program and starts it again whenever it ends.
 * @param {{ command: (generation: number) => string[], env: NodeJS.ProcessEnv, log: string, onPid: () => void }} given
 * @returns {Kept}
 */
export function keep({ command, env, log, onPid }) {
  /** @type {import("node:child_process").ChildProcess | undefined} */
  let child;
  /** @type {ReturnType<Kept["ends"]>} */
  const ends = [];
  let isOver = false;
  let generation = 0;

  function start() {
    if (isOver) return;
    const output = openSync(log, "a");
    generation += 1;
    const own = spawn(process.execPath, command(generation), { env, stdio: ["pipe", output, output] });
    closeSync(output);
    child = own;
    own.stdin?.on("error", () => {});
    own.once("exit", (code, signal) => {
      ends.push({ code, signal });
      child = undefined;
      onPid();
      setTimeout(start, restartAfter);
    });
    onPid();
  }

  start();
  return {
    pid: () => child?.pid,
    ends: () => ends,
    kill: (signal) => void child?.kill(signal),
    async stop(ask, patience) {
      isOver = true;
      const last = child;
      if (last === undefined) return true;
      const gone = once(last, "exit");
      ask(last);
      const inTime = await Promise.race([gone.then(() => true), wait(patience, false, { ref: false })]);
      if (!inTime) last.kill("SIGKILL");
      await gone;
      return inTime;
    },
  };
}

/** Ends what it was last told of, and lets go of a disk, once the harness is gone. @param {string | undefined} disk */
export function startGuard(disk) {
  const script = `
while read -r line; do processes=$line; done
[ -n "$processes" ] && kill -KILL $processes
[ -n "$1" ] && umount --lazy "$1"
`;
  const shell = spawn("sh", ["-c", script, "guard", disk ?? ""], {
    detached: true,
    cwd: "/",
    stdio: ["pipe", "ignore", "ignore"],
  });
  shell.stdin.on("error", () => {});
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  return {
    /** @param {readonly number[]} processes */
    watch: (processes) => void shell.stdin.write(`${processes.join(" ")}\n`),
  };
}
