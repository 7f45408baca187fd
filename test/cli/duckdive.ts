// The built command line as processes, each in a folder of its own: run to its end, or started and talked to.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const main = join(root, "dist/cli/main.js");

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when standard output has this text; rejects when the process ends without it. */
  said(text: string | RegExp): Promise<void>;
}

export interface Folder {
  readonly path: string;
  write(name: string, text: string): string;
  run(
    args: readonly string[],
    options?: { input?: string; env?: NodeJS.ProcessEnv; uid?: number },
  ): Promise<Ended>;
  start(args: readonly string[], options?: { env?: NodeJS.ProcessEnv }): Started;
  /** The answer of a command with --json. */
  json<T>(args: readonly string[]): Promise<T>;
  remove(): Promise<void>;
}

/** An empty folder, and the command line in it, which is given these variables besides its own. */
export function folder(env: NodeJS.ProcessEnv = {}): Folder {
  const path = mkdtempSync(join(tmpdir(), "duckdive-cli-"));
  const running = new Set<Started>();

  function start(args: readonly string[], options: { env?: NodeJS.ProcessEnv; uid?: number } = {}): Started {
    const { PATH, TMPDIR } = process.env;
    const spawnOptions: SpawnOptions = {
      cwd: path,
      env: { PATH, TMPDIR, JITI_FS_CACHE: "false", ...env, ...options.env },
      stdio: "pipe",
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    };
    const started = follow(spawn(process.execPath, [main, ...args], spawnOptions));
    running.add(started);
    void started.ended.then(() => running.delete(started));
    return started;
  }

  async function run(
    args: readonly string[],
    options: { input?: string; env?: NodeJS.ProcessEnv; uid?: number } = {},
  ): Promise<Ended> {
    const { child, ended } = start(args, options);
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
    return ended;
  }

  return {
    path,
    start,
    run,
    write(name, text) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
      return file;
    },
    async json(args) {
      const { code, stdout, stderr } = await run([...args, "--json"]);
      if (stdout === "") throw new Error(`${args.join(" ")} ended with ${code} and said nothing: ${stderr}`);
      return JSON.parse(stdout);
    },
    async remove() {
      for (const { child } of running) child.kill("SIGKILL");
      await Promise.all([...running].map(({ ended }) => ended));
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function follow(child: ChildProcess): Started {
  let stdout = "";
  let stderr = "";
  let isOver = false;
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of [...listeners]) listener();
  };
  child.stdout?.setEncoding("utf8").on("data", (part: string) => {
    stdout += part;
    tell();
  });
  child.stderr?.setEncoding("utf8").on("data", (part: string) => {
    stderr += part;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      isOver = true;
      resolve({ code, signal, stdout, stderr });
      tell();
    });
  });
  return {
    child,
    ended,
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const hasSaid = typeof text === "string" ? stdout.includes(text) : text.test(stdout);
          if (!hasSaid && !isOver) return;
          listeners.delete(look);
          if (hasSaid) resolve();
          else reject(new Error(`It ended without saying ${String(text)}:\n${stdout}\n${stderr}`));
        };
        listeners.add(look);
        look();
      }),
  };
}
