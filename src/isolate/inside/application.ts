// The application, as an isolate has it: its jobs, and what only the application itself can bring.
//
// Before this file come its modules. After it comes the environment of its handlers.
import type { Adapter, AnyJob } from "../../job/index.js";
import type { Middleware } from "../../middleware/index.js";
import type { Store } from "../../store/contract.js";

export interface Application {
  readonly jobs: ReadonlyMap<string, AnyJob>;
  /** Where the jobs were looked for, for messages. */
  readonly where: string;
  /** Undefined: there is no configuration that could say. */
  readonly middleware: readonly Middleware[] | undefined;
  readonly adapter: Adapter<unknown, boolean> | undefined;
  /** A store of the isolate's own, for what is written in the application's transactions. Connects to nothing by itself. */
  readonly store: (() => Store) | undefined;
}

/** What finds the application: a module of duckdive exports one, by name. */
export type Load = (source: unknown) => Promise<Application>;
