// `duckdive drain QUEUE`: pauses a queue, and waits until nothing of it runs.
import type { Command } from "commander";
import type { QueueState } from "../../queue/index.js";
import { type ExitCode, exits } from "../exit.js";
import { requireQueue } from "../known.js";
import type { Perform } from "../perform.js";
import { type Cli, type Session, withSession } from "../session.js";
import { many } from "../words.js";

export function defineDrain(command: Command, perform: Perform): void {
  command.argument("<queue>", "the queue").action((queue: string) =>
    perform((cli) =>
      withSession(cli, { access: "existing" }, async (session) => {
        await requireQueue(cli, session.store, queue);
        return drain(cli, session, queue);
      }),
    ),
  );
}

async function drain({ output }: Cli, { duckdive }: Session, queue: string): Promise<ExitCode> {
  const enough = new AbortController();
  const stop = (): void => enough.abort();
  process.on("SIGINT", stop).on("SIGTERM", stop);
  const onProgress = (running: number): void => {
    if (running > 0) output.progress(`queue ${queue} paused; ${many(running, "run")} of it running …`);
  };
  try {
    const left = await duckdive.drainQueue(queue, { signal: enough.signal, onProgress });
    output.progress("");
    if (output.isJson) output.json(left);
    else {
      output.line(`Nothing of queue ${queue} runs, and it is paused. Left in it: ${leftText(left)}.`);
      output.line(`Go on: duckdive resume ${queue}`);
    }
    return exits.fine;
  } catch (error) {
    if (!enough.signal.aborted || error !== enough.signal.reason) throw error;
    output.note(`Queue ${queue} stays paused, and some of it still runs. Go on: duckdive resume ${queue}`);
    return exits.failed;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
  }
}

function leftText({ ready, scheduled, waiting }: QueueState): string {
  const parts = Object.entries({ ready, scheduled, waiting }).filter(([, number]) => number > 0);
  return parts.map(([state, number]) => many(number, `${state} run`)).join(", ") || "nothing";
}
