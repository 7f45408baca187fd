// `duckdive schedules`: what ticks when, and what can be done with one of them.
//
// The list is what the store knows: schedules in the code of workers, and those made at run time. Triggering one whose
// input code computes needs that code, which the configuration has.
import type { Command } from "commander";
import { didYouMean, formatDuration } from "../../kernel/index.js";
import type { PastTick, ScheduleHandle, ScheduleState, TickState } from "../../queue/index.js";
import { UsageError } from "../errors.js";
import { type ExitCode, exits } from "../exit.js";
import type { Output } from "../output.js";
import { integer } from "../parse.js";
import type { Perform } from "../perform.js";
import { type Cli, loadConfig, type Session, withSession } from "../session.js";
import type { Cell, Column } from "../table.js";
import { count, relative, stateCell } from "../words.js";

interface Options {
  readonly limit?: string;
}

type Act = (cli: Cli, session: Session, schedule: ScheduleHandle, limit: number | undefined) => Promise<void>;

const acts: Readonly<Record<string, Act>> = { preview, history, pause, resume, trigger, remove };
const names = Object.keys(acts);

export function defineSchedules(command: Command, perform: Perform): void {
  command
    .argument("[what]", `list them, or one of: ${names.join(", ")}`)
    .argument("[name]", "the schedule, by name")
    .option("--limit <n>", "preview: how many ticks (10); history: how many (20)")
    .action((what: string | undefined, name: string | undefined, options: Options) =>
      perform((cli) => schedules(cli, what, name, options)),
    );
}

async function schedules(
  cli: Cli,
  what: string | undefined,
  name: string | undefined,
  { limit }: Options,
): Promise<ExitCode> {
  const most = limit === undefined ? undefined : integer(limit, "--limit", 1);
  if (what === undefined || what === "list") {
    await withSession(cli, { access: "existing" }, (session) => list(cli, session));
    return exits.fine;
  }
  const act = Object.hasOwn(acts, what) ? acts[what] : undefined;
  if (act === undefined) {
    throw new UsageError(
      `duckdive schedules has no "${what}".${didYouMean(what, names)} It has: ${names.join(", ")}.`,
    );
  }
  if (name === undefined) throw new UsageError(`Which one? Name it: duckdive schedules ${what} NAME.`);
  if (most !== undefined && what !== "preview" && what !== "history")
    throw new UsageError(`--limit is for preview and history. Leave it out.`);
  const config = what === "trigger" ? await loadConfig(cli) : undefined;
  const jobs = config?.config.options.jobs ?? [];
  await withSession(cli, { access: "existing", configured: config, jobs }, (session) =>
    act(cli, session, session.duckdive.schedule(name), most),
  );
  return exits.fine;
}

async function list({ output }: Cli, { duckdive, store }: Session): Promise<void> {
  const all = await duckdive.schedules();
  if (output.isJson) {
    output.json(all);
    return;
  }
  if (all.length === 0) {
    output.line(
      "No schedule yet. Those in code are there once a worker that has them has started: open(store, { schedules }).",
    );
    return;
  }
  const now = store.now();
  const columns: Column<ScheduleState>[] = [
    { header: "schedule", cell: ({ name }) => name, least: 8 },
    { header: "ticks", cell: timesText, least: 10 },
    { header: "next", align: "right", cell: (one) => nextCell(one, now, output) },
    { header: "last", align: "right", cell: ({ last }) => relative(last?.at, now) },
    { header: "outcome", cell: ({ last }) => outcomeCell(last, output) },
    { header: "workers", align: "right", cell: ({ workers }) => count(workers), from: 100 },
    { header: "from", cell: ({ origin }) => origin, from: 120 },
    { header: "job", cell: ({ job }) => job },
  ];
  output.table(columns, all);
}

function timesText({ cron, timeZone, every }: ScheduleState): string {
  if (every !== undefined) return `every ${formatDuration(every)}`;
  return timeZone === "UTC" ? `${cron}` : `${cron} ${timeZone}`;
}

