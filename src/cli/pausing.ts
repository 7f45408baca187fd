// `pause` and `resume`: one thing, named as a queue or a job, checked against those that are known.
//
// A name that nobody knows is refused when it looks like one that somebody does, because a pause that pauses nothing is
// found out too late. A queue or a job that does not exist yet may be paused ahead of its first run, with a warning.
//
// Before this file come two commands of a few lines. After it comes the client.
import type { Command } from "commander";
import { didYouMean } from "../kernel/index.js";
import { UnknownJobError, UnknownQueueError, UsageError } from "./errors.js";
import { type ExitCode, exits } from "./exit.js";
import { type Cli, type Session, withSession } from "./session.js";

export interface PauseOptions {
  readonly queue?: string;
  readonly job?: string;
}

type Thing = { readonly queue: string } | { readonly job: string };

export function addPauseOptions(command: Command): Command {
  return command
    .argument("[queue]", "the queue, as with --queue")
    .option("--queue <name>", "a queue")
    .option("--job <name>", "a job, whichever queue it is in");
}

export async function pauseOrResume(
  cli: Cli,
  verb: "pause" | "resume",
  positional: string | undefined,
  options: PauseOptions,
): Promise<ExitCode> {
  const thing = thingOf(verb, positional, options);
  return withSession(cli, { access: "existing" }, async (session) => {
    await check(cli, session, verb, thing);
    await session.duckdive[verb](thing);
    const words = "queue" in thing ? `queue ${thing.queue}` : `job ${thing.job}`;
    const state = verb === "pause" ? "paused" : "resumed";
    if (cli.output.isJson) cli.output.json({ ...thing, [state]: true });
    else if (verb === "resume") cli.output.line(`${words} resumed.`);
    else
      cli.output.line(
        `${words} paused: what runs goes on, nothing else starts. Undo: duckdive resume ${optionOf(thing)}`,
      );
    return exits.fine;
  });
}

function thingOf(verb: string, positional: string | undefined, { queue, job }: PauseOptions): Thing {
  const given = [
    ...(positional === undefined ? [] : [{ queue: positional }]),
    ...(queue === undefined ? [] : [{ queue }]),
    ...(job === undefined ? [] : [{ job }]),
  ];
  const [thing] = given;
  if (thing !== undefined && given.length === 1) return thing;
  throw new UsageError(
    `What should be ${verb}d? Name one thing: duckdive ${verb} QUEUE, or duckdive ${verb} --job JOB.`,
  );
}

function optionOf(thing: Thing): string {
  return "queue" in thing ? thing.queue : `--job ${thing.job}`;
}

async function check(cli: Cli, { store }: Session, verb: string, thing: Thing): Promise<void> {
  const isQueue = "queue" in thing;
  const name = isQueue ? thing.queue : thing.job;
  const known = isQueue
    ? (await store.queues()).map((queue) => queue.name)
    : (await store.definitions()).map(({ job }) => job);
  const paused = (await store.paused()).flatMap((target) =>
    isQueue ? ("queue" in target ? [target.queue] : []) : "job" in target ? [target.job] : [],
  );
  if (known.includes(name) || paused.includes(name)) {
    if (verb === "resume" && !paused.includes(name)) cli.output.note(`It was not paused.`);
    return;
  }
  const kind = isQueue ? "queue" : "job";
  const suggestion = didYouMean(name, [...known, ...paused]);
  if (suggestion === "" && verb === "pause") {
    cli.output.note(`No ${kind} "${name}" has been seen by a worker yet; it is paused all the same.`);
    return;
  }
  const instead = suggestion === "" ? ` Known: ${known.join(", ") || "none"}.` : suggestion;
  const message = `No ${kind} is called "${name}".${instead}`;
  throw isQueue ? new UnknownQueueError(message) : new UnknownJobError(message);
}
