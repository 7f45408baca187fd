// A new project: which files it has, and writing them where none of them is yet.
//
// They are the files of templates/ as they stand there, type-checked and linted like everything else: `sqlite` is a whole
// project, `postgres` holds what differs from it. Only three things change on the way: `my-app` becomes the project's
// name, the version of duckdive is the one that writes, and ignore files get their dot, which npm would not pack.
//
// Before this file comes `duckdive init`. After it comes whoever works on the project.
import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { ProjectFolderError } from "./errors.js";
import { version } from "./version.js";

export const projectStores = ["sqlite", "postgres"] as const;
export type ProjectStore = (typeof projectStores)[number];

export interface ProjectFile {
  /** From the project's folder, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Project {
  readonly folder: string;
  readonly name: string;
  readonly files: readonly ProjectFile[];
}

const templates = fileURLToPath(new URL("../../templates/", import.meta.url));
const placeholder = "my-app";
/** npm leaves `.gitignore` out of every package, and obeys it. */
const dotted = new Set(["gitignore", "dockerignore"]);

/**
 * The files of a new project, named after its folder.
 *
 * @param folder absolute; need not be there
 */
export function planProject(folder: string, store: ProjectStore): Project {
  const texts = new Map([...templateFiles("sqlite"), ...(store === "sqlite" ? [] : templateFiles(store))]);
  const manifest: Manifest = JSON.parse(texts.get("package.json") ?? "{}");
  const name = projectName(folder, manifest);
  const dependencies = { ...manifest.dependencies, duckdive: `^${version()}` };
  texts.set("package.json", `${JSON.stringify({ ...manifest, dependencies }, undefined, 2)}\n`);
  const files = [...texts].map(([path, text]) => ({
    path: dotted.has(path) ? `.${path}` : path.replaceAll(placeholder, name),
    text: text.replaceAll(placeholder, name),
  }));
  return { folder, name, files: files.sort((a, b) => (a.path < b.path ? -1 : 1)) };
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function templateFiles(store: ProjectStore): [path: string, text: string][] {
  const root = join(templates, store);
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [relative(root, path).replaceAll(sep, "/"), readFileSync(path, "utf8")]);
}

/** A name that is one for npm, for an image, for a unit and for a user of the system, which has 31 characters at most. */
function projectName(folder: string, { dependencies, devDependencies }: Manifest): string {
  const words = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .slice(0, 27)
    .replaceAll(/^-|-$/g, "");
  if (words === "") return placeholder;
  if (/^\d/.test(words)) return `app-${words}`;
  // npm does not install a package into one of the same name.
  return Object.hasOwn({ ...dependencies, ...devDependencies }, words) ? `${words}-app` : words;
}

/**
 * Writes a project; all of its files, or none.
 *
 * @throws ProjectFolderError one of the files is there already, or the folder cannot be written
 */
export function writeProject({ folder, files }: Project): void {
  requireFree(folder, files);
  const written: string[] = [];
  try {
    for (const { path, text } of files) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text, { flag: "wx" });
      written.push(file);
    }
  } catch (error) {
    for (const file of written) rmSync(file, { force: true });
    throw unusable(folder, error);
  }
}

/** Of the files that are in the way. */
const mostShown = 3;

/**
 * Nothing that is there is ever overwritten.
 *
 * @throws ProjectFolderError one of the files is there already, or what is named is no folder
 */
export function requireFree(folder: string, files: readonly ProjectFile[]): void {
  const found = files.filter(({ path }) => isThere(folder, path)).map(({ path }) => path);
  if (found.length === 0) return;
  const rest = found.length - mostShown;
  const shown = `${found.slice(0, mostShown).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
  throw new ProjectFolderError(
    `${folder} has ${shown} already, and nothing was written. Name a folder that is empty or not there: ` +
      "duckdive init FOLDER. An application that exists needs no init: npm install duckdive, and a file of jobs.",
  );
}

function isThere(folder: string, path: string): boolean {
  try {
    return lstatSync(join(folder, path), { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw unusable(folder, error);
  }
}

function unusable(folder: string, error: unknown): ProjectFolderError {
  const reason = error instanceof Error ? error.message : String(error);
  return new ProjectFolderError(
    `The project cannot be written to ${folder}, and no file was left there (${reason}). Name a folder that this user ` +
      "may write: duckdive init FOLDER.",
    { cause: error },
  );
}
