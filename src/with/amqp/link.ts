// One connection to a broker with one channel on it, made when it is asked for and made again after it was lost.
//
// A channel that the broker closes takes its connection along: what was under way on it is unknown either way, and one way
// to begin anew is easier to be right about than two. Whoever holds a channel is told of its loss once, since
// an `error` that nobody listens to would end the process.
//
// Before this file comes the application's way to connect. After it come the intake and the publisher.
import { within } from "../patience.js";
import { messageOf } from "../recording.js";
import { BrokerLostError } from "./errors.js";
import type { AmqpChannel, AmqpConnection } from "./shapes.js";

/** @inline */
export type Connect = () => PromiseLike<AmqpConnection>;

/** A channel that is open, and how its end is heard of. */
export interface Line {
  readonly channel: AmqpChannel;
  /** Why it is lost, or closed; undefined: it is not. */
  readonly loss: BrokerLostError | undefined;
  /** Calls back when it is lost, or closed: at once where it is already. The function that it gives takes that back. */
  onLost(listener: (reason: BrokerLostError) => void): () => void;
  /** Gives it up, with its connection. */
  readonly drop: () => void;
}

export class Link {
  readonly #connect: Connect;
  #line: Promise<Line> | undefined;
  #connection: AmqpConnection | undefined;
  #isClosed = false;

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** @throws BrokerLostError when there is no way to the broker */
  line(): Promise<Line> {
    if (this.#isClosed) return Promise.reject(closed());
    if (this.#line !== undefined) return this.#line;
    const line = this.#open().catch((cause: unknown) => {
      if (this.#line === line) this.#line = undefined;
      throw notReached(cause);
    });
    this.#line = line;
    return line;
  }

  async #open(): Promise<Line> {
    const connection = await this.#connect();
    if (this.#isClosed) {
      void closing(connection);
      throw closed();
    }
    const listeners = new Set<(reason: BrokerLostError) => void>();
    let loss: BrokerLostError | undefined;
    const lose = (cause?: unknown): void => {
      if (loss !== undefined) return;
      loss = lostOn(cause);
      if (this.#connection === connection) {
        this.#line = undefined;
        this.#connection = undefined;
      }
      for (const listener of listeners) listener(loss);
      void closing(connection);
    };
    this.#connection = connection;
    connection.on("error", lose);
    connection.on("close", lose);
    try {
      const channel = await connection.createConfirmChannel();
      channel.on("error", lose);
      channel.on("close", lose);
      return {
        channel,
        drop: () => lose(),
        get loss() {
          return loss;
        },
        onLost(listener) {
          if (loss !== undefined) listener(loss);
          else listeners.add(listener);
          return () => void listeners.delete(listener);
        },
      };
    } catch (error) {
      lose(error);
      throw error;
    }
  }

  /** Closes the connection for good, after what was sent on it. One that is on its way is closed when it is there. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#connection !== undefined) await closing(this.#connection);
  }
}

/** A broker that does not answer is not waited for any longer: it finds out by its heartbeat. In milliseconds. */
const answerTimeout = 5_000;

/** Closes a connection that may be gone already: then amqplib throws, and there is nothing to close. */
async function closing(connection: AmqpConnection): Promise<void> {
  try {
    await within(connection.close(), AbortSignal.timeout(answerTimeout));
  } catch {}
}

function closed(): BrokerLostError {
  return new BrokerLostError(
    "This connection to the broker was closed by close(). Make another one: amqp(connect).",
  );
}

function notReached(cause: unknown): BrokerLostError {
  if (cause instanceof BrokerLostError) return cause;
  return new BrokerLostError(
    `The broker cannot be reached: ${messageOf(cause)}. It is tried again; look whether it runs, and whether the ` +
      "address, the user and the virtual host are right.",
    { cause },
  );
}

function lostOn(cause: unknown): BrokerLostError {
  const why = cause === undefined ? "it was closed" : messageOf(cause);
  return new BrokerLostError(`The connection to the broker was lost: ${why}. It is made again by itself.`, {
    cause,
  });
}
