// The package as a stranger gets it: packed, installed alone into an empty folder, then imported, required,
// type-checked by an old and a new compiler, and bundled. It catches what no test of the sources can: a file that
// was not packed, a dependency that was not declared, a type that only resolves in this repository.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { installPacked, npm, pack, root } from "./npm.js";

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  exports: Record<string, unknown>;
};
const subpaths = Object.keys(manifest.exports).map((subpath) => subpath.replace(".", "duckdive"));
const modules = subpaths.filter((subpath) => !subpath.endsWith(".json"));
const partOfSqliteBinary = /^(libsql|@libsql\/.*|@neon-rs\/load|detect-libc)$/;
let folder = "";

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "duckdive-package-"));
  writeFileSync(join(folder, "package.json"), '{ "name": "stranger", "private": true }');
  await installPacked(await pack(folder), folder);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the installed package", () => {
  test("brings at most 8 packages beside the optional SQLite binary", async () => {
    const others = (await installedPackages()).filter(
      (name) => name !== "duckdive" && !partOfSqliteBinary.test(name),
    );
    expect(others.length, others.join(", ")).toBeLessThanOrEqual(8);
  });

  test("holds what is needed to run it, and none of its tests or sources", () => {
    const files = readdirSync(join(folder, "node_modules/duckdive"), { recursive: true, encoding: "utf8" });
    expect(files).toEqual(expect.arrayContaining(["package.json", "README.md", "LICENSE", "CHANGELOG.md"]));
    const own = files.filter((file) => !file.startsWith("templates"));
    expect(own.filter((file) => /\.test\.|^src|\.map$|\.fingerprint$/.test(file))).toEqual([]);
  });

  test.each(subpaths)("%s can be required", (subpath) => {
    expect(run("cjs", `console.log(typeof require("${subpath}"))`)).toBe("object");
  });

  test.each(modules)("%s can be imported", (subpath) => {
    expect(run("mjs", `import * as all from "${subpath}"; console.log(typeof all)`)).toBe("object");
  });

  test("has a command line", () => {
    const command = join(folder, "node_modules/.bin/duckdive");
    expect(execFileSync(command, ["--version"], { encoding: "utf8" })).toMatch(/^\d+\.\d+\.\d+/);
  });
});

/** Hono's own types ask for TypeScript 5.7. */
const newerTypes: ReadonlySet<string> = new Set(["duckdive/with/hono"]);

// Compilers before 5.8 did not know that Node can `require` an ES module, so they see no .cts file.
test.each([
  ["typescript-5.4", "mts"],
  ["typescript-5.9", "mts"],
  ["typescript-5.9", "cts"],
  ["typescript", "mts"],
  ["typescript", "cts"],
])("with %s every subpath has types in a .%s file", (compiler, extension) => {
  const known = modules.filter((subpath) => compiler !== "typescript-5.4" || !newerTypes.has(subpath));
  const lines = known.map((subpath, index) => `import * as m${index} from "${subpath}";`);
  const uses = known.map((_, index) => `m${index}`).join(", ");
  expect(typeErrors(compiler, extension, `${lines.join("\n")}\nexport const all = [${uses}];\n`)).toBe("");
});

test("a job bundled by esbuild into one file enqueues and runs", async () => {
  const { build } = await import("esbuild");
  writeFileSync(join(folder, "bundled.ts"), program);
  await build({
    entryPoints: [join(folder, "bundled.ts")],
    outfile: join(folder, "bundle/program.mjs"),
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["libsql"],
    logLevel: "silent",
  });
  const options = { cwd: folder, encoding: "utf8", timeout: 20_000 } as const;
  const result = spawnSync(process.execPath, ["--no-warnings", "bundle/program.mjs"], options);
  expect(result.stdout.trim(), result.stderr).toBe("hello ada");
});

const program = `
import { job, open } from "duckdive";
const person = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
const greet = job({ name: "greet", input: person, handle: (input) => "hello " + input.name });
const duckdive = open("sqlite:" + import.meta.dirname + "/jobs.db", { jobs: [greet] });
const worker = duckdive.work();
const run = await duckdive.enqueue(greet, { name: "ada" });
console.log(await run.result());
await worker.stop();
await duckdive.close();
`;

async function installedPackages() {
  const listed = await npm(["ls", "--all", "--parseable"], folder);
  const installed = listed.trim().split("\n").slice(1);
  return [
    ...new Set(installed.map((path) => path.replaceAll("\\", "/").split("node_modules/").at(-1) ?? "")),
  ];
}

function run(extension: string, text: string) {
  const file = join(folder, `program.${extension}`);
  writeFileSync(file, text);
  const result = spawnSync(process.execPath, ["--no-warnings", file], { cwd: folder, encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : result.stderr;
}

function typeErrors(compiler: string, extension: string, text: string) {
  const cwd = join(folder, `types-${compiler}-${extension}`);
  mkdirSync(cwd);
  writeFileSync(join(cwd, `program.${extension}`), text);
  const types = [join(root, "node_modules/@types")];
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: "ES2022",
    lib: ["ES2022"],
    module: "NodeNext",
    moduleResolution: "NodeNext",
    skipLibCheck: false,
    typeRoots: types,
    types: ["node"],
    // Whoever imports the part that meets it has it.
    paths: { "@opentelemetry/api": [join(root, "node_modules/@opentelemetry/api/build/src/index.d.ts")] },
  };
  writeFileSync(join(cwd, "tsconfig.json"), JSON.stringify({ compilerOptions, include: ["program.*"] }));
  const tsc = join(root, "node_modules", compiler, "bin", "tsc");
  return spawnSync(process.execPath, [tsc, "-p", "."], { cwd, encoding: "utf8" }).stdout.trim();
}
