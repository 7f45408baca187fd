// `duckdive resume`: undoes `pause`; what waited is ready at once.
import type { Command } from "commander";
import { addPauseOptions, type PauseOptions, pauseOrResume } from "../pausing.js";
import type { Perform } from "../perform.js";

export function defineResume(command: Command, perform: Perform): void {
  addPauseOptions(command).action((queue: string | undefined, options: PauseOptions) =>
    perform((cli) => pauseOrResume(cli, "resume", queue, options)),
  );
}
