// From a message to a request: which job it is for, what its input is, and under which id it is recorded.
//
// The id is made of the message's own id and of what it is for, so that the same message is the same run however often it
// is delivered or sent, and two queues that are given one message make two runs of it. A message without an id gets one at
// its delivery: it is recorded once by this process, and once more by another one that it is delivered to again.
//
// Before this file comes a delivery. After it comes the intake, which records what came of it.
import { type AnyContract, partsOf, type Request } from "../../job/index.js";
import { derivedId, newId } from "../../kernel/index.js";
import { messageOf, requestUnder } from "../recording.js";
import type { Reason } from "./poison.js";
import type { Delivery } from "./shapes.js";

/** Makes a request of a message, `content` being its JSON; undefined: it is for none of the jobs. @inline */
export type ToRequest = (message: Delivery, content: unknown) => Request | undefined;

/** Reads the messages of one queue. */
export function reader(
  queue: string,
  toRequest: ToRequest,
  messageId: (message: Delivery) => string | undefined,
): (message: Delivery) => Request | Reason {
  return (message) => {
    const content = contentOf(message);
    if ("reason" in content) return content.reason;
    try {
      const request = toRequest(message, content.value);
      if (request === undefined) return unknownJob(message);
      const own = messageId(message);
      const { contract } = partsOf(request);
      const id = own === undefined ? newId() : derivedId(`amqp\0${queue}`, `${contract.name}\0${own}`);
      return requestUnder(request, id, metaOf(queue, message, own));
    } catch (error) {
      return { code: "NO_REQUEST", message: `No request could be made of it: ${messageOf(error)}` };
    }
  };
}

/** Which of these jobs a message is for: the one that its `type` names; the only one where it has none. */
export function byType(jobs: readonly AnyContract[]): ToRequest {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const only = jobs.length === 1 ? jobs[0] : undefined;
  return ({ properties: { type } }, content) => (type ? byName.get(type) : only)?.with(content);
}

function contentOf({ content }: Delivery): { readonly value: unknown } | { readonly reason: Reason } {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content)) };
  } catch (error) {
    return { reason: { code: "NOT_JSON", message: `Its content is not JSON: ${messageOf(error)}` } };
  }
}

function unknownJob({ properties: { type } }: Delivery): Reason {
  const which =
    type === undefined ? "It has no `type`, which would name its job" : `No job here is called "${type}"`;
  return { code: "UNKNOWN_JOB", message: which };
}

/** What a run is told of where it comes from. A trace goes on in it. */
function metaOf(queue: string, { fields, properties }: Delivery, messageId: string | undefined) {
  const traceparent = properties.headers?.traceparent;
  const meta: Record<string, string> = { "amqp.queue": queue, "amqp.routingKey": fields.routingKey };
  if (fields.exchange !== "") meta["amqp.exchange"] = fields.exchange;
  if (messageId !== undefined) meta["amqp.messageId"] = messageId;
  if (properties.correlationId) meta["amqp.correlationId"] = properties.correlationId;
  if (typeof traceparent === "string") meta.traceparent = traceparent;
  return meta;
}
