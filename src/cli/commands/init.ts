// `duckdive init [folder]`: writes a new project that works as it stands: a job, its test, a worker, and what runs it elsewhere.
//
// It opens no store and reads no configuration; `--store` says of which kind the project's own will be.
import { relative, resolve } from "node:path";
import { type Command, Option } from "commander";
import { UsageError } from "../errors.js";
import { type ExitCode, exits } from "../exit.js";
import type { Perform } from "../perform.js";
import {
  type Project,
  type ProjectStore,
  planProject,
  projectStores,
  requireFree,
  writeProject,
} from "../project.js";
import type { Cli } from "../session.js";
import { many } from "../words.js";

interface InitOptions {
  readonly dryRun?: boolean;
}

export function defineInit(command: Command, perform: Perform): void {
  command
    .description(
      "Write a new project: a job, its test, a worker. Its runs live in a SQLite file, or with --store postgres in PostgreSQL.",
    )
    .argument("[folder]", "where, made when it is not there; this folder unless given")
    .option("--dry-run", "write nothing, and list what would be written")
    .configureHelp({ ...command.configureHelp(), visibleGlobalOptions: globalsOf })
    .action((folder: string | undefined, options: InitOptions) =>
      perform(async (cli) => init(cli, folder, options)),
    );
}

/** The options of every command that say something here; `--store` says another thing. */
function globalsOf({ parent }: Command): Option[] {
  const kind = new Option(
    "--store <kind>",
    `the kind of its store: ${projectStores.join(" or ")}; the first unless given`,
  );
  const told = ["version", "json", "verbose"];
  return [kind, ...(parent?.options ?? []).filter((option) => told.includes(option.name()))];
}

function init(cli: Cli, folder: string | undefined, { dryRun = false }: InitOptions): ExitCode {
  const store = storeKind(cli.globals.store);
  const project = planProject(resolve(cli.folder, folder ?? "."), store);
  if (dryRun) requireFree(project.folder, project.files);
  else writeProject(project);
  if (cli.output.isJson) {
    const files = project.files.map(({ path }) => path);
    cli.output.json({ folder: project.folder, name: project.name, store, dryRun, files });
  } else print(cli, project, dryRun);
  return exits.fine;
}

/** Which kind of store; an address is for the environment of the project, and may hold a password. */
function storeKind(given: string | undefined): ProjectStore {
  const kind = projectStores.find((name) => name === (given ?? "sqlite"));
  if (kind !== undefined) return kind;
  throw new UsageError(
    "A new project is told the kind of its store, not an address: --store sqlite or --store postgres. The address is " +
      "given to the project later, by the variable DUCKDIVE_STORE.",
  );
}

function print({ output, folder: here }: Cli, { folder, files }: Project, isDry: boolean): void {
  const shown = relative(here, folder) || "this folder";
  output.line(`${isDry ? "Would write" : "Wrote"} ${many(files.length, "file")} to ${shown}:`);
  for (const { path } of files) output.line(`  ${path}`);
  if (isDry) return;
  output.section("Next:");
  if (folder !== here) output.line(`  cd ${shown}`);
  output.line("  npm install");
  output.line("  npm test       # the types, and the job on the real engine");
  output.line("  npm run dev    # a worker; from another terminal: npm run ask -- Ada");
}
