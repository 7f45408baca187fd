// Runs as a table: what each is, since when, and what is to be said of it.
//
// On a wide terminal ids are whole; on a narrow one they end where they are still the only ones. The last column says
// the one thing that matters in this state: the error, the progress, what it waits for, when it is due.
//
// Before this file comes a page of runs. After it come `runs`, and dry runs of what acts.
import type { RunRecord } from "../job/index.js";
import type { Output } from "./output.js";
import type { Column } from "./table.js";
import { count, relative, shortIdLength, stateCell } from "./words.js";

const wide = 110;

export function runColumns(output: Output, runs: readonly RunRecord[], now: number): Column<RunRecord>[] {
  const { colors } = output;
  const width = output.width();
  const idLength = width === undefined || width >= wide ? 36 : shortIdLength;
  const hasQueues = runs.some(({ queue }) => queue !== "default");
  return [
    { header: "id", cell: ({ id }) => id.slice(0, idLength) },
    { header: "state", cell: ({ state }) => stateCell(state, colors) },
    { header: "job", cell: ({ job }) => job, least: 8 },
    ...(hasQueues ? [{ header: "queue", cell: ({ queue }: RunRecord) => queue, from: wide, least: 6 }] : []),
    {
      header: "try",
      align: "right",
      cell: ({ attempt }) => (attempt === 0 ? "" : String(attempt)),
      from: 80,
    },
    { header: "asked", align: "right", cell: ({ requestedAt }) => relative(requestedAt, now), from: 70 },
    { header: "", cell: (run) => remark(run, now) },
  ];
}

/** What is to be said of a run, in its state. */
export function remark(run: RunRecord, now: number): string {
  switch (run.state) {
    case "scheduled":
      return run.error === undefined
        ? relative(run.runAt, now)
        : `again ${relative(run.runAt, now)}, after ${run.error.name}: ${run.error.message}`;
    case "waiting":
      return waitingFor(run);
    case "running":
      return run.progress === undefined ? `since ${relative(run.startedAt, now)}` : progressOf(run.progress);
    case "failed":
      return run.error === undefined ? (run.reason ?? "") : `${run.error.name}: ${run.error.message}`;
    case "cancelled":
      return run.reason ?? "";
    default:
      return "";
  }
}

function waitingFor({ waiting, job }: RunRecord): string {
  switch (waiting?.reason) {
    case "worker":
      return `no worker has ${waiting.on ?? job}`;
    case "preparation":
      return "unchecked until a worker knows the job";
    case "paused":
      return "job paused";
    case "entries":
      return `for ${waiting?.on === undefined ? "its calls" : namesIn(waiting.on).join(", ")}`;
    case undefined:
      return "";
    default:
      return `for ${waiting?.reason}${waiting?.on === undefined ? "" : ` (${waiting.on})`}`;
  }
}

/** One name, or a JSON list of names. */
function namesIn(on: string): string[] {
  return on.startsWith("[") ? (JSON.parse(on) as string[]) : [on];
}

export function progressOf({ done, total, note }: NonNullable<RunRecord["progress"]>): string {
  const share =
    total === undefined || total === 0 ? "" : ` of ${count(total)} (${Math.floor((100 * done) / total)} %)`;
  return `${count(done)}${share}${note === undefined ? "" : `, ${note}`}`;
}
