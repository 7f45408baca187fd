// `duckdive tell`: something that workers are to do, for one of them or for all that are there.
//
// It is durable and heard within moments; this command does not wait until it was obeyed. `duckdive workers` shows
// what came of it.
import type { Command as CommanderCommand } from "commander";
import { didYouMean } from "../../kernel/index.js";
import type { Command } from "../../queue/index.js";
import { AmbiguousIdError, NothingMatchedError, UnknownWorkerError, UsageError } from "../errors.js";
import { type ExitCode, exits } from "../exit.js";
import { findId } from "../find.js";
import { jsonInput, slots, time } from "../parse.js";
import type { Perform } from "../perform.js";
import { type Cli, type Session, withSession } from "../session.js";
import { many } from "../words.js";

interface Options {
  readonly drain?: string;
}

const verbs = ["quiet", "resume", "stop", "kill", "queues", "message"] as const;
type Verb = (typeof verbs)[number];

export function defineTell(command: CommanderCommand, perform: Perform): void {
  command
    .argument("<worker>", 'a worker, by id or its beginning, or "all"')
    .argument("<what>", `one of: ${verbs.join(", ")}`)
    .argument("[details...]", "queues: slots, such as mail=3; kill: runs; message: its name, and JSON")
    .option("--drain <time>", "stop: how long to wait for handlers (else what the worker was started with)")
    .action((worker: string, what: string, details: string[], options: Options) =>
      perform((cli) => tell(cli, worker, what, details, options)),
    );
}

async function tell(
  cli: Cli,
  worker: string,
  what: string,
  details: readonly string[],
  options: Options,
): Promise<ExitCode> {
  const verb = verbOf(what);
  refuseStrangers(verb, details, options);
  return withSession(cli, { access: "existing" }, async (session) => {
    const command = await commandOf(session, verb, details, options);
    const to = worker === "all" ? worker : await findWorker(session, worker);
    const told = await session.duckdive.tell(to, command);
    if (told === 0) {
      throw worker === "all"
        ? new NothingMatchedError("No worker is running, so nobody was told.")
        : new UnknownWorkerError(`The worker ${to} has gone meanwhile: \`duckdive workers --departed\`.`);
    }
    if (cli.output.isJson) cli.output.json({ told, ...command });
    else cli.output.line(`${many(told, "worker")} told. See what comes of it: duckdive workers`);
    return exits.fine;
  });
}

function verbOf(what: string): Verb {
  const verb = verbs.find((one) => one === what);
  if (verb !== undefined) return verb;
  throw new UsageError(
    `A worker cannot be told to "${what}".${didYouMean(what, verbs)} It can be told: ${verbs.join(", ")}.`,
  );
}

function refuseStrangers(verb: Verb, details: readonly string[], { drain }: Options): void {
  if (drain !== undefined && verb !== "stop")
    throw new UsageError(`--drain belongs to \`stop\`, and this is \`${verb}\`.`);
  if (details.length > 0 && (verb === "quiet" || verb === "resume" || verb === "stop"))
    throw new UsageError(`\`${verb}\` takes nothing more, and "${details[0]}" was given.`);
  if (verb === "message" && (details.length === 0 || details.length > 2))
    throw new UsageError(`\`message\` takes a name, and JSON if you like: message reload '{"since":7}'.`);
}

async function commandOf(
  { store }: Session,
  verb: Verb,
  details: readonly string[],
  { drain }: Options,
): Promise<Command> {
  switch (verb) {
    case "quiet":
    case "resume":
      return { do: verb };
    case "stop":
      return drain === undefined ? { do: verb } : { do: verb, drain: time(drain, "--drain") };
    case "kill": {
      if (details.length === 0) return { do: verb };
      const runs: string[] = [];
      for (const run of details) runs.push(await findId(store, run));
      return { do: verb, runs };
    }
    case "queues": {
      const queues = slots(details, undefined, verb);
      if (queues !== undefined) return { do: verb, queues };
      throw new UsageError("Which queues? Give slots by queue: duckdive tell all queues mail=3,*=5.");
    }
    case "message": {
      const [name = "", json] = details;
      if (json === undefined) return { name };
      const payload = jsonInput(
        json,
        "The payload",
        `Quote it for the shell: message ${name} '{"since":7}'.`,
      );
      return { name, payload };
    }
  }
}

async function findWorker({ store }: Session, given: string): Promise<string> {
  const ids = (await store.workers()).map(({ id }) => id);
  const found = ids.includes(given) ? [given] : ids.filter((id) => id.startsWith(given));
  const [first, second] = found;
  if (second !== undefined)
    throw new AmbiguousIdError(
      [`Several workers begin with ${given}. Give more of the id:`, ...found].join("\n  "),
    );
  if (first !== undefined) return first;
  throw new UnknownWorkerError(
    `No worker that is registered begins with "${given}".${didYouMean(given, [...ids, "all"])} ` +
      "`duckdive workers` lists them, and with --departed those that are gone.",
  );
}
