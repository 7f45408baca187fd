// Holds the shape of the code: which part may import which, that a part is entered through its door, and that
// no files import each other in a circle. The table below is the one in the design, arrow for arrow.
//
// Imports are read with the TypeScript scanner, types included: an arrow that is only a type is still an arrow.
// Tests may import anything; nothing may import a test. The answer to a failure is nearly always to move the
// thing down, into the part that both may use, and not to add an arrow here.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import typescript from "typescript-5.9";

const belowQueue = ["kernel", "job", "run", "store", "middleware"];
const belowSchedule = [...belowQueue, "queue"];
const processes = [...belowSchedule, "schedule", "durable", "loop", "upkeep", "observe", "with"];
const everything = [
  ...processes,
  "web",
  "testing",
  "runner",
  "runner/child",
  "isolate",
  "isolate/inside",
  "address",
  "open",
  "index",
  "worker",
  "cli",
];
/** @param {string[]} parts */
const everythingBut = (...parts) => everything.filter((part) => !parts.includes(part));

/**
 * What each part may import beside itself. `store/*` stands for any one store.
 * @type {Record<string, string[]>}
 */
const arrows = {
  kernel: [],
  job: ["kernel"],
  run: ["kernel", "job"],
  store: ["kernel", "job", "run"],
  "store/*": ["kernel", "job", "run", "store"],
  middleware: ["kernel", "job", "run"],
  queue: belowQueue,
  schedule: belowSchedule,
  durable: belowSchedule,
  loop: belowQueue,
  upkeep: ["kernel", "job", "run", "store"],
  isolate: ["kernel", "job", "run", "store", "loop", "runner"],
  "isolate/inside": ["isolate", ...belowQueue, "queue", "loop", "runner/child", "worker", "address", "open"],
  runner: ["kernel"],
  "runner/child": ["runner", "worker"],
  observe: ["kernel", "job", "run", "middleware"],
  web: [...belowSchedule, "schedule", "observe"],
  with: [...belowSchedule, "observe"],
  testing: [...everythingBut("cli"), "store/*"],
  worker: [...processes, "isolate", "store/*"],
  address: ["kernel", "job", "run", "store", "store/*", "queue", "with"],
  open: [...everythingBut("cli", "runner", "runner/child", "isolate/inside", "testing", "index"), "store/*"],
  index: [...everythingBut("cli", "runner", "runner/child", "isolate/inside"), "store/*"],
  cli: [...everything, "store/*"],
};

/** Files other parts may import beside a part's `index.ts`. */
const otherDoors = [
  /^store\/(contract|deaths|encrypted|errors|findings|flow|moved|schedules|sealing)\.ts$/,
  /^index\.ts$/,
  /^address\.ts$/,
  /^open\.ts$/,
  /^worker\.ts$/,
  /^worker\/durable\.ts$/,
  /^isolate\/inside\/application\.ts$/,
  /^with\/[^/]+\.ts$/,
];

/**
 * Judges a set of files.
 * @param {Map<string, string[]>} files paths below `src/`, and the paths below `src/` that each imports
 * @returns {string[]} one sentence for each import that should not be
 */
export function brokenArrows(files) {
  /** @type {string[]} */
  const broken = [];
  for (const [from, imports] of files) {
    if (isTest(from)) continue;
    const partOfFrom = partOf(from);
    if (ruleFor(partOfFrom) === undefined)
      broken.push(`src/${from} is in a part without arrows: ${partOfFrom}.`);
    for (const to of imports) {
      const reason = whyNot(partOfFrom, to);
      if (reason) broken.push(`src/${from} imports src/${to}, but ${reason}.`);
    }
  }
  return [...broken, ...circles(files)];
}

/**
 * @param {string} partOfFrom
 * @param {string} to
 */
function whyNot(partOfFrom, to) {
  if (isTest(to)) return "nothing imports a test";
  const partOfTo = partOf(to);
  if (partOfTo === partOfFrom) return undefined;
  const allowed = ruleFor(partOfFrom) ?? [];
  const isStore = partOfTo.startsWith("store/");
  if (!allowed.includes(partOfTo) && !(isStore && allowed.includes("store/*"))) {
    return `${partOfFrom} may import ${allowed.length > 0 ? `only ${allowed.join(", ")}` : "no other part"}`;
  }
  const isDoor = to === `${partOfTo}/index.ts` || otherDoors.some((door) => door.test(to));
  return isDoor ? undefined : `${partOfTo} is entered through ${partOfTo}/index.ts`;
}

/** @param {string} part */
function ruleFor(part) {
  return arrows[part] ?? (part.startsWith("store/") ? arrows["store/*"] : undefined);
}

/** @param {string} path */
function partOf(path) {
  const [first = "", second = "", third] = path.split("/");
  if (second === "") return first.replace(/\.ts$/, "");
  const isNested =
    third !== undefined &&
    (first === "store" ||
      (first === "runner" && second === "child") ||
      (first === "isolate" && second === "inside"));
  return isNested ? `${first}/${second}` : first;
}

/** @param {string} path */
function isTest(path) {
  return path.endsWith(".test.ts");
}

/**
 * Finds circles by walking depth first; each is reported once, at the import that closes it.
 * @param {Map<string, string[]>} files
 */
function circles(files) {
  /** @type {string[]} */
  const found = [];
  const finished = new Set();
  /** @param {string[]} trail */
  const walk = (trail) => {
    const file = trail.at(-1) ?? "";
    for (const next of files.get(file) ?? []) {
      const start = trail.indexOf(next);
      if (start >= 0)
        found.push(`A circle: ${[...trail.slice(start), next].map((p) => `src/${p}`).join(" → ")}.`);
      else if (!finished.has(next)) walk([...trail, next]);
    }
    finished.add(file);
  };
  for (const file of files.keys()) if (!finished.has(file)) walk([file]);
  return found;
}

/**
 * Reads every source file below a folder with what it imports from there.
 * @param {string} source
 * @returns {Map<string, string[]>}
 */
function readImports(source) {
  const paths = readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts"))
    .sort();
  return new Map(paths.map((path) => [path, importsOf(path, readFileSync(join(source, path), "utf8"))]));
}

/**
 * @param {string} path
 * @param {string} text
 */
function importsOf(path, text) {
  const imports = typescript.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);
  const relative = imports.filter((name) => name.startsWith("."));
  return [
    ...new Set(
      relative.map((name) => join(dirname(path), name).replaceAll("\\", "/").replace(/\.js$/, ".ts")),
    ),
  ];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const broken = brokenArrows(readImports(fileURLToPath(new URL("../src", import.meta.url))));
  for (const sentence of broken) console.error(sentence);
  if (broken.length > 0) process.exitCode = 1;
}
