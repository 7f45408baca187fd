// `duckdive doctor`: is anything wrong? The store's own findings, then who works on it and what nobody works on.
//
// Each finding is one line with its remedy. Something that stops runs from running is an error and makes the exit code
// 1; something a person may want to know is a warning. A store that cannot be opened is the answer, not a crash.
import type { Command } from "commander";
import { type ExitCode, exits } from "../exit.js";
import { type Finding, findingsOf } from "../findings.js";
import type { Perform } from "../perform.js";
import {
  type Cli,
  connect,
  findTarget,
  type LoadedConfig,
  loadConfig,
  openSession,
  type Session,
} from "../session.js";
import { requireStore, shownStore } from "../target.js";
import { clean } from "../text.js";
import { version } from "../version.js";
import { many } from "../words.js";

export function defineDoctor(command: Command, perform: Perform): void {
  command.action(() => perform(examine));
}

async function examine(cli: Cli): Promise<ExitCode> {
  const { config, findings: configFindings } = await examineConfig(cli);
  const target = await findTarget(cli, config);
  requireStore(target);
  const session = await openSession(cli, { access: "existing", configured: config });
  try {
    await connect(session);
    const findings = [
      { level: "ok" as const, text: `store ${shownStore(target)}, ${target.from}` },
      ...(await examineStore(session)),
      ...configFindings,
      ...(await examineWork(session)),
    ];
    print(cli, findings);
    return findings.some(({ level }) => level === "error") ? exits.failed : exits.fine;
  } finally {
    await session.duckdive.close();
  }
}

/** A configuration that cannot be loaded is a finding; the store may be fine. */
async function examineConfig(cli: Cli): Promise<{ config: LoadedConfig | undefined; findings: Finding[] }> {
  try {
    const config = await loadConfig(cli);
    if (config === undefined) return { config, findings: [] };
    const jobs = config.config.options.jobs ?? [];
    return {
      config,
      findings: [{ level: "ok", text: `${config.file} has ${many(jobs.length, "job")}` }],
    };
  } catch (error) {
    return {
      config: undefined,
      findings: [{ level: "error", text: error instanceof Error ? error.message : String(error) }],
    };
  }
}

async function examineStore({ store }: Session): Promise<Finding[]> {
  const { notes, migration } = await store.doctor();
  return [
    { level: "ok", text: `duckdive ${version()}, Node ${process.versions.node}, migration ${migration}` },
    ...notes,
  ];
}

async function examineWork({ store, duckdive }: Session): Promise<Finding[]> {
  const [queues, workers, paused, counts, versions, parked, unprepared] = await Promise.all([
    store.queues(),
    store.workers(),
    store.paused(),
    duckdive.stats(),
    store.versions(),
    store.list({ waiting: ["worker"] }, { limit: 500 }),
    store.list({ waiting: ["preparation"] }, { limit: 500 }),
  ]);
  return findingsOf({
    queues,
    workers,
    paused,
    counts,
    versions,
    parked: parked.runs,
    unprepared: unprepared.runs,
    now: store.now(),
  });
}

function print({ output }: Cli, findings: readonly Finding[]): void {
  const errors = findings.filter(({ level }) => level === "error").length;
  const warnings = findings.filter(({ level }) => level === "warn").length;
  if (output.isJson) {
    output.json({ errors, warnings, findings });
    return;
  }
  const { green, yellow, red, bold } = output.colors;
  const marks = { ok: green("ok   "), warn: yellow("warn "), error: red("error") };
  for (const { level, text } of findings) output.line(`${marks[level]}  ${clean(text)}`);
  output.line();
  if (errors + warnings === 0) output.line(bold("Nothing is wrong."));
  else output.line(bold(`${many(errors, "error")}, ${many(warnings, "warning")}.`));
}
