// `duckdive prune`: removes what is past its keeping now, instead of when a worker gets to it.
import type { Command } from "commander";
import { exits } from "../exit.js";
import type { Perform } from "../perform.js";
import { withSession } from "../session.js";
import { count, many } from "../words.js";

/** Runs in one transaction: few, so that a worker's own writes get between. */
const batch = 500;

export function definePrune(command: Command, perform: Perform): void {
  command.action(() =>
    perform((cli) =>
      withSession(cli, { access: "existing" }, async ({ store }) => {
        let removed = 0;
        for (let last = batch; last === batch; ) {
          last = await store.prune(batch);
          removed += last;
          cli.output.progress(`${count(removed)} removed`);
        }
        cli.output.progress("");
        if (cli.output.isJson) cli.output.json({ removed });
        else
          cli.output.line(
            removed === 0 ? "Nothing is past its keeping." : `${many(removed, "run")} removed.`,
          );
        return exits.fine;
      }),
    ),
  );
}
