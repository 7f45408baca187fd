// The record of a run as a table: its durable calls in the order in which they settled, then what it still waits for.
//
// The last column says the one thing that matters: what a call waits for and until when, what it failed with, or what it gave
// back. A long record is shown by its end; `--json` has all of it.
//
// Before this file come the steps of a run. After it comes `show`.
import { formatDuration } from "../kernel/index.js";
import type { Step } from "../queue/index.js";
import type { Output } from "./output.js";
import type { Cell, Column } from "./table.js";
import { count, many, relative } from "./words.js";

/** More than these are not shown. */
const most = 100;
/** Of a value so much is shown, in characters. */
const mostOfValue = 120;

/** A step, and how long after the one before it settled, in milliseconds. */
interface Row extends Step {
  readonly after: number | undefined;
}

/** @param from when the first of them could have begun: the request */
export function printSteps(output: Output, steps: readonly Step[], from: Date, now: number): void {
  if (steps.length === 0) return;
  const rows = rowsOf(steps, from);
  const shown = rows.slice(-most);
  output.section("Steps");
  if (shown.length < rows.length)
    output.line(output.colors.dim(`… ${many(rows.length - shown.length, "more", "more")} before these`));
  output.table(columnsFor(output, shown, now), shown);
}

function rowsOf(steps: readonly Step[], from: Date): Row[] {
  let before: Date | undefined = from;
  return steps.map((step) => {
    const isSettled = step.state !== "pending";
    const after = isSettled ? between(before, step.at) : undefined;
    if (isSettled) before = step.at;
    return { ...step, after };
  });
}

function between(before: Date | undefined, at: Date | undefined): number | undefined {
  return before === undefined || at === undefined ? undefined : Math.max(0, at.getTime() - before.getTime());
}

function columnsFor({ colors }: Output, rows: readonly Row[], now: number): Column<Row>[] {
  const hasTries = rows.some(({ attempts }) => attempts > 1);
  return [
    { header: "name", cell: ({ name }) => name, least: 10 },
    { header: "kind", cell: ({ kind }) => kind, from: 75 },
    { header: "state", cell: (row) => stateOf(row, colors) },
    ...(hasTries ? [{ header: "try", align: "right", cell: triesOf, from: 70 } satisfies Column<Row>] : []),
    { header: "when", align: "right", cell: ({ at }) => relative(at, now) },
    {
      header: "after",
      align: "right",
      cell: ({ after }) => (after === undefined ? "" : `+${formatDuration(after)}`),
      from: 60,
    },
    { header: "", cell: (row) => remark(row, now) },
  ];
}

function triesOf({ attempts }: Row): string {
  return attempts === 0 ? "" : count(attempts);
}

const signs = { pending: "‖", done: "✓", failed: "✗" } as const;

/** A sign, coloured, and a word; on a pipe the word alone. */
function stateOf({ state }: Row, colors: Output["colors"]): Cell {
  if (!colors.isColorSupported) return state;
  const paint = { pending: colors.yellow, done: colors.green, failed: colors.red }[state];
  return { text: `${signs[state]} ${state}`, paint: (text) => paint(text.slice(0, 1)) + text.slice(1) };
}

function remark(row: Row, now: number): string {
  if (row.state === "pending") return waitOf(row, now);
  if (row.state === "failed")
    return row.kind === "signal" && row.error === undefined ? "it did not come in time" : errorOf(row);
  if (row.kind === "children") return endsIn(row.value);
  return row.value === undefined ? "" : cutValue(JSON.stringify(row.value));
}

function waitOf({ kind, due, signal, run, error }: Row, now: number): string {
  const when = due === undefined ? "" : due.getTime() > now ? relative(due, now) : "now";
  switch (kind) {
    case "sleep":
      return `over ${when}`;
    case "signal":
      return `for signal ${signal ?? ""}${when === "" ? "" : `, at most ${when}`}`;
    case "child":
      return `for run ${run ?? ""}`;
    case "children":
      return "for its runs";
    default:
      return `again ${when}${error === undefined ? "" : `, after ${errorOf({ error })}`}`;
  }
}

function errorOf({ error }: Pick<Row, "error">): string {
  return error === undefined ? "" : `${error.name}: ${error.message}`;
}

/** How many children ended, by how they did, as far as the parent has kept it. */
function endsIn(value: unknown): string {
  if (!Array.isArray(value)) return "";
  const counts = new Map<string, number>();
  for (const { state } of value as { readonly state: string }[])
    counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts].map(([state, number]) => `${count(number)} ${state}`).join(", ");
}

function cutValue(text: string): string {
  return text.length > mostOfValue ? `${text.slice(0, mostOfValue)}…` : text;
}
