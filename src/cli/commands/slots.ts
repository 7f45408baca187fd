// `duckdive slots`: how many runs of a queue each worker executes at once, at run time.
import type { Command } from "commander";
import { UsageError } from "../errors.js";
import { type ExitCode, exits } from "../exit.js";
import { requireQueue } from "../known.js";
import { integer } from "../parse.js";
import type { Perform } from "../perform.js";
import { type Cli, withSession } from "../session.js";
import { many } from "../words.js";

export function defineSlots(command: Command, perform: Perform): void {
  command
    .argument("[queue]", "the queue; without it: which queues have slots of their own")
    .argument("[n]", "how many slots it has in each worker that draws from it; 0: nothing of it is executed")
    .option("--own", "as many as each worker was started with, again")
    .action((queue: string | undefined, number: string | undefined, options: { own?: boolean }) =>
      perform((cli) =>
        queue === undefined ? list(cli, options.own === true) : set(cli, queue, number, options.own === true),
      ),
    );
}

async function set(cli: Cli, queue: string, number: string | undefined, isOwn: boolean): Promise<ExitCode> {
  if ((number === undefined) === !isOwn)
    throw new UsageError(`How many? Use duckdive slots ${queue} N, or duckdive slots ${queue} --own.`);
  const slots = number === undefined ? undefined : integer(number, "The number of slots", 0);
  return withSession(cli, { access: "existing" }, async ({ duckdive, store }) => {
    const { output } = cli;
    await requireQueue(cli, store, queue);
    await duckdive.setSlots(queue, slots);
    if (output.isJson) output.json({ queue, slots: slots ?? null });
    else if (slots === undefined)
      output.line(`Each worker draws from queue ${queue} with its own slots again.`);
    else
      output.line(
        `Each worker that draws from queue ${queue} does so with ${many(slots, "slot")}, within some ten seconds. ` +
          `Undo: duckdive slots ${queue} --own`,
      );
    return exits.fine;
  });
}

async function list(cli: Cli, isOwn: boolean): Promise<ExitCode> {
  if (isOwn) throw new UsageError("Which queue? Use duckdive slots QUEUE --own.");
  return withSession(cli, { access: "existing" }, async ({ duckdive }) => {
    const { output } = cli;
    const found = (await duckdive.queues()).flatMap(({ name, slots }) =>
      slots === undefined ? [] : [{ queue: name, slots }],
    );
    if (output.isJson) output.json(found);
    else if (found.length === 0) output.line("No queue has slots set: each worker has its own.");
    else
      output.table(
        [
          { header: "queue", cell: ({ queue }) => queue, least: 8 },
          { header: "slots", align: "right", cell: ({ slots }) => String(slots) },
        ],
        found,
      );
    return exits.fine;
  });
}
