// Every failure duckdive reports on purpose is one of these: a named class with a stable `code`.
//
// A program branches on `code` or on the class, never on the message, so messages may be improved at any time.
// The message says what happened, to what, and what to do about it; `cause` keeps what lay beneath.
// Each part declares its own classes in its own `errors.ts`, all of them extending DuckdiveError, and each class
// also carries its code as a static, so that a test can hold docs/errors.md equal to the code without making one.
//
// Before this file comes nothing. After it comes everything that can fail.

/** What every error of duckdive is. `code` is stable; the message is for people and may change. */
export abstract class DuckdiveError extends Error {
  abstract readonly code: string;

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** An option is unknown, or has a value that is not allowed. */
export class InvalidOptionError extends DuckdiveError {
  static readonly code = "INVALID_OPTION";
  readonly code: string = InvalidOptionError.code;
  /** The option that was probably meant, when the name was unknown and close to a known one. */
  readonly didYouMean: string | undefined;

  constructor(message: string, options?: { cause?: unknown; didYouMean?: string | undefined }) {
    super(message, options);
    this.didYouMean = options?.didYouMean;
  }
}

/** A duration could not be read: `"30 seconds"` instead of `"30s"`, a negative number, NaN. */
export class InvalidDurationError extends DuckdiveError {
  static readonly code = "INVALID_DURATION";
  readonly code: string = InvalidDurationError.code;
}

/** A value cannot be stored, because it is not JSON. `path` says where in the value: `$.items[3].at`. */
export class NotJsonError extends DuckdiveError {
  static readonly code = "NOT_JSON";
  readonly code: string = NotJsonError.code;
  readonly path: string;

  constructor(message: string, options: { path: string; cause?: unknown }) {
    super(message, options);
    this.path = options.path;
  }
}

/** A value is JSON, but more of it than a run may carry. Sizes are UTF-8 bytes. */
export class TooLargeError extends DuckdiveError {
  static readonly code = "TOO_LARGE";
  readonly code: string = TooLargeError.code;
  /** The smallest part that is over the limit by itself; `$` when it is the sum that is. */
  readonly path: string | undefined;
  /** The bytes counted when the limit was passed; counting stops there. */
  readonly size: number;
  /** How many bytes there may be. */
  readonly limit: number;

  constructor(message: string, options: { path?: string; size: number; limit: number }) {
    super(message);
    this.path = options.path;
    this.size = options.size;
    this.limit = options.limit;
  }
}

/** Something is named and typed, and this version does not do it yet. Refused, so that nothing is silently ignored. */
export class NotBuiltError extends DuckdiveError {
  static readonly code = "NOT_BUILT";
  readonly code: string = NotBuiltError.code;
}
