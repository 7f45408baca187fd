// What can go wrong between a run and a broker. All of them fail an attempt, which is tried again.
//
// Before this file comes the kernel's DuckdiveError. After it come the link and the publisher.
import { DuckdiveError } from "../../kernel/index.js";

/** The broker could not be reached, or the connection was lost before it confirmed. */
export class BrokerLostError extends DuckdiveError {
  static readonly code = "BROKER_LOST";
  readonly code: string = BrokerLostError.code;
}

/** The broker took a message and said that it did not keep it. */
export class BrokerRefusedError extends DuckdiveError {
  static readonly code = "BROKER_REFUSED";
  readonly code: string = BrokerRefusedError.code;
}

/** No queue is bound where a message was sent to, so the broker gave it back. */
export class UnroutableError extends DuckdiveError {
  static readonly code = "UNROUTABLE";
  readonly code: string = UnroutableError.code;
}
