// RabbitMQ, on both sides of a run: messages of a queue become runs, and runs publish messages, and neither way loses one.
//
// A broker has no part in the database's transaction, so each side has its order. In: the run is recorded, then the message is
// acknowledged. Out: the message is recorded as a run, in the application's transaction if it likes, and that run has succeeded
// when the broker has confirmed. Both ways a crash in between repeats, and what is repeated is known by its id.
//
// `amqplib` is met by shape: the application gives the function that connects. Nothing is connected until it is needed.
// The parts are in `amqp/`.
//
// Before this file comes the broker. After it come the application's jobs.
import { type AnyContract, type Job, job, type Log, type Policy, type Schema } from "../job/index.js";
import { checkOptions, InvalidOptionError, systemClock } from "../kernel/index.js";
import { type Intake, startIntake } from "./amqp/intake.js";
import { type Connect, Link } from "./amqp/link.js";
import type { DeadLetters } from "./amqp/poison.js";
import { type Outgoing, Publisher } from "./amqp/publisher.js";
import { byType, reader, type ToRequest } from "./amqp/reading.js";
import type { Delivery } from "./amqp/shapes.js";
import type { Recorder } from "./recording.js";

export { BrokerLostError, BrokerRefusedError, UnroutableError } from "./amqp/errors.js";
export type { Intake, IntakeStatus } from "./amqp/intake.js";
export type { DeadLetters } from "./amqp/poison.js";
export type { Outgoing } from "./amqp/publisher.js";
export type { AmqpChannel, AmqpConnection, Delivery, MessageProperties } from "./amqp/shapes.js";
export type { Recorder } from "./recording.js";

/** How a broker is used. */
export interface AmqpOptions {
  /** Warnings and errors on the console unless given. */
  log?: Log;
}

/** What is taken from a queue of the broker, and what becomes of it. */
export interface ConsumeOptions {
  /** A queue that is there. */
  queue: string;
  /** Which jobs its messages are for: the one that a message's `type` names; the only one where a message has no type. */
  jobs?: readonly AnyContract[];
  /**
   * Makes the request of a message itself, instead of `jobs`: its JSON is `content`. Undefined, or a throw: it can be no run.
   *
   * @example { request: (message, content) => (message.fields.routingKey === "paid" ? ship.with(content) : undefined) }
   */
  request?: ToRequest;
  /** What makes it one message however often it is delivered: its `messageId` unless given. */
  messageId?: (message: Delivery) => string | undefined;
  /** Where messages go that can never be a run: not JSON, no such job, not accepted by its schema. */
  deadLetters: DeadLetters;
  /** How many messages are on their way here at most, from 1 to 65,535: 500 unless given. */
  prefetch?: number;
}

