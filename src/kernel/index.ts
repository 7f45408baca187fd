// The door of the kernel: what every other part may rest on, and nothing that knows what a job is.
//
// The list is written by hand, so that adding to it is a decision.

export { type BackoffRule, backoff } from "./backoff.js";
export { type Bytes, bytes, formatBytes } from "./bytes.js";
export { type Clock, type ManualClock, manualClock, systemClock, type Timer } from "./clock.js";
export { type Duration, duration, formatDuration } from "./duration.js";
export {
  DuckdiveError,
  InvalidDurationError,
  InvalidOptionError,
  NotBuiltError,
  NotJsonError,
  TooLargeError,
} from "./errors.js";
export { Events, type Listener } from "./events.js";
export { type Group, group } from "./group.js";
export { processLives, thisHost } from "./host.js";
export { derivedId, idAt, isId, newId } from "./id.js";
export { decode, encode, formatPath, jsonLimit } from "./json.js";
export { insideOf, outerCall } from "./nesting.js";
export { scaleQuantile, scaleReach, scaleStep } from "./scale.js";
export { isSealed, SealedValueError, sealMember, shownValue } from "./sealed.js";
export { withoutSecrets } from "./secret.js";
export { type Service, service } from "./service.js";
export { checkOptions, didYouMean } from "./suggest.js";
