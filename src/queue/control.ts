// What workers can be told, and how it travels: commands, and messages of the application.
//
// A command is checked by whoever gives it, and once more by the worker that reads it: what lies in the store may come
// from a newer version, or from a hand that wrote it with SQL. Names that begin with `duckdive.` are ours; all others
// are the application's, and workers hand them to `duckdive.on("message", …)`.
//
// Before this file comes `duckdive.tell`. After it comes the worker, which obeys.
import {
  checkOptions,
  type Duration,
  didYouMean,
  duration,
  encode,
  InvalidOptionError,
} from "../kernel/index.js";

/** What a worker obeys by itself, or a message that it hands to the application's listeners. */
export type Command =
  /** Fetch no more; what runs goes on. Or fetch again. */
  | { do: "quiet" | "resume" }
  /** Stop, having waited up to `drain` for handlers: as long as the worker itself says, unless given. */
  | { do: "stop"; drain?: Duration }
  /** Abort what runs, or these runs, as failed attempts, and go on. */
  | { do: "kill"; runs?: readonly string[] }
  /** Draw from these queues from now on: slots by queue. */
  | { do: "queues"; queues: Record<string, number> }
  | { name: string; payload?: unknown };

/** A command of duckdive, as a worker reads it: checked, and in milliseconds. */
type WorkerCommand =
  | { readonly do: "quiet" | "resume" }
  | { readonly do: "stop"; readonly drain: number | undefined }
  | { readonly do: "kill"; readonly runs: readonly string[] | undefined }
  | { readonly do: "queues"; readonly queues: Readonly<Record<string, number>> };

const prefix = "duckdive.";
const fields = {
  quiet: [],
  resume: [],
  stop: ["drain"],
  kill: ["runs"],
  queues: ["queues"],
} as const satisfies Record<WorkerCommand["do"], readonly string[]>;
const verbs = Object.keys(fields);
/** What a name of a message may be long. */
const longestName = 200;

/**
 * A command as a message.
 *
 * @throws InvalidOptionError for what no worker could obey
 * @throws NotJsonError, TooLargeError: the payload cannot be stored
 */
export function messageOf(command: Command, where: string): { name: string; payload: string | undefined } {
  const given: unknown = command;
  if (typeof given !== "object" || given === null)
    throw new InvalidOptionError(`${where} was given no command. Use one such as { do: "quiet" }.`);
  if (!("do" in given)) return applicationMessage(given, where);
  const { do: verb, ...rest } = commandOf(given as Record<string, unknown>, where);
  const payload = encode(rest, { what: `The command ${where} was given` });
  return { name: `${prefix}${verb}`, payload: payload === "{}" ? undefined : payload };
}

function applicationMessage(given: object, where: string): { name: string; payload: string | undefined } {
  checkOptions(given, ["do", "name", "payload"], `the command of ${where}`);
  const { name, payload } = given as { name?: unknown; payload?: unknown };
  if (typeof name !== "string" || name === "" || name.length > longestName) {
    throw new InvalidOptionError(
      `${where} needs something to tell: { do: "quiet" } and its like, or a message of your own, ` +
        `{ name: "reload", payload: … }, with a name of up to ${longestName} characters.`,
    );
  }
  if (name.startsWith(prefix)) {
    throw new InvalidOptionError(
      `${where} was given the message "${name}", and names that begin with "${prefix}" are duckdive's own. ` +
        `Use { do: "quiet" } and its like, or another name.`,
    );
  }
  return { name, payload: encode(payload, { what: `The payload of message "${name}"` }) };
}

/**
 * What a message tells a worker to do; undefined when it is one of the application.
 *
 * @throws InvalidOptionError for a command that this version cannot obey
 */
export function readCommand(name: string, payload: string | undefined): WorkerCommand | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const read = decodedPayload(payload) ?? {};
  const where = `the message "${name}"`;
  if (typeof read !== "object" || Array.isArray(read))
    throw new InvalidOptionError(`A worker cannot obey ${where}: its payload is no object.`);
  return commandOf({ ...read, do: name.slice(prefix.length) }, where);
}

/** The value of a payload; text that is no JSON is given as it is. */
export function decodedPayload(payload: string | undefined): unknown {
  if (payload === undefined) return undefined;
  try {
    return JSON.parse(payload);
  } catch {
    return payload;
  }
}

function commandOf(given: Record<string, unknown>, where: string): WorkerCommand {
  const verb = given.do;
  if (!isVerb(verb)) {
    throw new InvalidOptionError(
      `${where}: a worker cannot be told to ${JSON.stringify(verb)}.${didYouMean(String(verb), verbs)} It can: ${verbs.join(", ")}.`,
    );
  }
  checkOptions(given, ["do", ...fields[verb]], `the command "${verb}" of ${where}`);
  switch (verb) {
    case "quiet":
    case "resume":
      return { do: verb };
    case "stop":
      return { do: verb, drain: given.drain === undefined ? undefined : drainOf(given.drain, where) };
    case "kill":
      return { do: verb, runs: given.runs === undefined ? undefined : runsOf(given.runs, where) };
    case "queues":
      return { do: verb, queues: queuesOf(given.queues, where) };
  }
}

function isVerb(value: unknown): value is WorkerCommand["do"] {
  return typeof value === "string" && Object.hasOwn(fields, value);
}

function drainOf(value: unknown, where: string): number {
  if (typeof value === "number" || typeof value === "string")
    return duration(value as Duration, `the \`drain\` of ${where}`);
  throw new InvalidOptionError(`The \`drain\` of ${where} is no duration. Use one such as "30s".`);
}

function runsOf(value: unknown, where: string): readonly string[] {
  if (Array.isArray(value) && value.every((id) => typeof id === "string")) return value;
  throw new InvalidOptionError(
    `The \`runs\` of ${where} are no list of ids. Use the ids of runs, or leave it out for all.`,
  );
}

function queuesOf(value: unknown, where: string): Readonly<Record<string, number>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    const queues = value as Record<string, number>;
    checkQueues(queues, where);
    return queues;
  }
  throw new InvalidOptionError(
    `The \`queues\` of ${where} are missing. Use slots by queue, in whole numbers: { mail: 20, "*": 5 }.`,
  );
}

/** @throws InvalidOptionError unless they are slots by queue, and at least one queue is named */
export function checkQueues(queues: Readonly<Record<string, number>>, where: string): void {
  const entries = Object.entries(queues);
  if (entries.length > 0 && entries.every(([, slots]) => Number.isInteger(slots) && slots >= 0)) return;
  throw new InvalidOptionError(
    `The queues of ${where} are not acceptable. Use slots by queue, in whole numbers: { mail: 20, "*": 5 }.`,
  );
}
