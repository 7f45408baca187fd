// Jobs out of what files export. Pure: exports in, jobs out, and every complaint names its file.
//
// Each export that is a job counts, in lists and as a default export too. What would be decided by chance is refused:
// two different jobs under one name, and a contract whose handler nobody exports.
//
// Before this file come loaded files. After it come `work` and `enqueue`.
import {
  type AnyContract,
  type AnyJob,
  definitionOf,
  isContract,
  isJob,
  type Signal,
  signalSchema,
  valuesIn,
} from "../job/index.js";
import { type Config, isConfig } from "../open.js";
import type { Schedule } from "../queue/index.js";
import { isSchedule } from "../schedule/index.js";
import { JobFileError } from "./errors.js";
import type { LoadedFile } from "./load.js";

interface Found {
  readonly contract: AnyContract;
  readonly file: string;
}

/**
 * The jobs that files export, by name.
 *
 * @throws JobFileError
 */
export function jobsOf(files: readonly LoadedFile[]): Map<string, AnyJob> {
  const found = files.flatMap(contractsIn);
  const jobs = new Map<string, AnyJob>();
  for (const [name, several] of byName(found)) {
    const [handled] = several.flatMap(({ contract }) => (isJob(contract) ? [contract] : []));
    if (handled === undefined) {
      throw new JobFileError(
        `"${name}" of ${filesOf(several)} is a contract without a handler, and cannot be worked. ` +
          "Name the file that exports what contract.handle(fn) gives back.",
      );
    }
    jobs.set(name, handled);
  }
  if (jobs.size === 0) {
    throw new JobFileError(
      `${files.map(({ file }) => file).join(", ")} ${files.length === 1 ? "exports" : "export"} no job. ` +
        "Export what job({ name, handle }) gives back: `export const welcome = job({ … })`.",
    );
  }
  return jobs;
}

/**
 * What is known of jobs by name, for checking inputs: a handler is not needed.
 *
 * @throws JobFileError
 */
export function contractsOf(files: readonly LoadedFile[]): Map<string, AnyContract> {
  const found = byName(files.flatMap(contractsIn));
  return new Map(
    [...found].flatMap(([name, [first]]) => (first === undefined ? [] : [[name, first.contract]])),
  );
}

/** The configuration among files: what `config({ … })` gave back, as the default export. */
export function configOf({ file, exports }: LoadedFile): Config {
  const candidates = [exports.default, exports];
  for (const candidate of candidates) if (isConfig(candidate)) return candidate;
  throw new JobFileError(
    `${file} has no configuration as its default export. Use \`export default config({ store, jobs })\`.`,
  );
}

/** Whether a file is a configuration. */
export function isConfigFile({ exports }: LoadedFile): boolean {
  return isConfig(exports.default) || isConfig(exports);
}

/**
 * The signals that files export, by name.
 *
 * @throws JobFileError when two of them have one name
 */
export function signalsOf(files: readonly LoadedFile[]): Map<string, Signal<string, unknown, unknown>> {
  const signals = new Map<string, Signal<string, unknown, unknown>>();
  for (const { file, exports } of files) {
    for (const signal of valuesIn(exports, isSignal).filter(isSignal)) {
      const before = signals.get(signal.name);
      if (before !== undefined && before !== signal) {
        throw new JobFileError(
          `Two different signals are named "${signal.name}", one of them in ${file}. Rename one: a wait knows its signal by the name.`,
        );
      }
      signals.set(signal.name, signal);
    }
  }
  return signals;
}

function isSignal(value: unknown): value is Signal<string, unknown, unknown> {
  return signalSchema(value) !== undefined;
}

/** The schedules that files export, each once; two different ones under one name are refused by whoever opens them. */
export function schedulesOf(files: readonly LoadedFile[]): Schedule[] {
  return [...new Set(files.flatMap(({ exports }) => valuesIn(exports, isSchedule)).filter(isSchedule))];
}

function contractsIn(file: LoadedFile): Found[] {
  return valuesIn(file.exports, isContract)
    .filter(isContract)
    .map((contract) => ({ contract, file: file.file }));
}

function byName(found: readonly Found[]): Map<string, Found[]> {
  const names = new Map<string, Found[]>();
  for (const one of found) {
    const { name } = one.contract;
    const before = names.get(name) ?? [];
    for (const other of before) {
      if (isSame(one.contract, other.contract)) continue;
      throw new JobFileError(
        `Two different jobs are named "${name}": ${filesOf([other, one])}. ` +
          "Rename one of them: a run is brought to its handler by the job's name.",
      );
    }
    names.set(name, [...before, one]);
  }
  return names;
}

/** A contract and the job made of it are the same; two jobs made of one contract are not. */
function isSame(one: AnyContract, other: AnyContract): boolean {
  if (one === other) return true;
  if (isJob(one) && isJob(other)) return false;
  return definitionOf(one) === definitionOf(other);
}

function filesOf(found: readonly Found[]): string {
  const files = [...new Set(found.map(({ file }) => file))];
  return files.length === 1 && found.length > 1 ? `both in ${files[0]}` : files.join(" and ");
}
