// `duckdive cancel`: ends runs, and asks running ones to end.
//
// A running handler ends when it obeys `ctx.signal`; its run is then cancelled, whatever it returns.
import type { Command } from "commander";
import { type Action, type ActOptions, act, addActOptions } from "../act.js";
import type { Perform } from "../perform.js";

const action: Action = {
  verb: "cancel",
  done: "cancelled",
  states: ["scheduled", "ready", "waiting", "running"],
  whileRunning: "asked to end, and cancelled when the handler obeys `ctx.signal`.",
  apply: (duckdive, target, { because = "cancelled from the command line" }, bulk) =>
    duckdive.cancel(target, because, bulk),
};

export function defineCancel(command: Command, perform: Perform): void {
  addActOptions(command)
    .option("--because <text>", "why, for the record")
    .action((ids: string[], options: ActOptions) => perform((cli) => act(cli, action, ids, options)));
}
