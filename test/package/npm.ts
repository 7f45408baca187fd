// npm as a stranger uses it, and the package as npm packs it.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const execute = promisify(execFile);

/** Runs npm in a folder; answers what it printed, and rejects with all that it said when it fails. */
export async function npm(
  parameters: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const options = { cwd, env: { ...process.env, ...env }, maxBuffer: 10_000_000 };
  try {
    return (await execute("npm", [...parameters], options)).stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`npm ${parameters.join(" ")} failed:\n${stdout}\n${stderr}`, { cause: error });
  }
}

/** Packs this checkout into a folder; answers the path of the file. */
export async function pack(folder: string): Promise<string> {
  const packed = await npm(["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root);
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  return join(folder, filename);
}

/** Installs what a folder's package.json asks for, and a packed package. */
export async function installPacked(tarball: string, folder: string): Promise<void> {
  await npm(["install", "--no-audit", "--no-fund", "--prefer-offline", tarball], folder);
}
