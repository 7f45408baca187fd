// The build and `npm run duckdive` in a checkout of their own: the scripts as they are, around three small sources.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
let checkout = "";

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), "duckdive-checkout-"));
  for (const path of ["package.json", "tsconfig.base.json", "tsconfig.build.json"]) {
    cpSync(join(root, path), join(checkout, path));
  }
  for (const path of ["build.mjs", "duckdive.mjs"]) {
    cpSync(join(root, "scripts", path), join(checkout, "scripts", path));
  }
  symlinkSync(join(root, "node_modules"), join(checkout, "node_modules"));
  write("src/index.ts", "export const ducks: number = 1;\n");
});
afterEach(() => rmSync(checkout, { recursive: true, force: true }));

function write(path: string, text: string) {
  mkdirSync(join(checkout, path, ".."), { recursive: true });
  writeFileSync(join(checkout, path), text);
}

function build(...parameters: string[]) {
  return spawnSync(process.execPath, [join(checkout, "scripts/build.mjs"), ...parameters], {
    encoding: "utf8",
  });
}

const built = () => readFileSync(join(checkout, "dist/index.js"), "utf8");

describe("the build", () => {
  test("never leaves an old dist behind a new source", () => {
    expect(build("--if-stale").status).toBe(0);
    expect(built()).toContain("ducks = 1");
    write("src/index.ts", "export const ducks: number = 2;\n");
    expect(build("--if-stale").status).toBe(0);
    expect(built()).toContain("ducks = 2");
  });

  test("restores a dist that somebody touched", () => {
    build();
    write("dist/index.js", "export const ducks = 3;\n");
    build("--if-stale");
    expect(built()).toContain("ducks = 1");
  });

  test("forgets the output of a source that is gone", () => {
    write("src/pond.ts", "export const pond = 1;\n");
    build();
    expect(existsSync(join(checkout, "dist/pond.js"))).toBe(true);
    rmSync(join(checkout, "src/pond.ts"));
    build("--if-stale");
    expect(existsSync(join(checkout, "dist/pond.js"))).toBe(false);
  });

  test("leaves the tests out", () => {
    write("src/index.test.ts", "export {};\n");
    build();
    expect(existsSync(join(checkout, "dist/index.test.js"))).toBe(false);
  });

  test("fails on a type error every time, not only the first", () => {
    write("src/index.ts", 'export const ducks: number = "one";\n');
    for (const _ of [1, 2]) {
      const { status, stderr } = build("--if-stale");
      expect(status).toBe(1);
      expect(stderr).toContain("src/index.ts(1,14)");
    }
  });
});

describe("npm run duckdive", () => {
  const start = ["run", "-s", "--prefix"];

  test("builds, then passes arguments, the caller's folder and the exit code through", () => {
    write(
      "src/cli/main.ts",
      "console.log(JSON.stringify([process.argv.slice(2), process.cwd()]));\nprocess.exitCode = 3;\n",
    );
    mkdirSync(join(checkout, "below"));
    const cwd = join(checkout, "below");
    const result = spawnSync("npm", [...start, checkout, "duckdive", "--", "runs", "--json"], {
      cwd,
      encoding: "utf8",
    });
    expect(JSON.parse(result.stdout)).toEqual([["runs", "--json"], cwd]);
    expect(result.status).toBe(3);
  });

  test("says so and starts nothing when the sources do not compile", () => {
    write("src/cli/main.ts", 'export const ducks: number = "one";\nconsole.log("started");\n');
    const result = spawnSync("npm", [...start, checkout, "duckdive"], { cwd: checkout, encoding: "utf8" });
    expect(result.status).toBe(1);
    expect(result.stderr).toContain("duckdive was not started");
    expect(result.stdout).toBe("");
  });

  test("hands a signal to the program once", async () => {
    write(
      "src/cli/main.ts",
      `let signals = 0;
process.on("SIGTERM", () => {
  signals += 1;
  setTimeout(() => process.stdout.write(\`signals: \${signals}\\n\`, () => process.exit(0)), 100);
});
setInterval(() => {}, 1000);
console.log("up");
`,
    );
    const program = spawn("npm", [...start, checkout, "duckdive"], {
      cwd: checkout,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    program.stdout.setEncoding("utf8");
    program.stdout.on("data", (chunk: string) => {
      output += chunk;
      if (chunk.includes("up")) program.kill("SIGTERM");
    });
    await once(program, "close");
    expect(output).toBe("up\nsignals: 1\n");
  });
});
