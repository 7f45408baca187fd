// The door of the runner: what a program needs that keeps workers alive itself, and what a worker needs to speak to it.
//
// Before this file come the runner's own. After it come the command line, a program's own parent process, and child/.

export type { ChildState, Program } from "./child.js";
export { HealthPortError, RunnerGaveUpError } from "./errors.js";
export type { Health } from "./health.js";
export {
  attendedBy,
  type Blocked,
  type Death,
  type FromPipe,
  type FromWorker,
  type NamedRun,
  pipeDescriptor,
  type Status,
  statusEvery,
  type ToWorker,
} from "./protocol.js";
export { createRunner, type Runner } from "./runner.js";
export type { Level, RunnerOptions, Say } from "./settings.js";
export { listenToSignals, type SignalRow, signalTable, type Wish } from "./signals.js";
export { type ServiceManager, serviceManager } from "./systemd.js";
export type { ProcessView } from "./view.js";
