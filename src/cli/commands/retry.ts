// `duckdive retry`: failed and cancelled runs again, with all attempts.
import type { Command } from "commander";
import { type Action, type ActOptions, act, addActOptions } from "../act.js";
import type { Perform } from "../perform.js";

const action: Action = {
  verb: "retry",
  done: "retried",
  states: ["failed", "cancelled"],
  apply: (duckdive, target, _, bulk) => duckdive.retry(target, bulk),
};

export function defineRetry(command: Command, perform: Perform): void {
  addActOptions(command).action((ids: string[], options: ActOptions) =>
    perform((cli) => act(cli, action, ids, options)),
  );
}
