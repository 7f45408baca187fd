// "Did you mean" for jobs and queues in a filter that matched nothing.
//
// A misspelled name in a filter is no error to the store: nothing has that name, so nothing matches. A person wants to
// hear of it.
//
// Before this file come `runs` and its kin. After it comes what workers have published.
import { didYouMean } from "../kernel/index.js";
import type { Filter } from "../queue/index.js";
import type { Store } from "../store/contract.js";

/** A sentence for each name of the filter that nobody knows, or nothing. */
export async function suggestNames(
  store: Pick<Store, "definitions" | "queues">,
  { job, queue }: Filter,
): Promise<string> {
  const asked = { job: namesIn(job), queue: namesIn(queue) };
  if (asked.job.length === 0 && asked.queue.length === 0) return "";
  const jobs = (await store.definitions()).map((definition) => definition.job);
  const queues = (await store.queues()).map(({ name }) => name);
  return [...unknown("job", asked.job, jobs), ...unknown("queue", asked.queue, queues)].join("");
}

function namesIn(value: Filter["job"] | Filter["queue"]): string[] {
  return [value ?? []].flat().flatMap((one) => (typeof one === "string" ? [one] : [one.name]));
}

function unknown(kind: string, names: readonly string[], known: readonly string[]): string[] {
  return names
    .filter((name) => !known.includes(name))
    .map((name) => ` No ${kind} "${name}" is known here.${didYouMean(name, known)}`);
}
