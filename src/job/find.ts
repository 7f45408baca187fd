// The jobs of an application, by name.
//
// Two jobs with one name would share their runs by chance, and a contract without a handler would take runs that
// nobody executes; both are found here, before the first run is claimed. The same job met twice, because two files
// export it, is one job.
//
// Before this file come the definitions. After it come `open({ jobs })`, the worker and the command line.

import { InvalidOptionError } from "../kernel/index.js";
import { isContract, isJob } from "./define.js";
import { ContractNotHandledError, DuplicateJobError } from "./errors.js";
import { show } from "./names.js";
import type { AnyJob } from "./types.js";

/**
 * The jobs by name.
 *
 * @throws DuplicateJobError, ContractNotHandledError, InvalidOptionError for what is no job
 */
export function collectJobs(jobs: Iterable<unknown>): Map<string, AnyJob> {
  const found = new Map<string, AnyJob>();
  for (const candidate of jobs) {
    if (!isJob(candidate)) {
      if (isContract(candidate)) throw new ContractNotHandledError(candidate.name);
      throw new InvalidOptionError(
        `jobs has ${show(candidate)} in it. List what job({ name, handle }) gives back.`,
      );
    }
    const name: string = candidate.name;
    const known = found.get(name);
    if (known !== undefined && known !== candidate) throw new DuplicateJobError(name);
    found.set(name, candidate);
  }
  return found;
}
