// Holds what the package promises at its door: every subpath of `exports` loads with `import` and with `require`
// (so nothing it reaches may await at top level), and the published files and types are right for every kind of
// consumer, which `publint` and `attw` judge on the packed package.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

function main() {
  const { errors } = build();
  if (errors) console.error(`dist/ was built with type errors.`);
  const packed = mkdtempSync(join(tmpdir(), "duckdive-pack-"));
  try {
    const tarball = join(packed, pack(packed));
    const results = [
      loadEverySubpath(),
      run("publint", ["run", tarball, "--strict"]),
      run("attw", [
        tarball,
        "--profile",
        "node16",
        "--ignore-rules",
        "cjs-resolves-to-esm",
        "--format",
        "ascii",
      ]),
    ];
    if (errors || results.includes(false)) process.exitCode = 1;
  } finally {
    rmSync(packed, { recursive: true, force: true });
  }
}

/** @param {string} folder */
function pack(folder) {
  const output = execFileSync("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(output)[0].filename;
}

function loadEverySubpath() {
  const { name, exports: subpaths } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  let allLoad = true;
  for (const subpath of Object.keys(subpaths)) {
    const specifier = JSON.stringify(subpath.replace(".", name));
    const program = subpath.endsWith(".json")
      ? `require(${specifier})`
      : `require(${specifier}); import(${specifier})`;
    const result = spawnSync(process.execPath, ["--no-warnings", "--input-type=commonjs", "-e", program], {
      cwd: root,
      encoding: "utf8",
    });
    if (result.status === 0) continue;
    allLoad = false;
    const reason = result.stderr.split("\n").find((line) => /error/i.test(line)) ?? result.stderr;
    console.error(`require(${specifier}) fails: ${reason.trim()}`);
  }
  return allLoad;
}

/**
 * @param {string} tool
 * @param {string[]} parameters
 */
function run(tool, parameters) {
  const result = spawnSync(join(root, "node_modules", ".bin", tool), parameters, {
    cwd: root,
    encoding: "utf8",
  });
  if (result.status !== 0) console.error(`${result.stdout}${result.stderr}`.trim());
  return result.status === 0;
}

main();
