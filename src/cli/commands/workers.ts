// `duckdive workers`: who is registered, where, what it draws from, and when it last showed that it lives.
import type { Command } from "commander";
import type { WorkerState } from "../../queue/index.js";
import { exits } from "../exit.js";
import type { Perform } from "../perform.js";
import { withSession } from "../session.js";
import { count, relative, shortIdLength, slotsText } from "../words.js";

export function defineWorkers(command: Command, perform: Perform): void {
  command.action(() =>
    perform((cli) =>
      withSession(cli, { access: "existing" }, async ({ duckdive, store }) => {
        const { output } = cli;
        const workers = await duckdive.workers();
        if (output.isJson) output.json(workers);
        else if (workers.length === 0) output.line("No worker is running. Start one: duckdive work FILE");
        else {
          const now = store.now();
          const idLength = (output.width() ?? 200) >= 110 ? 36 : shortIdLength;
          output.table<WorkerState>(
            [
              { header: "worker", cell: ({ id }) => id.slice(0, idLength) },
              { header: "pid", align: "right", cell: ({ pid }) => String(pid) },
              { header: "running", align: "right", cell: ({ running }) => count(running) },
              { header: "seen", align: "right", cell: ({ heartbeatAt }) => relative(heartbeatAt, now) },
              {
                header: "started",
                align: "right",
                cell: ({ startedAt }) => relative(startedAt, now),
                from: 80,
              },
              { header: "queues", cell: ({ queues }) => slotsText(queues), from: 80, least: 8 },
              { header: "host", cell: ({ host }) => host.split("/")[0] ?? host, from: 140, least: 8 },
              { header: "release", cell: ({ release }) => release ?? "", from: 140, least: 8 },
              { header: "jobs", cell: ({ abilities }) => abilities.map(abilityText).join(", ") },
            ],
            workers,
          );
        }
        return exits.fine;
      }),
    ),
  );
}

function abilityText({ job, version }: { job: string; version: number }): string {
  return version === 1 ? job : `${job}@${version}`;
}