function nextCell({ state, next }: ScheduleState, now: number, { colors }: Output): Cell {
  if (state === "active") return relative(next, now);
  return { text: state, paint: state === "unserved" ? colors.red : colors.yellow };
}

function outcomeCell(tick: Pick<TickState, "outcome"> | undefined, { colors }: Output): Cell {
  if (tick === undefined) return "";
  const { outcome } = tick;
  if (outcome === "failed") return { text: outcome, paint: colors.red };
  return outcome === "skipped" || outcome === "missed" ? { text: outcome, paint: colors.yellow } : outcome;
}

async function preview(
  { output }: Cli,
  _session: Session,
  schedule: ScheduleHandle,
  limit = 10,
): Promise<void> {
  const [state, ticks] = await Promise.all([schedule.get(), schedule.preview(limit)]);
  if (output.isJson) {
    output.json(ticks);
    return;
  }
  const timeZone = state?.timeZone ?? "UTC";
  const shown = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  for (const tick of ticks) {
    const local = timeZone === "UTC" ? "" : `  ${shown.format(tick)} ${timeZone}`;
    output.line(`${tick.toISOString()}${output.colors.dim(local)}`);
  }
  if (ticks.length === 0) output.note("It has no tick left.");
}

async function history(
  { output }: Cli,
  { store }: Session,
  schedule: ScheduleHandle,
  limit = 20,
): Promise<void> {
  const ticks = await schedule.history({ limit });
  if (output.isJson) {
    output.json(ticks);
    return;
  }
  if (ticks.length === 0) {
    output.line("It has not ticked yet.");
    return;
  }
  const now = store.now();
  const columns: Column<PastTick>[] = [
    { header: "tick", cell: ({ at }) => at.toISOString() },
    { header: "", align: "right", cell: ({ at }) => relative(at, now), from: 80 },
    { header: "outcome", cell: (tick) => outcomeCell(tick, output) },
    { header: "run", cell: ({ runId }) => runId ?? "" },
    { header: "state", cell: ({ run }) => (run === undefined ? "" : stateCell(run.state, output.colors)) },
    { header: "note", cell: noteText },
  ];
  output.table(columns, ticks);
}

function noteText({ count: ticks, until, note }: PastTick): string {
  const several = ticks > 1 && until !== undefined ? `${count(ticks)} ticks, to ${until.toISOString()}` : "";
  return [several, note ?? ""].filter((part) => part !== "").join("; ");
}

async function pause({ output }: Cli, _session: Session, schedule: ScheduleHandle): Promise<void> {
  const done = await schedule.pause();
  const { name } = schedule;
  if (output.isJson) output.json({ schedule: name, paused: true });
  else if (done) output.line(`schedule ${name} paused. Undo: duckdive schedules resume ${name}`);
  else output.line(`schedule ${name} was paused before.`);
}

async function resume({ output }: Cli, { store }: Session, schedule: ScheduleHandle): Promise<void> {
  const done = await schedule.resume();
  const state = await schedule.get();
  const { name } = schedule;
  if (output.isJson) output.json({ schedule: name, resumed: done, next: state?.next });
  else if (!done) output.line(`schedule ${name} was not paused.`);
  else output.line(`schedule ${name} resumed; next: ${relative(state?.next, store.now()) || state?.state}.`);
}

async function trigger({ output }: Cli, _session: Session, schedule: ScheduleHandle): Promise<void> {
  const { id } = await schedule.trigger();
  if (output.isJson) output.json({ schedule: schedule.name, id });
  else output.line(id);
}

async function remove({ output }: Cli, _session: Session, schedule: ScheduleHandle): Promise<void> {
  const removed = await schedule.remove();
  const { name } = schedule;
  if (output.isJson) output.json({ schedule: name, removed });
  else output.line(removed ? `schedule ${name} removed; its runs stay.` : `No schedule is called ${name}.`);
}
