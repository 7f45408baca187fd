// `duckdive pause`: no run of a queue or of a job is started any more, by any worker, until it is resumed.
import type { Command } from "commander";
import { addPauseOptions, type PauseOptions, pauseOrResume } from "../pausing.js";
import type { Perform } from "../perform.js";

export function definePause(command: Command, perform: Perform): void {
  addPauseOptions(command).action((queue: string | undefined, options: PauseOptions) =>
    perform((cli) => pauseOrResume(cli, "pause", queue, options)),
  );
}
