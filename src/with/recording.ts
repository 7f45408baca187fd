// Recording what another queue delivers, so that one message that cannot be a run does not hold up the others.
//
// A batch is one commit, all of it or nothing. Where it is refused because of one request, each is recorded on its own, and
// each has its own fate: recorded, never to be accepted, or to be tried again when the store is back. Only errors that say
// something about the request itself mean "never": whatever is not known to be so is tried again, since a message that was
// sent away by mistake is worse than one that waits.
//
// Before this file come deliveries of RabbitMQ and Resque, as requests. After it comes the application's client.
import {
  InvalidInputError,
  InvalidKeyError,
  partsOf,
  type Request,
  UniqueConflictError,
  UnknownRunError,
} from "../job/index.js";
import { DuckdiveError, InvalidOptionError, NotJsonError, TooLargeError } from "../kernel/index.js";

/** What is used of what `open` gives back. */
export interface Recorder {
  enqueueMany(
    requests: Iterable<Request>,
  ): Promise<readonly { readonly id: string; readonly created: boolean }[]>;
}

/** What became of a request. */
export type Fate =
  | { readonly kind: "recorded"; readonly id: string; readonly created: boolean }
  | { readonly kind: "refused"; readonly error: DuckdiveError }
  | { readonly kind: "later"; readonly error: unknown };

const judgements = [
  InvalidInputError,
  InvalidKeyError,
  InvalidOptionError,
  NotJsonError,
  TooLargeError,
  UniqueConflictError,
  UnknownRunError,
];
/** Of errors that stand above this file. */
const judgedByCode = ["ID_CONFLICT", "INVALID_ID", "CYCLE"];

/** Whether an error says that this request will never be accepted, whenever it is asked. */
export function isJudgement(error: unknown): error is DuckdiveError {
  if (!(error instanceof DuckdiveError)) return false;
  return judgedByCode.includes(error.code) || judgements.some((judgement) => error instanceof judgement);
}

/** Records requests, together where that can be; never rejects. Fates are in the order of the requests. */
export async function recordAll(recorder: Recorder, requests: readonly Request[]): Promise<Fate[]> {
  if (requests.length === 0) return [];
  try {
    const runs = await recorder.enqueueMany(requests);
    return runs.map(({ id, created }) => ({ kind: "recorded", id, created }));
  } catch (error) {
    if (!isJudgement(error)) return requests.map(() => ({ kind: "later", error }));
    if (requests.length === 1) return [{ kind: "refused", error }];
    const fates = requests.map((request) => recordAll(recorder, [request]));
    return (await Promise.all(fates)).flat();
  }
}

/** The same request under an id, if it has none of its own, and with more `meta`. */
export function requestUnder(
  request: Request,
  id: string | undefined,
  meta: Record<string, string>,
): Request {
  const { contract, input, options } = partsOf(request);
  const more = { ...options, meta: { ...meta, ...options.meta } };
  return contract.with(input, id === undefined || options.id !== undefined ? more : { ...more, id });
}

/** What an error says, without a full stop, to be put into a sentence. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // The error of a name with several addresses has an empty message.
  return text === "" && error instanceof Error && "code" in error
    ? String(error.code)
    : text.replace(/\.$/, "");
}
