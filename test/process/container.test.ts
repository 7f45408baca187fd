// The real program as containers hold it: a root file system that cannot be written, a user without rights and without a
// home, and a limit of memory. Made with the system's own tools, where this machine lets a test do so.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Folder, folder, main } from "../cli/duckdive.js";
import { freshDatabase } from "../postgres/database.js";

const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
const works = (command: readonly string[]): boolean =>
  spawnSync(command[0] ?? "", command.slice(1)).status === 0;
/** Everything that is mounted at the root is seen, and cannot be written, by a user who may read the program. */
const canBeReadOnly =
  works(["unshare", "--mount", "sh", "-c", "mount -o remount,bind,ro /"]) &&
  works([...nobody, "test", "-r", main]);

const jobs = `import { job } from "duckdive";
export const note = job({ name: "note", handle() { return process.getuid(); } });`;

/** A folder that nobody may write and everybody may read. */
function readableFolder(env: NodeJS.ProcessEnv): Folder {
  const here = folder(env);
  onTestFinished(() => here.remove());
  here.write("jobs.mjs", jobs);
  chmodSync(here.path, 0o755);
  return here;
}

interface Ended {
  readonly code: number | null;
  readonly text: string;
}

/** Runs the command line as nobody, with a root that cannot be written and a home that is not there. */
function inContainer(
  here: Folder,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  before = "true",
): Promise<Ended> {
  const script = `${before} && mount -o remount,bind,ro / && exec "$@"`;
  const command = ["--mount", "sh", "-c", script, "sh", ...nobody, process.execPath, main, ...args];
  const child = spawn("unshare", command, {
    cwd: here.path,
    env: { PATH: process.env.PATH, HOME: "/nowhere", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => {
      text += part;
    });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, text })));
}

test.skipIf(!canBeReadOnly)(
  "with PostgreSQL nothing of the file system is written",
  { timeout: 60_000 },
  async () => {
    const database = await freshDatabase();
    onTestFinished(() => database.drop());
    const env = { DATABASE_URL: database.url };
    const here = readableFolder(env);
    const asked = await here.run(["enqueue", "note", "--jobs", "jobs.mjs"]);
    const worked = await inContainer(here, ["work", "jobs.mjs", "--until-empty", "--processes", "1"], env);
    expect(worked).toMatchObject({ code: 0 });
    const run = await here.json<{ state: string; output: number }>(["show", asked.stdout.trim()]);
    expect(run).toMatchObject({ state: "succeeded", output: 65_534 });
  },
);

test.skipIf(!canBeReadOnly)(
  "with SQLite it says what it needs, and a folder for the file is all of it",
  {
    timeout: 60_000,
  },
  async () => {
    const here = readableFolder({});
    const command = ["work", "jobs.mjs", "--until-empty"];
    const without = await inContainer(here, command, {});
    expect(without.code).not.toBe(0);
    expect(without.text).toMatch(/cannot be written by this user\. Give it the right.*STORE_READ_ONLY/s);
    mkdirSync(join(here.path, "data"));
    const env = { DUCKDIVE_STORE: "sqlite:./data/jobs.db" };
    const withVolume = await inContainer(here, command, env, "mount -t tmpfs -o uid=65534 tmpfs data");
    expect(withVolume).toMatchObject({ code: 0 });
  },
);

const hierarchy = "/sys/fs/cgroup/memory";
const group = existsSync(hierarchy)
  ? join(hierarchy, `duckdive-${process.pid}`)
  : `/sys/fs/cgroup/duckdive-${process.pid}`;
const limitFile = existsSync(hierarchy) ? "memory.limit_in_bytes" : "memory.max";

/** A group with this limit; undefined: this machine does not let a test make one. */
function limited(bytes: number): string | undefined {
  try {
    mkdirSync(group);
  } catch {
    return undefined;
  }
  try {
    writeFileSync(join(group, limitFile), String(bytes));
    return group;
  } catch {
    rmdirSync(group);
    return undefined;
  }
}

test("with a limit of memory, a process that outgrows its share of it is replaced before the system kills it", {
  timeout: 60_000,
}, async ({ skip }) => {
  const made = limited(2 * 1_024 ** 3);
  if (made === undefined) return skip("no group of processes can be made here");
  onTestFinished(() => rmdirSync(made));
  const here = readableFolder({});
  here.write(
    "jobs.mjs",
    `import { job } from "duckdive";
let fat;
export const grows = job({ name: "grows", handle() { fat = Buffer.alloc(600_000_000, 1); } });`,
  );
  await here.run(["enqueue", "grows", "--jobs", "jobs.mjs"]);
  const script = `echo $$ > ${join(made, "cgroup.procs")} && exec "$@"`;
  const command = ["-c", script, "sh", process.execPath, main, "work", "jobs.mjs", "--processes", "4"];
  const child = spawn("sh", command, {
    cwd: here.path,
    env: { PATH: process.env.PATH },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  await new Promise<void>((resolve) => {
    child.stdout.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (/is replaced by pid \d+: its memory is \d+ MB, over 461 MB/.test(text)) child.kill("SIGTERM");
    });
    child.on("close", () => resolve());
  });
  expect(text).toMatch(/grows .* succeeded/);
  expect(text).toMatch(/its memory is \d+ MB, over 461 MB/);
});
