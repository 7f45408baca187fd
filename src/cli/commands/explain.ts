// `duckdive explain ID`: why a run is where it is, in sentences; the first is the answer.
import type { Command } from "commander";
import { exits } from "../exit.js";
import { findId } from "../find.js";
import type { Perform } from "../perform.js";
import { withSession } from "../session.js";
import { clean } from "../text.js";

export function defineExplain(command: Command, perform: Perform): void {
  command
    .argument("<id>", "the run, by its id or at least the first 8 characters of it")
    .action((given: string) =>
      perform((cli) =>
        withSession(cli, { access: "existing" }, async ({ duckdive, store }) => {
          const id = await findId(store, given);
          const sentences = await duckdive.explain(id);
          if (cli.output.isJson) cli.output.json({ id, sentences });
          else for (const sentence of sentences) cli.output.line(clean(sentence));
          return exits.fine;
        }),
      ),
    );
}
