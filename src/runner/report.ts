// What every worker is doing, for the log when somebody asks by signal, and for code as fields.
//
// Before this file comes the view of the processes. After it comes the runner, which asks each for its latest first.
import { formatBytes, formatDuration } from "../kernel/index.js";
import { shownRun, who } from "./text.js";
import type { ProcessView } from "./view.js";

export interface ReportLine {
  readonly text: string;
  readonly fields: ProcessView;
}

/** Each process in a line of its own, and each of its executions in one below it. */
export function reportLines(processes: readonly ProcessView[]): ReportLine[] {
  return processes.flatMap((view) => [
    { text: processText(view), fields: view },
    ...(view.status?.running ?? []).map((run) => ({
      text: `  ${shownRun(run)} in queue ${run.queue}, for ${formatDuration(run.since)}`,
      fields: view,
    })),
    ...(view.status?.leaked ?? []).map((run) => ({
      text: `  ${shownRun(run)} was given up and has not ended`,
      fields: view,
    })),
  ]);
}

function processText(view: ProcessView): string {
  const { process, pid, state, age, status, blockedFor } = view;
  const name = who({ slot: process - 1, pid });
  if (status === undefined)
    return `${name} is ${state}, ${formatDuration(age)} old; it has said nothing of itself yet`;
  const { running, leaked, ended, memory, delay } = status;
  const parts = [
    `${running.length} executing`,
    ...(leaked.length === 0 ? [] : [`${leaked.length} leaked`]),
    `${ended} ended`,
    formatBytes(memory),
    `event loop late by ${formatDuration(delay)}`,
    ...(blockedFor === undefined ? [] : [`standing still for ${formatDuration(blockedFor)}`]),
    ...timesOf(status),
  ];
  const doing = state === "ready" ? status.state : state;
  return `${name} is ${doing}, ${formatDuration(age)} old: ${parts.join(", ")}`;
}

function timesOf({
  lastFetch,
  lastSettle,
  lastBeat,
  fetchingFor,
}: NonNullable<ProcessView["status"]>): string[] {
  const times = { fetched: lastFetch, settled: lastSettle, "showed life": lastBeat };
  const shown = Object.entries(times).flatMap(([what, time]) =>
    time === undefined ? [] : [`${what} ${formatDuration(time)} ago`],
  );
  return fetchingFor === undefined ? shown : [...shown, `trying to fetch for ${formatDuration(fetchingFor)}`];
}
