// `duckdive queues`: every queue, what is in it, and how long the longest-due run has waited.
import type { Command } from "commander";
import type { QueueState } from "../../queue/index.js";
import { exits } from "../exit.js";
import type { Perform } from "../perform.js";
import { withSession } from "../session.js";
import { coarse, count } from "../words.js";

export function defineQueues(command: Command, perform: Perform): void {
  command.action(() =>
    perform((cli) =>
      withSession(cli, { access: "existing" }, async ({ duckdive, store }) => {
        const { output } = cli;
        const queues = await duckdive.queues();
        if (output.isJson) output.json(queues);
        else if (queues.length === 0) {
          output.line("No queue yet. A queue is there when a run is in it, or a worker has a job of it.");
        } else {
          const number = (name: "ready" | "running" | "scheduled" | "waiting") => ({
            header: name,
            align: "right" as const,
            cell: (queue: QueueState) => count(queue[name]),
          });
          output.table<QueueState>(
            [
              { header: "queue", cell: ({ name }) => name, least: 8 },
              number("ready"),
              number("running"),
              number("scheduled"),
              number("waiting"),
              {
                header: "oldest",
                align: "right",
                cell: ({ oldest }) =>
                  oldest === undefined ? "" : coarse(Math.max(0, store.now() - oldest.getTime())),
              },
              {
                header: "",
                cell: ({ paused }) => (paused ? { text: "paused", paint: output.colors.yellow } : ""),
              },
            ],
            queues,
          );
        }
        return exits.fine;
      }),
    ),
  );
}
