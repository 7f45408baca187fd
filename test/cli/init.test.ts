// `duckdive init` as a process: what it writes, what it leaves alone, and how a project gets its name. That the project works
// is shown in test/package/init.test.ts, with the package installed.
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Folder, folder } from "./duckdive.js";

interface Answer {
  readonly folder: string;
  readonly name: string;
  readonly store: string;
  readonly dryRun: boolean;
  readonly files: string[];
}

function place(): Folder {
  const here = folder();
  onTestFinished(() => here.remove());
  return here;
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

test("a new project is written to the folder that is named, and the answer lists its files", async () => {
  const here = place();
  const answer = await here.json<Answer>(["init", "shop"]);
  expect(answer).toMatchObject({ folder: join(here.path, "shop"), name: "shop", store: "sqlite" });
  expect(answer.dryRun).toBe(false);
  expect(answer.files).toEqual(filesBelow(join(here.path, "shop")));
  expect(answer.files).toEqual(
    expect.arrayContaining([".gitignore", "Dockerfile", "shop.service", "src/jobs.test.ts", "src/jobs.ts"]),
  );
});

test("what was a placeholder is the name of the project, and nothing is left of it", async () => {
  const here = place();
  for (const store of ["sqlite", "postgres"]) {
    const { files } = await here.json<Answer>(["init", `shop-${store}`, "--store", store]);
    const texts = files.map((file) => readFileSync(join(here.path, `shop-${store}`, file), "utf8"));
    expect(texts.join("\n")).toContain(`WorkingDirectory=/srv/shop-${store}\n`);
    expect(texts.join("\n")).not.toContain("my-app");
  }
});

test("people are told what to type next", async () => {
  const { code, stdout } = await place().run(["init", "shop"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^Wrote 12 files to shop:\n.*Next:\n {2}cd shop\n {2}npm install\n {2}npm test /s);
});

test("--dry-run lists the same files and writes nothing", async () => {
  const here = place();
  const dry = await here.json<Answer>(["init", "shop", "--store", "postgres", "--dry-run"]);
  expect(existsSync(join(here.path, "shop"))).toBe(false);
  const wet = await here.json<Answer>(["init", "shop", "--store", "postgres"]);
  expect(wet).toEqual({ ...dry, dryRun: false });
});

test("without a folder it is this one, and files that are none of the project's stay", async () => {
  const here = place();
  here.write("LICENSE", "mine");
  expect(await here.run(["init"])).toMatchObject({ code: 0, stdout: expect.stringContaining("this folder") });
  expect(readFileSync(join(here.path, "LICENSE"), "utf8")).toBe("mine");
  expect(existsSync(join(here.path, "package.json"))).toBe(true);
});

test("a file that is there is not overwritten, and nothing else is written", async () => {
  const here = place();
  here.write("shop/package.json", "mine");
  mkdirSync(join(here.path, "shop/src"));
  symlinkSync("nowhere", join(here.path, "shop/src/jobs.ts"));
  for (const options of [[], ["--dry-run"]]) {
    const { code, stderr } = await here.run(["init", "shop", ...options]);
    expect(code).toBe(4);
    expect(stderr).toMatch(
      /has package\.json, src\/jobs\.ts already, and nothing was written\. Name a folder/,
    );
    expect(stderr).toContain("PROJECT_FOLDER");
  }
  expect(filesBelow(here.path)).toEqual(["shop/package.json"]);
  expect(readFileSync(join(here.path, "shop/package.json"), "utf8")).toBe("mine");
});

test("where a folder is needed and a file stands, nothing is left behind", async () => {
  const here = place();
  here.write("file", "mine");
  here.write("shop/src", "mine");
  for (const name of ["file", "shop"]) {
    const { code, stderr } = await here.run(["init", name]);
    expect(code).toBe(4);
    expect(stderr).toMatch(/cannot be written to .*no file was left there.*PROJECT_FOLDER/s);
  }
  expect(filesBelow(here.path)).toEqual(["file", "shop/src"]);
});

test("a name is one that npm, an image, a unit and a user may have", async () => {
  const here = place();
  const named = {
    "My Great App!": "my-great-app",
    "2048": "app-2048",
    "…": "my-app",
    duckdive: "duckdive-app",
    zod: "zod-app",
    constructor: "constructor",
    "the-name-of-a-large-project-of-ours": "the-name-of-a-large-project",
  };
  for (const [name, expected] of Object.entries(named)) {
    const answer = await here.json<Answer>(["init", name, "--dry-run"]);
    expect(answer.name).toBe(expected);
    expect(answer.name).toMatch(/^[a-z][a-z0-9-]{0,30}$/);
  }
});

test("an address is refused, and not repeated: it may hold a password", async () => {
  const here = place();
  const { code, stderr } = await here.run(["init", "--store", "postgres://u:secret@localhost/app"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/--store sqlite or --store postgres\..*USAGE/s);
  expect(stderr).not.toContain("secret");
  expect(filesBelow(here.path)).toEqual([]);
});
