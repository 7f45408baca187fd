// Keeps one worker process alive for the demo: starts it, and starts it again when it dies.
//
// A worker that is killed is no catastrophe: the next one finds its runs and begins them again. One that dies at every
// start is a mistake that starting again does not mend, so the demo gives up and says so.
//
// Before this file comes demo.ts. After it comes worker.ts, in another process.
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Supervised {
  /** Rejects when the worker cannot be kept alive, or the user wants to stop. Never resolves. */
  readonly gone: Promise<never>;
  /** Ends the worker, letting it finish what it is at. */
  stop(): Promise<void>;
}

/** Dying this soon after the start, this often in a row, is no accident. */
const soon = 2_000;
const oftenEnough = 5;

export function startWorker(environment: Record<string, string>): Supervised {
  let stopping = false;
  let quickDeaths = 0;
  let child: ChildProcess;
  let giveUp: (reason: Error) => void = () => {};
  const gone = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  // Whoever stops without waiting for it does not want to hear of it.
  gone.catch(() => {});

  function start(): void {
    const startedAt = performance.now();
    child = fork(fileURLToPath(new URL("./worker.mjs", import.meta.url)), {
      env: { ...process.env, ...environment },
    });
    console.log(`  worker ${child.pid} begins: kill -9 ${child.pid} and see`);
    child.once("exit", (code, signal) => {
      if (stopping) return;
      quickDeaths = performance.now() - startedAt < soon ? quickDeaths + 1 : 0;
      if (quickDeaths >= oftenEnough) giveUp(new Error(`The worker dies at each start (${signal ?? code}).`));
      else {
        console.log(`  the worker died (${signal ?? code}); another one takes over`);
        start();
      }
    });
  }

  async function stop(): Promise<void> {
    stopping = true;
    process.off("SIGINT", interrupt);
    process.off("SIGTERM", interrupt);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await exited;
  }

  function interrupt(): void {
    giveUp(new Error("Stopped. The same command goes on from here."));
  }
  process.on("SIGINT", interrupt);
  process.on("SIGTERM", interrupt);
  start();
  return { gone, stop };
}
