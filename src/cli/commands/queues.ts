// `duckdive queues`: every queue, what is in it, how long the longest-due run has waited, and how fast it goes.
//
// How fast is what workers have counted: no run is looked at, so it costs the same however many there are.
import type { Command } from "commander";
import type { QueueState, Throughput } from "../../queue/index.js";
import { exits } from "../exit.js";
import type { Output } from "../output.js";
import type { Perform } from "../perform.js";
import { type Session, withSession } from "../session.js";
import type { Cell, Column } from "../table.js";
import { coarse, count, perMinute, share } from "../words.js";

type Rates = Pick<Throughput, "perMinute" | "failureRate" | "waited" | "ran">;

interface Row extends QueueState {
  readonly lastFiveMinutes: Rates | undefined;
  readonly lastHour: Rates | undefined;
}

export function defineQueues(command: Command, perform: Perform): void {
  command.action(() =>
    perform((cli) =>
      withSession(cli, { access: "existing" }, async (session) => {
        const { output } = cli;
        const rows = await gather(session);
        if (output.isJson) output.json(rows);
        else if (rows.length === 0) {
          output.line("No queue yet. A queue is there when a run is in it, or a worker has a job of it.");
        } else output.table(columns(output, session.store.now()), rows);
        return exits.fine;
      }),
    ),
  );
}

async function gather({ duckdive }: Session): Promise<Row[]> {
  const [queues, five, hour] = await Promise.all([
    duckdive.queues(),
    duckdive.throughput({ since: "5m" }),
    duckdive.throughput({ since: "1h" }),
  ]);
  return queues.map((queue) => ({
    ...queue,
    lastFiveMinutes: ratesOf(five, queue.name),
    lastHour: ratesOf(hour, queue.name),
  }));
}

function ratesOf(throughput: readonly Throughput[], queue: string): Rates | undefined {
  const found = throughput.find(({ name }) => name === queue);
  if (found === undefined) return undefined;
  const { perMinute: rate, failureRate, waited, ran } = found;
  return { perMinute: rate, failureRate, waited, ran };
}

function columns(output: Output, now: number): Column<Row>[] {
  const number = (name: "ready" | "running" | "scheduled" | "waiting"): Column<Row> => ({
    header: name,
    align: "right",
    cell: (queue) => count(queue[name]),
  });
  const rate = (header: string, of: (row: Row) => Rates | undefined, from: number): Column<Row> => ({
    header,
    align: "right",
    cell: (row) => perMinute(of(row)?.perMinute),
    from,
  });
  return [
    { header: "queue", cell: ({ name }) => name, least: 8 },
    number("ready"),
    number("running"),
    number("scheduled"),
    number("waiting"),
    {
      header: "oldest",
      align: "right",
      cell: ({ oldest }) => (oldest === undefined ? "" : coarse(Math.max(0, now - oldest.getTime()))),
    },
    rate("5m /min", ({ lastFiveMinutes }) => lastFiveMinutes, 60),
    rate("1h /min", ({ lastHour }) => lastHour, 110),
    { header: "failed", align: "right", cell: ({ lastHour }) => failedCell(lastHour, output), from: 100 },
    { header: "", cell: (row) => stateOf(row, output, now) },
  ];
}

function failedCell(rates: Rates | undefined, { colors }: Output): Cell {
  const text = share(rates?.failureRate);
  return (rates?.failureRate ?? 0) > 0 ? { text, paint: colors.red } : text;
}

/** What somebody, or something, has made of it. */
function stateOf({ paused, heldUntil, slots }: Row, { colors }: Output, now: number): Cell {
  const held = heldUntil === undefined ? 0 : heldUntil.getTime() - now;
  const words = [
    ...(paused ? ["paused"] : []),
    ...(held > 0 ? [`held ${coarse(held)}`] : []),
    ...(slots === undefined ? [] : [`slots ${slots}`]),
  ];
  return { text: words.join(", "), paint: paused || held > 0 ? colors.yellow : String };
}
