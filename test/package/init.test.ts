// A new project as a stranger gets it: written into an empty folder, installed from the packed package, and then every file
// of it is used. Its test runs by its own command, its worker runs what its application asks for, what the Dockerfile says
// is done by hand, since no Docker is needed here, and systemd reads its unit where there is one.
import { execFile, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Database, freshDatabase } from "../postgres/database.js";
import { eventually } from "../violence/processes.js";
import { commandIn, instructionsOf, textOf } from "./dockerfile.js";
import { installPacked, npm, pack, root } from "./npm.js";

const execute = promisify(execFile);
/** Longer than npm takes on a machine that does other things, in milliseconds. */
const patience = 240_000;
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

let folder = "";
let tarball = "";
let database: Database;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "duckdive-init-"));
  tarball = await pack(folder);
  database = await freshDatabase();
}, patience);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database.drop();
});

const mainInPackage = "node_modules/duckdive/dist/cli/main.js";

// The first project is written by this checkout, and the second one by the package that the first one has installed.
const kinds = [
  { store: "sqlite", name: "first-app", main: () => join(root, "dist/cli/main.js") },
  { store: "postgres", name: "second-app", main: () => join(folder, "first-app", mainInPackage) },
];

describe.each(kinds)("a new project on $store", ({ store, name, main }) => {
  const project = (): string => join(folder, name);
  const read = (path: string): string => readFileSync(join(project(), path), "utf8");
  const address = (): NodeJS.ProcessEnv => (store === "sqlite" ? {} : { DATABASE_URL: database.url });

  beforeAll(async () => {
    await execute(process.execPath, [main(), "init", name, "--store", store], { cwd: folder });
    await installPacked(tarball, project());
  }, patience);

  test("asks for the versions that are tested here, and for this duckdive", () => {
    const here: Manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const template: Manifest = JSON.parse(
      readFileSync(join(root, "templates", store, "package.json"), "utf8"),
    );
    const { duckdive: _, ...others } = { ...template.dependencies, ...template.devDependencies };
    const tested = { ...here.devDependencies, ...here.dependencies };
    const bare = (versions: Readonly<Record<string, string>>): string[][] =>
      Object.keys(others).map((dependency) => [dependency, (versions[dependency] ?? "").replace("^", "")]);
    expect(bare(others)).toEqual(bare(tested));
  });

  test("passes its own test by its own command", { timeout: patience }, async () => {
    expect(await npm(["test"], project())).toMatch(/pass 2\b/);
  });

  test("fails its own test when its job is wrong", { timeout: patience }, async () => {
    const right = read("src/jobs.ts");
    onTestFinished(() => writeFileSync(join(project(), "src/jobs.ts"), right));
    writeFileSync(join(project(), "src/jobs.ts"), right.replace("Hello, ", "Goodbye, "));
    await expect(npm(["test"], project())).rejects.toThrow(/Goodbye, Ada!/);
    writeFileSync(join(project(), "src/jobs.ts"), right.replace("handle({ name }", "handle({ nickname }"));
    await expect(npm(["test"], project())).rejects.toThrow(/src\/jobs\.ts.*error TS/);
  });

  test("has a worker that runs what its application asks for", { timeout: patience }, async () => {
    const id = (await npm(["run", "-s", "ask", "--", "Grace"], project(), address())).trim();
    await npm(["start", "--", "--until-empty", "--processes", "1"], project(), address());
    expect(await shown(project(), id, address())).toMatchObject({
      state: "succeeded",
      output: { greeting: "Hello, Grace!" },
    });
  });

  test("has a worker that begins anew when a file changes", { timeout: patience }, async () => {
    const right = read("src/jobs.ts");
    onTestFinished(() => writeFileSync(join(project(), "src/jobs.ts"), right));
    const worker = started([...words(scriptOf(read("package.json"), "dev")), "--processes", "1"], {
      cwd: project(),
      env: address(),
    });
    await eventually(async () => / is ready: /.test(worker.said()), patience);
    writeFileSync(join(project(), "src/jobs.ts"), right.replace("Hello, ", "Welcome, "));
    await eventually(async () => (worker.said().match(/ is ready: /g) ?? []).length >= 2, patience);
    const id = (await npm(["run", "-s", "ask", "--", "Ada"], project(), address())).trim();
    await eventually(async () => worker.said().includes(`${id} succeeded`), patience);
    expect(await shown(project(), id, address())).toMatchObject({ output: { greeting: "Welcome, Ada!" } });
    expect(await worker.stop()).toBe(0);
  });

  test("has a Dockerfile whose steps, done by hand, end in a healthy worker", {
    timeout: patience,
  }, async () => {
    const instructions = instructionsOf(read("Dockerfile"));
    for (const { text } of instructions.filter((one) => one.name === "COPY"))
      for (const source of text.split(" ").slice(0, -1))
        expect(existsSync(join(project(), source))).toBe(true);
    expect(textOf(instructions, "USER")).toBe("node");
    expect(instructions).toContainEqual({ name: "RUN", text: "npm ci --omit=dev" });
    const image = imageOf(project(), read(".dockerignore"));
    await npm(["ci", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline"], image);

    const port = String(await freePort());
    const variables = environmentOf(instructions, join(folder, "volume"));
    const [node, ...rest] = commandIn(textOf(instructions, "CMD")).map((word) => word.replace("8080", port));
    expect(node).toBe("node");
    const options = { cwd: image, env: { ...variables, ...address() } };
    const worker = started([process.execPath, ...rest, "--processes", "1"], options);
    const [, ...check] = commandIn(textOf(instructions, "HEALTHCHECK")).map((word) =>
      word.replace("8080", port),
    );
    expect(check.join(" ")).toContain(port);
    await eventually(async () => isFine(check), patience);
    const { DUCKDIVE_STORE = "" } = variables;
    const own = DUCKDIVE_STORE === "" ? address() : { DUCKDIVE_STORE };
    const id = (await npm(["run", "-s", "ask", "--", "Joan"], project(), own)).trim();
    await eventually(async () => worker.said().includes(id) && worker.said().includes("succeeded"), patience);
    expect(await worker.stop()).toBe(0);
    expect(await isFine(check)).toBe(false);
  });

  test("has a unit for systemd that starts what the image starts", () => {
    const [, started = ""] = /^ExecStart=\/usr\/bin\/(.+)$/m.exec(read(`${name}.service`)) ?? [];
    const inImage = commandIn(textOf(instructionsOf(read("Dockerfile")), "CMD")).join(" ");
    expect(inImage).toBe(`${started} --health-port 8080`);
  });

  test.skipIf(!hasSystemd)("has a unit that systemd finds nothing wrong with", () => {
    const unit = read(`${name}.service`).replace("/usr/bin/node", process.execPath);
    expect(complaints(unit)).toEqual([]);
    expect(complaints(unit.replace("WatchdogSec=", "WatchdogSecs="))).toHaveLength(1);
  });
});

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function scriptOf(manifest: string, name: string): string {
  const { scripts }: { scripts: Readonly<Record<string, string>> } = JSON.parse(manifest);
  return scripts[name] ?? "";
}

/** A script of package.json as the words of a command, with the program itself in place of its name. */
function words(script: string): string[] {
  const [program, ...rest] = script.split(" ");
  expect(program).toBe("duckdive");
  return [process.execPath, mainInPackage, ...rest];
}

async function shown(cwd: string, id: string, env: NodeJS.ProcessEnv): Promise<unknown> {
  const options = { cwd, env: { ...process.env, ...env } };
  return JSON.parse((await execute(process.execPath, [mainInPackage, "show", id, "--json"], options)).stdout);
}

interface Worker {
  readonly said: () => string;
  /** Tells it to stop; answers its exit code. */
  stop(): Promise<number | null>;
}

/** Starts a process that is gone when the test is over. */
function started(
  [program = "", ...rest]: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Worker {
  const env = { ...process.env, ...options.env };
  const child = spawn(program, rest, { cwd: options.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => {
      said += part;
    });
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return {
    said: () => said,
    stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

/** What `COPY . .` gives an image, beside the project so that the packed package is found. */
function imageOf(project: string, ignored: string): string {
  const image = `${project}-image`;
  const patterns = ignored.split("\n").filter((line) => line !== "");
  const isKept = (path: string): boolean => {
    const name = path.slice(project.length + 1);
    return !patterns.some((one) => (one.startsWith("*") ? name.endsWith(one.slice(1)) : name === one));
  };
  cpSync(project, image, { recursive: true, filter: isKept });
  const left = readdirSync(image).filter((name) => /^node_modules$|\.db/.test(name));
  expect(left, "what .dockerignore leaves out").toEqual([]);
  return image;
}

/** The variables of an image, with its volume in a folder of this machine. */
function environmentOf(
  instructions: ReturnType<typeof instructionsOf>,
  volume: string,
): Record<string, string> {
  mkdirSync(volume, { recursive: true });
  const variables = instructions.filter(({ name }) => name === "ENV").map(({ text }) => text.split("="));
  return Object.fromEntries(
    variables.map(([name = "", value = ""]) => [name, value.replace("/data", volume)]),
  );
}

function isFine(check: readonly string[]): Promise<boolean> {
  return execute(process.execPath, [...check]).then(
    () => true,
    () => false,
  );
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("This socket has no port.");
  return address.port;
}

/** What systemd says about a unit, and not about others of this machine. */
function complaints(unit: string): string[] {
  const path = join(folder, "judged.service");
  writeFileSync(path, unit);
  const { stderr } = spawnSync("systemd-analyze", ["verify", path], { encoding: "utf8" });
  return stderr.split("\n").filter((line) => line.includes("judged.service"));
}
