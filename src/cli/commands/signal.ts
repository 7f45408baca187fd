// `duckdive signal RUN NAME [JSON]`: sends a signal to a run, or to whichever run of a job has a unique key.
//
// Where the signal's definition is at hand, exported by the files of `--jobs` or by the configuration, its schema judges the
// payload now. Where it is not, the payload is sent as it is and the handler's schema judges it when it is read: a run that
// fails of that is mended by `duckdive retry RUN --from STEP`, which forgets the wait and what came by it. Who sends to a name
// that looks like one which the run waits for, but is not it, has misspelled it: nobody would ever notice.
import type { Command } from "commander";
import {
  type AnyContract,
  job as define,
  policyOf,
  type Signal,
  storeSignal,
  uniqueKeyOf,
} from "../../job/index.js";
import { didYouMean, encode, newId } from "../../kernel/index.js";
import { checkId, SignalUnheardError, stepsOf } from "../../queue/index.js";
import type { NewSignal } from "../../store/contract.js";
import { contractsOf, signalsOf } from "../collect.js";
import { UnknownSignalError, UsageError } from "../errors.js";
import { type ExitCode, exits } from "../exit.js";
import { findId } from "../find.js";
import { requireJob } from "../known.js";
import { type LoadedFile, loadFiles } from "../load.js";
import { gather, jsonInput } from "../parse.js";
import type { Perform } from "../perform.js";
import { type Cli, type LoadedConfig, loadConfig, type Session, withSession } from "../session.js";

interface SignalOptions {
  readonly job?: string;
  readonly key?: string;
  readonly jobs?: string[];
  readonly id?: string;
}

/** For whom, what, and with what, as typed. */
interface Asked {
  readonly to: { readonly run: string } | { readonly job: string; readonly key: string };
  readonly name: string;
  readonly json: string | undefined;
}

export function defineSignal(command: Command, perform: Perform): void {
  command
    .argument("[run]", "the run, by its id or at least the first 8 characters of it; none with --key")
    .argument("[name]", "the signal, by name")
    .argument("[json]", "what is sent with it")
    .option("--job <name>", "with --key: the job whose runs have such keys")
    .option("--key <key>", "for whichever run of the job has this unique key, or gets it next")
    .option(
      "--jobs <file>",
      "check the payload by the signal that this file exports; may be given several times",
      gather,
    )
    .option("--id <uuid>", "an id of your own: sending twice with one id is sending once")
    .action(
      (
        first: string | undefined,
        second: string | undefined,
        third: string | undefined,
        options: SignalOptions,
      ) => perform((cli) => signal(cli, askedIn([first, second, third], options), options)),
    );
}

function askedIn(words: readonly (string | undefined)[], { job, key }: SignalOptions): Asked {
  if ((job === undefined) !== (key === undefined))
    throw new UsageError(
      "--job and --key go together: the unique key, and the job whose runs have such keys.",
    );
  const isKeyed = job !== undefined && key !== undefined;
  const [name, json, tooMany] = isKeyed ? words : words.slice(1);
  const [run] = words;
  if (tooMany !== undefined)
    throw new UsageError("A run and a key were both given. Name the run, or --job and --key, and not both.");
  if (name === undefined || run === undefined)
    throw new UsageError(
      "For whom, and which signal? Use: duckdive signal RUN NAME [JSON], or duckdive signal --job JOB --key KEY NAME [JSON].",
    );
  return { to: isKeyed ? { job, key } : { run }, name, json };
}

async function signal(cli: Cli, asked: Asked, options: SignalOptions): Promise<ExitCode> {
  const { name, json } = asked;
  if (options.id !== undefined) checkId(options.id);
  const given =
    json === undefined
      ? undefined
      : jsonInput(json, "The payload", `Quote it for the shell: ${name} '{"by":"Ada"}'.`);
  const config = await loadConfig(cli);
  const files = options.jobs === undefined ? [] : await loadFiles(options.jobs, cli.folder);
  const definition = findSignal(name, files, config, options);
  const payload =
    definition === undefined ? encode(given, { what: "The payload" }) : await storeSignal(definition, given);
  return withSession(cli, { access: "existing", configured: config }, async (session) => {
    const to = await addressOf(cli, session, asked, contractsOf(files), config);
    const sent = { id: options.id ?? newId(), to, name, payload };
    const [isHeard = false] = await session.store.signal([sent]);
    if (!isHeard && "run" in to) throw new SignalUnheardError({ signal: name, runId: to.run });
    say(cli, sent, { isHeard, isChecked: definition !== undefined, hasPayload: json !== undefined });
    return exits.fine;
  });
}

/** The definition that the payload is checked by; undefined: there is none at hand. */
function findSignal(
  name: string,
  files: readonly LoadedFile[],
  config: LoadedConfig | undefined,
  { jobs }: SignalOptions,
): Signal<string, unknown, unknown> | undefined {
  const known = signalsOf(jobs === undefined && config !== undefined ? [config] : files);
  const found = known.get(name);
  if (found !== undefined || jobs === undefined) return found;
  throw new UnknownSignalError(
    `No signal in ${jobs.join(", ")} is called "${name}".${didYouMean(name, [...known.keys()])} ` +
      "Export what signal(name, schema) gives back, or leave --jobs out.",
  );
}

async function addressOf(
  cli: Cli,
  { store }: Session,
  { to, name }: Asked,
  contracts: ReadonlyMap<string, AnyContract>,
  config: LoadedConfig | undefined,
): Promise<NewSignal["to"]> {
  if ("run" in to) {
    const run = await findId(store, to.run);
    await refuseMisspelled(store, run, name);
    return { run };
  }
  const { job, key } = to;
  const known: AnyContract | undefined =
    contracts.get(job) ?? config?.config.options.jobs?.find((one) => one.name === job);
  if (known === undefined) await requireJob(cli, store, job);
  const contract = known ?? define({ name: job, unique: { by: () => key } });
  return { job, key: uniqueKeyOf(policyOf(contract).rules ?? {}, job, key) };
}

/** @throws UnknownSignalError when the run waits for one of nearly that name, and has never waited for this one */
async function refuseMisspelled(store: Session["store"], run: string, name: string): Promise<void> {
  const waits = stepsOf(run, await store.entries(run)).filter(({ kind }) => kind === "signal");
  if (waits.some((step) => step.signal === name)) return;
  const pending = waits.flatMap((step) => (step.state === "pending" ? [step.signal ?? ""] : []));
  const suggestion = didYouMean(name, pending);
  if (suggestion !== "") throw new UnknownSignalError(`Run ${run} does not wait for "${name}".${suggestion}`);
}

function say(
  { output }: Cli,
  sent: NewSignal,
  how: { readonly isHeard: boolean; readonly isChecked: boolean; readonly hasPayload: boolean },
): void {
  const { id, name, to } = sent;
  const { isHeard, isChecked, hasPayload } = how;
  if (output.isJson) {
    output.json({
      id,
      name,
      ...("run" in to ? { run: to.run } : { job: to.job, key: to.key, kept: !isHeard }),
      checked: isChecked,
    });
    return;
  }
  if ("run" in to) output.line(`Signal ${name} sent to run ${to.run}.`);
  else if (isHeard) output.line(`Signal ${name} sent to the run with the key ${to.key}.`);
  else
    output.line(
      `No run has the key ${to.key} now. Signal ${name} is kept for the next that gets it, for 30 days.`,
    );
  if (hasPayload && !isChecked)
    output.note(
      output.colors.dim("What is sent with it is checked by the handler. To check it here: --jobs FILE."),
    );
}
