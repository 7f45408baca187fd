// What is used of `amqplib`, by shape: a connection, a channel, and what they deliver. Nothing of it is loaded.
//
// Before this file comes the library that the application installed. After it come the link, the intake and the publisher.

/** Properties of a message that duckdive reads or hands on. Which there are is the sender's choice. */
export interface MessageProperties {
  readonly messageId?: string | undefined;
  readonly type?: string | undefined;
  readonly correlationId?: string | undefined;
  readonly contentType?: string | undefined;
  readonly timestamp?: number | undefined;
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
}

/** A message as `amqplib` delivers it. */
export interface Delivery {
  readonly content: Buffer;
  readonly fields: {
    readonly exchange: string;
    readonly routingKey: string;
    readonly redelivered: boolean;
  };
  readonly properties: MessageProperties;
}

/** What is used of a channel with confirms. */
export interface AmqpChannel extends Emitter {
  prefetch(count: number): PromiseLike<unknown>;
  consume(
    queue: string,
    onMessage: (message: Delivery | null) => void,
    options?: { consumerTag?: string },
  ): PromiseLike<{ readonly consumerTag: string }>;
  cancel(consumerTag: string): PromiseLike<unknown>;
  ack(message: Delivery): void;
  publish(
    exchange: string,
    routingKey: string,
    content: Buffer,
    options?: object,
    callback?: (error: unknown) => void,
  ): boolean;
}

/** What is used of a connection: what `connect()` of `amqplib` resolves with. */
export interface AmqpConnection extends Emitter {
  createConfirmChannel(): PromiseLike<AmqpChannel>;
  close(): PromiseLike<unknown>;
}

interface Emitter {
  on(event: string, listener: (...given: never[]) => void): unknown;
}
