// `duckdive move --from URL --to URL`: moves what is in one store to another one.
//
// Runs keep their id, state, attempts, times, error, output, timeline and log. It may be interrupted at any moment: the
// same command goes on where it was. Workers are stopped before; applications may go on enqueueing into either store.
// `--from` may be another queue as well: BullMQ, Resque, pg-boss, graphile-worker; that is a matter of its own.
import type { Command } from "commander";
import { storeOf } from "../../address.js";
import type { Store } from "../../store/contract.js";
import { UsageError } from "../errors.js";
import { type ExitCode, exits } from "../exit.js";
import { importing, isOtherQueue } from "../importing/index.js";
import { openJournal } from "../journal.js";
import { type Moved, moveRuns } from "../moving.js";
import { gather } from "../parse.js";
import type { Perform } from "../perform.js";
import { type Cli, StoreError } from "../session.js";
import { requireStore, shownStore, type Target } from "../target.js";
import { count, many } from "../words.js";

interface MoveCommandOptions {
  readonly from?: string;
  readonly to?: string;
  readonly fromSchema?: string;
  readonly toSchema?: string;
  readonly journal: string;
  readonly jobs?: string[];
  readonly mapping?: string;
  readonly queue?: string[];
  readonly remove?: boolean;
  readonly dryRun?: boolean;
}

export function defineMove(command: Command, perform: Perform): void {
  command
    .description(
      "Move what is in one store to another one; or bring what waits in another queue: BullMQ, Resque, pg-boss, graphile-worker.",
    )
    .option("--from <url>", "the store that runs leave, or another queue: bullmq:redis://localhost")
    .option("--to <url>", "the store that they come to; it is made when it is not there")
    .option(
      "--from-schema <name>",
      "the schema of the first, on PostgreSQL; in Redis, what its keys begin with",
    )
    .option("--to-schema <name>", "the schema of the second, on PostgreSQL")
    .option(
      "--journal <file>",
      "keeps what is on its way; one that is there is gone on with",
      "duckdive.move",
    )
    .optionsGroup("From another queue:")
    .option(
      "--jobs <file>",
      "check inputs by the definitions in this file; may be given several times",
      gather,
    )
    .option("--mapping <file>", "what its jobs become, by name")
    .option("--queue <name>", "only this queue of it; may be given several times", gather)
    .option("--remove", "remove each job over there when its run is recorded")
    .option("--dry-run", "only count what would be brought")
    .action((options: MoveCommandOptions) => perform((cli) => move(cli, options)));
}

async function move(cli: Cli, options: MoveCommandOptions): Promise<ExitCode> {
  const { from, to } = options;
  if (from !== undefined && isOtherQueue(from)) return importing(cli, { ...options, from });
  refuseImportOptions(options);
  if (from === undefined || to === undefined)
    throw new UsageError(
      "Which stores? Give both: duckdive move --from sqlite:./jobs.db --to postgres://localhost/app. Or another queue: " +
        "duckdive move --from bullmq:redis://localhost --to sqlite:./jobs.db",
    );
  if (cli.globals.store !== undefined || cli.globals.schema !== undefined)
    throw new UsageError(
      "move has two stores, so --store and --schema say nothing. Use --from, --to, --from-schema, --to-schema.",
    );
  const source = targetOf(from, "from --from", options.fromSchema);
  const destination = targetOf(to, "from --to", options.toSchema);
  requireStore(source, "Name with --from the store that runs are to leave.");
  const opened: Store[] = [];
  try {
    const leaving = await opening(source, false, opened);
    const coming = await opening(destination, true, opened);
    const nonces = [await leaving.nonce(), await coming.nonce()] as const;
    if (nonces[0] === nonces[1])
      throw new UsageError("--from and --to are one store. Nothing has to be moved.");
    const journal = openJournal(options.journal, ...nonces);
    if (journal.found !== undefined) cli.output.note(`Going on with the move of ${options.journal}.`);
    const moved = await moveRuns({
      from: leaving,
      to: coming,
      journal,
      tell: (done, of) => cli.output.progress(`${count(done)} of ${count(of)} runs moved`),
    });
    cli.output.progress("");
    print(cli, moved, source, destination);
    return moved.left === 0 ? exits.fine : exits.failed;
  } finally {
    for (const store of opened) await store.close();
  }
}

/** A move takes everything, and needs nobody to say what it is. */
function refuseImportOptions(options: MoveCommandOptions): void {
  for (const name of ["jobs", "mapping", "queue", "remove", "dryRun"] as const) {
    if (options[name] === undefined) continue;
    const shown = name === "dryRun" ? "dry-run" : name;
    throw new UsageError(
      `--${shown} is for moving from another queue: duckdive move --from bullmq:redis://localhost. Leave it out.`,
    );
  }
}

function targetOf(store: string, from: string, schema: string | undefined): Target {
  return { store, from, options: schema === undefined ? {} : { schema } };
}

async function opening(target: Target, migrate: boolean, opened: Store[]): Promise<Store> {
  try {
    const store = storeOf(target.store, { ...target.options, migrate }, () => {});
    opened.push(store);
    await store.open();
    return store;
  } catch (error) {
    throw new StoreError(error, target);
  }
}

function print({ output }: Cli, { moved, checksum, left }: Moved, source: Target, destination: Target): void {
  const all = Object.values(moved).reduce((sum, number) => sum + number, 0);
  if (output.isJson) {
    output.json({ moved: all, states: moved, checksum, left });
    return;
  }
  const parts = Object.entries(moved).map(([state, number]) => `${count(number)} ${state}`);
  output.line(`${many(all, "run")} moved from ${shownStore(source)} to ${shownStore(destination)}.`);
  if (parts.length > 0) output.line(`${parts.join(", ")}; read back, checksum ${checksum} on both sides.`);
  if (left > 0) {
    output.note(
      `${many(left, "run")} still in the first store: running, or changed while they were read. Start the same command again.`,
    );
  }
}
