// Publishing so that "done" means done: the broker has confirmed the message, and has put it into a queue.
//
// A message is sent `mandatory` and persistent, and the promise resolves at the broker's confirm. RabbitMQ gives a message
// that no queue takes back *before* it confirms it, so what came back is remembered until then, by what makes it out. Two
// alike under way at once share a count: which of them came back makes no difference.
//
// Before this file comes the link. After it come the outbox job, and dead letters.
import { randomUUID } from "node:crypto";
import { InvalidOptionError } from "../../kernel/index.js";
import { within } from "../patience.js";
import { BrokerLostError, BrokerRefusedError, UnroutableError } from "./errors.js";
import type { Line, Link } from "./link.js";
import type { Delivery, MessageProperties } from "./shapes.js";

/** A message to publish. */
export interface Outgoing {
  /** The exchange; `""` unless given, which routes to the queue that `routingKey` names. */
  readonly exchange?: string;
  readonly routingKey: string;
  /** What is sent: JSON of it. */
  readonly content: unknown;
  /** What makes it one message however often it is sent: the id of the run unless given. */
  readonly messageId?: string;
  readonly type?: string;
  readonly correlationId?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** The same as bytes, with whatever properties there are. */
export interface RawOutgoing {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly properties: MessageProperties;
}

export class Publisher {
  readonly #link: Link;
  /** Of each channel, how many messages of a kind came back and were not confirmed yet. */
  readonly #returned = new WeakMap<object, Map<string, number>>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** @throws BrokerLostError, BrokerRefusedError, UnroutableError; whatever the signal was aborted with */
  async publish(message: RawOutgoing, signal?: AbortSignal): Promise<void> {
    const line = await within(this.#link.line(), signal);
    const returned = this.#returnedOf(line);
    const messageId = message.properties.messageId ?? randomUUID();
    const key = keyOf(message.exchange, message.routingKey, messageId);
    await confirmed(line, { ...message, properties: { ...message.properties, messageId } }, signal);
    if (!take(returned, key)) return;
    throw new UnroutableError(
      `The broker gave message ${messageId} back: no queue is bound to exchange "${message.exchange}" for routing key ` +
        `"${message.routingKey}". Bind one; the attempt is made again.`,
    );
  }

  #returnedOf({ channel }: Line): Map<string, number> {
    const known = this.#returned.get(channel);
    if (known !== undefined) return known;
    const returned = new Map<string, number>();
    this.#returned.set(channel, returned);
    channel.on("return", ({ fields, properties }: Delivery) => {
      const key = keyOf(fields.exchange, fields.routingKey, properties.messageId ?? "");
      returned.set(key, (returned.get(key) ?? 0) + 1);
    });
    return returned;
  }
}

function keyOf(exchange: string, routingKey: string, messageId: string): string {
  return `${exchange}\0${routingKey}\0${messageId}`;
}

function take(returned: Map<string, number>, key: string): boolean {
  const count = returned.get(key);
  if (count === undefined) return false;
  if (count === 1) returned.delete(key);
  else returned.set(key, count - 1);
  return true;
}

/** Sends it; resolves when the broker has confirmed it. A connection that is lost does not confirm any more. */
function confirmed(line: Line, message: RawOutgoing, signal: AbortSignal | undefined): Promise<void> {
  const { exchange, routingKey, content, properties } = message;
  const options = { ...properties, mandatory: true, persistent: true };
  return new Promise((resolve, reject) => {
    const abort = (): void => end(signal?.reason);
    let forget: () => void = () => {};
    const end = (error?: unknown): void => {
      forget();
      signal?.removeEventListener("abort", abort);
      if (error === undefined) resolve();
      else reject(error);
    };
    forget = line.onLost((loss) => end(unconfirmed(loss, properties.messageId)));
    if (line.loss !== undefined) return;
    if (signal?.aborted) return abort();
    signal?.addEventListener("abort", abort, { once: true });
    try {
      line.channel.publish(exchange, routingKey, content, options, (error) => {
        if (error === null || error === undefined) end();
        // amqplib gives up what is unconfirmed in the turn in which it tells of a loss, maybe before.
        else setImmediate(() => end(refused(error, properties.messageId)));
      });
    } catch (error) {
      end(error instanceof TypeError ? notSendable(error) : unconfirmed(error, properties.messageId));
    }
  });
}

function unconfirmed(cause: unknown, messageId: string | undefined): BrokerLostError {
  return new BrokerLostError(
    `The connection was lost before the broker confirmed message ${messageId}. It may have it; it is published again, ` +
      "under the same id.",
    { cause },
  );
}

function refused(cause: unknown, messageId: string | undefined): BrokerRefusedError {
  return new BrokerRefusedError(
    `The broker did not keep message ${messageId}: a queue is full, or a policy turns messages away. The attempt is made ` +
      "again; make room in the queue.",
    { cause },
  );
}

function notSendable(cause: TypeError): Error {
  return new InvalidOptionError(
    `A message cannot be sent as it is: ${cause.message}. Mend its properties or headers.`,
    { cause },
  );
}
