// Problems: what the API answers when it does not do what was asked for, as RFC 9457 says.
//
// Each has a stable `code`, which programs branch on: that of duckdive's own error, or one of the refusals of this part.
// An error that nobody expected is logged and says nothing of itself to whoever asked.
//
// Before this file come the errors of the client. After it come access and the routes.

import { InvalidInputError, UniqueConflictError } from "../job/index.js";
import { DuckdiveError, NotJsonError } from "../kernel/index.js";

/** What is wrong with one place of what was sent: `$.runs[3].job`. */
export interface ProblemIssue {
  readonly path: string;
  readonly message: string;
}

export interface Problem {
  readonly status: number;
  readonly code: string;
  /** What happened, to what, and what to do about it. */
  readonly detail: string;
  readonly issues?: readonly ProblemIssue[];
  /** Of a conflict: the run that is there already. */
  readonly existing?: string;
}

/** Why a request was refused before any of it was done. */
export class Refusal extends Error {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(problem: Problem, headers: Readonly<Record<string, string>> = {}) {
    super(problem.detail);
    this.problem = problem;
    this.headers = headers;
  }
}

/** Refusals that are no error of the client's, by code. docs/reference/http.md has a row for each. */
export const refusals = {
  NOT_SIGNED_IN: { status: 401, title: "Nobody is signed in" },
  WRONG_TOKEN: { status: 401, title: "The token is not the right one" },
  NOT_ALLOWED: { status: 403, title: "This role may only look" },
  OTHER_ORIGIN: { status: 403, title: "The request comes from another site" },
  OTHER_HOST: { status: 403, title: "The request names another host" },
  NO_SUCH_ROUTE: { status: 404, title: "There is nothing at this address" },
  WRONG_METHOD: { status: 405, title: "This address takes another method" },
  BODY_TOO_LARGE: { status: 413, title: "The body is too large" },
  NOT_JSON_TYPE: { status: 415, title: "The body is not said to be JSON" },
  INVALID_REQUEST: { status: 400, title: "The request is not what this address takes" },
  RUN_IS_RUNNING: { status: 409, title: "The run is running" },
  MISSPELT_SIGNAL: { status: 409, title: "The run waits for a signal of nearly that name" },
  NO_SUCH_WORKER: { status: 404, title: "No worker has this id" },
  TOO_MANY_ATTEMPTS: { status: 429, title: "Too many wrong tokens came from there" },
  TOO_MANY_STREAMS: { status: 503, title: "Too many live streams are open" },
  BODY_READ_BEFORE: { status: 500, title: "Something before has read the body" },
  INTERNAL: { status: 500, title: "Something failed that nobody expected" },
} as const;

export type RefusalCode = keyof typeof refusals;

/** Makes a refusal. */
export function refused(
  code: RefusalCode,
  detail: string,
  more: {
    readonly issues?: readonly ProblemIssue[];
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Refusal {
  const { issues, headers } = more;
  const { status } = refusals[code];
  return new Refusal({ status, code, detail, ...(issues === undefined ? {} : { issues }) }, headers);
}

/** The status of each error of the client's that whoever asks can do something about. */
export const statusOfCode: Readonly<Record<string, number>> = {
  INVALID_OPTION: 400,
  INVALID_DURATION: 400,
  INVALID_ID: 400,
  NOT_JSON: 400,
  TOO_LARGE: 413,
  INVALID_INPUT: 422,
  INVALID_KEY: 422,
  CYCLE: 422,
  UNKNOWN_RUN: 422,
  UNKNOWN_STEP: 422,
  RUN_NOT_FOUND: 404,
  SCHEDULE_NOT_FOUND: 404,
  UNKNOWN_BATCH: 404,
  ID_CONFLICT: 409,
  UNIQUE_CONFLICT: 409,
  NOT_RETRYABLE: 409,
  SIGNAL_UNHEARD: 409,
  SCHEDULE_NOT_AT_HAND: 409,
  SCHEDULE_EXISTS: 409,
  SCHEDULE_IN_CODE: 409,
  NOT_ENQUEUED: 422,
  CLOSED: 503,
  STORE_UNREACHABLE: 503,
  STORE_BUSY: 503,
  STORE_FULL: 503,
  STORE_READ_ONLY: 503,
};

/** Where the store is, and what it said, is nothing for whoever asks. */
const away =
  "The store cannot be used now, so nothing was done. What it said stands in the log of the server. Ask again later.";
const readOnly =
  "The store takes no writes here, so nothing was done: it is a replica, or another server is just taking over. Ask where the " +
  "primary is served, or again later.";

/** The problem that an error is, and whether it has to be logged because nobody expected it. */
export function problemOf(error: unknown): { readonly problem: Problem; readonly isUnexpected: boolean } {
  if (error instanceof Refusal) return { problem: error.problem, isUnexpected: false };
  if (error instanceof DuckdiveError) {
    const status = statusOfCode[error.code];
    if (status === 503) {
      const detail = error.code === "STORE_READ_ONLY" ? readOnly : away;
      return { problem: { status, code: error.code, detail }, isUnexpected: true };
    }
    if (status !== undefined) return { problem: { status, ...detailsOf(error) }, isUnexpected: false };
  }
  const detail = "Something failed that nobody expected. What it was stands in the log of the server.";
  return { problem: { status: 500, code: "INTERNAL", detail }, isUnexpected: true };
}

function detailsOf(error: DuckdiveError): Omit<Problem, "status"> {
  const { code, message: detail } = error;
  if (error instanceof InvalidInputError) return { code, detail, issues: error.issues };
  if (error instanceof NotJsonError) return { code, detail, issues: [{ path: error.path, message: detail }] };
  if (error instanceof UniqueConflictError) return { code, detail, existing: error.existing };
  return { code, detail };
}

/** The answer that says so. */
export function problemResponse(problem: Problem, headers: Readonly<Record<string, string>> = {}): Response {
  const { status, code, ...rest } = problem;
  const title = titleOf(code);
  const body = { type: `urn:duckdive:problem:${code}`, title, status, code, ...rest };
  return new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}

function titleOf(code: string): string {
  return isRefusal(code) ? refusals[code].title : code.toLowerCase().replaceAll("_", " ");
}

function isRefusal(code: string): code is RefusalCode {
  return Object.hasOwn(refusals, code);
}
