// What becomes of a message that can never be a run: it goes on, as it is, with the reason in its headers.
//
// Before this file comes the intake, which judged it. After it comes whoever looks into the dead-letter queue.
import type { Publisher } from "./publisher.js";
import type { Delivery } from "./shapes.js";

/** Why a message can be no run: a code to sort by, and a sentence. */
export interface Reason {
  readonly code: string;
  readonly message: string;
}

/** Where messages go that can never be a run. */
export interface DeadLetters {
  /** An exchange that is there, with a queue bound to it; `""` routes to the queue that `routingKey` names. */
  readonly exchange: string;
  /** That of the message unless given. */
  readonly routingKey?: string;
}

const longestMessage = 1_000;

/** Hands a message to the dead-letter exchange; resolves when the broker has it. */
export function refuse(
  { content, fields, properties }: Delivery,
  { code, message }: Reason,
  to: { queue: string; publisher: Publisher; deadLetters: DeadLetters; at: number },
): Promise<void> {
  const { exchange, routingKey = fields.routingKey } = to.deadLetters;
  const headers = {
    ...properties.headers,
    "x-duckdive-code": code,
    "x-duckdive-reason": message.slice(0, longestMessage),
    "x-duckdive-queue": to.queue,
    "x-duckdive-exchange": fields.exchange,
    "x-duckdive-routing-key": fields.routingKey,
    "x-duckdive-refused-at": new Date(to.at).toISOString(),
  };
  return to.publisher.publish({ exchange, routingKey, content, properties: { ...properties, headers } });
}
