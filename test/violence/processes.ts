// Processes for the violent tests: started, listened to, and ended by their pid, whatever becomes of the test.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export interface Child {
  readonly process: ChildProcess;
  /** Everything it has said, one value a line. */
  readonly said: Record<string, unknown>[];
  /** Resolves with the first thing it says, or has said, of which this is true. Rejects when it ends before. */
  hears(wanted: (value: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  /** Writes a line to its standard input. */
  tell(line: string): void;
  /** Kills it, and resolves when it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts a script of this folder, or at a place of its own. It is killed when the test is over.
 * @param through what the command has to begin with, to run on another machine
 */
export function start(script: string | URL, given: object, through: readonly string[] = []): Child {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const [program = "", ...all] = [...through, process.execPath, path, JSON.stringify(given)];
  const child = spawn(program, all, { stdio: ["pipe", "pipe", "pipe"] });
  const said: Record<string, unknown>[] = [];
  const listeners = new Set<() => void>();
  let complaints = "";
  let isGone = false;
  const tellAll = (): void => {
    for (const listener of [...listeners]) listener();
  };
  child.stderr.on("data", (data: Buffer) => {
    complaints += data.toString();
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    said.push(JSON.parse(line));
    tellAll();
  });
  child.stdin.on("error", () => {});
  const gone = new Promise<void>((resolve) =>
    child.on("close", () => {
      isGone = true;
      resolve();
      tellAll();
    }),
  );
  async function kill(): Promise<void> {
    child.kill("SIGKILL");
    await gone;
  }
  onTestFinished(kill);
  return {
    process: child,
    said,
    hears: (wanted) =>
      new Promise((resolve, reject) => {
        function look(): void {
          const found = said.find(wanted);
          if (found === undefined && !isGone) return;
          listeners.delete(look);
          if (found !== undefined) resolve(found);
          else reject(new Error(`${script} ended before it said what was waited for. ${complaints}`));
        }
        listeners.add(look);
        look();
      }),
    tell: (line) => void child.stdin.write(`${line}\n`),
    kill,
  };
}

/** A worker process, and its name in the store once it is ready. */
export async function startWorker(
  given: object,
  through: readonly string[] = [],
): Promise<Child & { readonly id: string }> {
  const child = start("worker.mjs", given, through);
  const { ready } = await child.hears((value) => "ready" in value);
  return { ...child, id: String(ready) };
}

/** A folder of its own for the test, removed after it. */
export function ownFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "duckdive-violence-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Resolves when the condition holds, asking every few milliseconds: what other processes do is seen in the store. */
export async function eventually(condition: () => Promise<boolean>, within: number): Promise<void> {
  const end = performance.now() + within;
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`It did not come to hold within ${within} ms.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
