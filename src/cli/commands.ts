// Every command: its name, what it does in one line, and where it is.
//
// The list is written by hand and is all that `duckdive help` needs; a command's own file, with its options, is loaded
// when the command is called or asked about. docs/reference/cli.md has the same list, held equal by a test.
//
// Before this file comes the program. After it come the commands.
import type { Define } from "./perform.js";

export interface Entry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Define>;
}

export const commands: readonly Entry[] = [
  {
    name: "init",
    summary: "Write a new project: a job, its test, a worker",
    load: async () => (await import("./commands/init.js")).defineInit,
  },
  {
    name: "work",
    summary: "Run jobs, from files or from the configuration",
    load: async () => (await import("./commands/work.js")).defineWork,
  },
  {
    name: "serve",
    summary: "Serve the HTTP API and the dashboard, and run jobs beside them",
    load: async () => (await import("./commands/serve.js")).defineServe,
  },
  {
    name: "enqueue",
    summary: "Record a run, or one for each line of standard input",
    load: async () => (await import("./commands/enqueue.js")).defineEnqueue,
  },
  {
    name: "runs",
    summary: "List runs, newest first",
    load: async () => (await import("./commands/runs.js")).defineRuns,
  },
  {
    name: "show",
    summary: "Show everything about a run",
    load: async () => (await import("./commands/show.js")).defineShow,
  },
  {
    name: "explain",
    summary: "Say why a run is where it is",
    load: async () => (await import("./commands/explain.js")).defineExplain,
  },
  {
    name: "retry",
    summary: "Make failed and cancelled runs ready again",
    load: async () => (await import("./commands/retry.js")).defineRetry,
  },
  {
    name: "signal",
    summary: "Send a signal to a run that waits for it, or will",
    load: async () => (await import("./commands/signal.js")).defineSignal,
  },
  {
    name: "cancel",
    summary: "End runs, and ask running ones to end",
    load: async () => (await import("./commands/cancel.js")).defineCancel,
  },
  {
    name: "delete",
    summary: "Remove runs that are not running",
    load: async () => (await import("./commands/delete.js")).defineDelete,
  },
  {
    name: "change",
    summary: "Give runs that wait another queue, priority or time",
    load: async () => (await import("./commands/change.js")).defineChange,
  },
  {
    name: "queues",
    summary: "List queues and what is in them",
    load: async () => (await import("./commands/queues.js")).defineQueues,
  },
  {
    name: "pause",
    summary: "Let no run of a queue or a job start",
    load: async () => (await import("./commands/pause.js")).definePause,
  },
  {
    name: "resume",
    summary: "Let them start again",
    load: async () => (await import("./commands/resume.js")).defineResume,
  },
  {
    name: "drain",
    summary: "Pause a queue and wait until nothing of it runs",
    load: async () => (await import("./commands/drain.js")).defineDrain,
  },
  {
    name: "slots",
    summary: "Set how many runs of a queue each worker executes at once",
    load: async () => (await import("./commands/slots.js")).defineSlots,
  },
  {
    name: "reroute",
    summary: "Send the runs of a job to another queue",
    load: async () => (await import("./commands/reroute.js")).defineReroute,
  },
  {
    name: "workers",
    summary: "List workers and what they do",
    load: async () => (await import("./commands/workers.js")).defineWorkers,
  },
  {
    name: "tell",
    summary: "Tell workers to be quiet, to stop, and other things",
    load: async () => (await import("./commands/tell.js")).defineTell,
  },
  {
    name: "schedules",
    summary: "List schedules, preview, pause, resume and trigger them",
    load: async () => (await import("./commands/schedules.js")).defineSchedules,
  },
  {
    name: "stats",
    summary: "Count runs by state and job, and how fast they go",
    load: async () => (await import("./commands/stats.js")).defineStats,
  },
  {
    name: "prune",
    summary: "Remove runs that are past their keeping",
    load: async () => (await import("./commands/prune.js")).definePrune,
  },
  {
    name: "migrate",
    summary: "Bring the tables up to date",
    load: async () => (await import("./commands/migrate.js")).defineMigrate,
  },
  {
    name: "move",
    summary: "Move what is in one store to another one",
    load: async () => (await import("./commands/move.js")).defineMove,
  },
  {
    name: "doctor",
    summary: "Examine the store and who works on it",
    load: async () => (await import("./commands/doctor.js")).defineDoctor,
  },
];