/** A broker, as an application uses it. */
export interface Amqp {
  /**
   * Records the messages of a queue as runs, from now on, over restarts of the broker, until it is stopped.
   *
   * @throws InvalidOptionError
   * @example const intake = broker.consume(duckdive, { queue: "orders", jobs: [ship], deadLetters: { exchange: "refused" } });
   */
  consume(duckdive: Recorder, options: ConsumeOptions): Intake;
  /**
   * A job that publishes what it is asked with, for transactions that must not lose a message. Its policy is yours.
   *
   * @example
   * export const publish = broker.outbox({ name: "publish", retry: { attempts: 20 } });
   * await duckdive.enqueue(publish, { exchange: "events", routingKey: "order.paid", content: { orderId: 7 } }, { tx });
   */
  outbox<Name extends string>(
    options: { name: Name } & Policy<Outgoing, Outgoing>,
  ): Job<Name, Outgoing, Outgoing, void, Record<never, never>, unknown>;
  /**
   * Publishes one message, from a handler, say. Resolves when the broker has confirmed it and a queue has it.
   *
   * @throws BrokerLostError, BrokerRefusedError, UnroutableError
   * @throws what the signal was aborted with; the broker may have the message all the same
   */
  publish(
    message: Outgoing & {
      /** What a consumer knows it by when it comes twice: one that stays, such as a step's key. */
      messageId: string;
    },
    options?: { signal?: AbortSignal },
  ): Promise<void>;
  /** Stops all that consumes, and closes the connections. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A broker, by the way to connect to it. Connects when something is to be consumed or published, again whenever the
 * connection was lost.
 *
 * @throws InvalidOptionError when it is given no function
 * @example
 * import { connect } from "amqplib";
 * const broker = amqp(() => connect("amqp://localhost?heartbeat=10"));
 */
export function amqp(connect: Connect, options: AmqpOptions = {}): Amqp {
  if (typeof connect !== "function")
    throw new InvalidOptionError(
      'amqp() needs a function that connects: amqp(() => connect("amqp://localhost")).',
    );
  checkOptions(options, ["log"], "amqp()");
  const { log = console } = options;
  const outward = new Link(connect);
  const publisher = new Publisher(outward);
  const intakes = new Set<Intake>();

  function send(message: Outgoing, messageId: string, signal?: AbortSignal): Promise<void> {
    const { exchange = "", routingKey, content, messageId: _, ...properties } = message;
    return publisher.publish(
      {
        exchange,
        routingKey,
        content: Buffer.from(JSON.stringify(content)),
        properties: { contentType: "application/json", ...properties, messageId },
      },
      signal,
    );
  }

  async function close(): Promise<void> {
    await Promise.all([...intakes].map((intake) => intake.stop()));
    await outward.close();
  }

  return {
    consume(recorder, given) {
      const { queue, deadLetters, prefetch, toRequest, messageId } = checkedConsume(given);
      const intake = startIntake({
        // A connection of its own: a broker that is short of memory lets those that publish wait, and those that consume go on.
        link: new Link(connect),
        publisher,
        recorder,
        queue,
        prefetch,
        deadLetters,
        request: reader(queue, toRequest, messageId),
        clock: systemClock,
        log,
      });
      intakes.add(intake);
      return intake;
    },
    outbox: ({ name, ...policy }) =>
      job({
        ...policy,
        name,
        input: outgoing,
        handle: (message, ctx) => send(message, message.messageId ?? ctx.runId, ctx.signal),
      }),
    publish: (message, { signal } = {}) => send(message, message.messageId, signal),
    close,
    [Symbol.asyncDispose]: close,
  };
}

const consumeOptions = ["queue", "jobs", "request", "messageId", "deadLetters", "prefetch"] as const;
const usualPrefetch = 500;
const mostPrefetch = 65_535;

function checkedConsume(given: ConsumeOptions) {
  const where = "amqp().consume()";
  checkOptions(given, consumeOptions, where);
  const { queue, jobs, request, messageId, deadLetters, prefetch = usualPrefetch } = given;
  if ((jobs === undefined) === (request === undefined))
    throw new InvalidOptionError(
      `${where} needs either \`jobs\` or \`request\`, to know what its messages are for.`,
    );
  if (typeof deadLetters?.exchange !== "string")
    throw new InvalidOptionError(
      `${where} needs \`deadLetters\`, such as { exchange: "refused" }: where a message goes that can be no run.`,
    );
  if (!Number.isInteger(prefetch) || prefetch < 1 || prefetch > mostPrefetch)
    throw new InvalidOptionError(
      `The prefetch of ${where} is ${String(prefetch)}. Use a whole number from 1 to ${mostPrefetch.toLocaleString("en")}.`,
    );
  return {
    queue,
    deadLetters,
    prefetch,
    toRequest: request ?? byType(jobs ?? []),
    messageId: messageId ?? (({ properties }: Delivery) => properties.messageId),
  };
}

// ── What an outbox is asked with ────────────────────────────────────────────────────────────────────────────────

const texts = ["exchange", "messageId", "type", "correlationId"] as const;

const outgoing: Schema<Outgoing> = {
  "~standard": { version: 1, vendor: "duckdive", validate: (value) => judged(value) },
};

function judged(value: unknown): { value: Outgoing } | { issues: { message: string; path?: string[] }[] } {
  if (!isRecord(value)) return { issues: [{ message: "expected a message: { routingKey, content }" }] };
  const issues: { message: string; path: string[] }[] = [];
  const expect = (isFine: boolean, name: string, what: string): void => {
    if (!isFine) issues.push({ message: `expected ${what}`, path: [name] });
  };
  for (const name of texts) expect(["undefined", "string"].includes(typeof value[name]), name, "a text");
  expect(typeof value.routingKey === "string", "routingKey", "a text");
  expect(value.headers === undefined || isRecord(value.headers), "headers", "an object");
  expect(value.content !== undefined, "content", "a value");
  // Every field that is used was judged above.
  return issues.length > 0 ? { issues } : { value: value as Record<string, unknown> & Outgoing };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
