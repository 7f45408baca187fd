// Names of jobs and queues that somebody knows, for commands that act on one by name.
//
// What is set for a name that nobody has would do nothing, and nobody would notice. So a name that looks like a known one
// is refused, and one that looks like none is said to be unknown: it may be on its way with the next deploy.
//
// Before this file come commands. After it comes what workers have published and what is in the store.
import { didYouMean } from "../kernel/index.js";
import type { Store } from "../store/contract.js";
import { UnknownJobError, UnknownQueueError } from "./errors.js";
import type { Cli } from "./session.js";

/** @throws UnknownJobError when it is nearly another one */
export async function requireJob(cli: Cli, store: Pick<Store, "definitions">, job: string): Promise<void> {
  const known = (await store.definitions()).map((definition) => definition.job);
  const suggestion = suggestionFor(cli, "job", job, known);
  if (suggestion !== "") throw new UnknownJobError(`No job is called "${job}".${suggestion}`);
}

/** @throws UnknownQueueError when it is nearly another one */
export async function requireQueue(
  cli: Cli,
  store: Pick<Store, "queues" | "reroutes">,
  queue: string,
): Promise<void> {
  const [queues, reroutes] = await Promise.all([store.queues(), store.reroutes()]);
  const known = [...queues.map(({ name }) => name), ...Object.values(reroutes)];
  const suggestion = suggestionFor(cli, "queue", queue, known);
  if (suggestion !== "") throw new UnknownQueueError(`No queue is called "${queue}".${suggestion}`);
}

function suggestionFor({ output }: Cli, kind: string, name: string, known: readonly string[]): string {
  if (known.includes(name)) return "";
  const suggestion = didYouMean(name, known);
  if (suggestion === "") output.note(`No ${kind} "${name}" has been seen here yet.`);
  return suggestion;
}
