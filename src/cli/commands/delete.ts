// `duckdive delete`: removes runs that are not running, with all that is recorded of them.
import type { Command } from "commander";
import { type Action, type ActOptions, act, addActOptions } from "../act.js";
import type { Perform } from "../perform.js";

const action: Action = {
  verb: "delete",
  done: "deleted",
  states: ["scheduled", "ready", "waiting", "succeeded", "failed", "cancelled"],
  apply: (duckdive, target, _, bulk) => duckdive.delete(target, bulk),
};

export function defineDelete(command: Command, perform: Perform): void {
  addActOptions(command).action((ids: string[], options: ActOptions) =>
    perform((cli) => act(cli, action, ids, options)),
  );
}
