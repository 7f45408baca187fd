// Values that are encrypted where they are stored, as seen by whoever has no key for them.
//
// A sealed value is JSON that says under which key it is, and to what it belongs. The store opens it where it can; one that
// comes this far could not be opened here. Code must never take it for a value, so decoding it is an error that names the
// key; people are shown that it is sealed.
//
// Before this file come the errors. After it come decoding, records, and the store that seals.

import { DuckdiveError } from "./errors.js";

/** What a sealed value looks like: this member first. No input that a person writes begins so. */
export const sealMember = "~sealed";
const beginning = `{"${sealMember}":`;

export function isSealed(text: string): boolean {
  return text.startsWith(beginning);
}

/** The name of the key that a sealed value is under. */
export function keyOfSealed(text: string): string {
  const envelope: unknown = JSON.parse(text);
  const key =
    typeof envelope === "object" && envelope !== null ? Reflect.get(envelope, sealMember) : undefined;
  return typeof key === "string" ? key : "?";
}

/** What people are shown of a stored value: the value, or that it is sealed and under which key. */
export function shownValue(text: string): unknown {
  return isSealed(text) ? { [sealMember]: keyOfSealed(text) } : JSON.parse(text);
}

/** A value is encrypted, and could not be opened in this process. */
export class SealedValueError extends DuckdiveError {
  static readonly code = "VALUE_SEALED";
  readonly code: string = SealedValueError.code;
  /** The name of the key that it is under. */
  readonly key: string;

  constructor(key: string) {
    super(
      `A stored value is encrypted under key "${key}" and could not be opened: this process was not given that key, or not ` +
        `the right one, or the value was changed or belongs to another run. It is kept. Give open() the key in ` +
        `\`encryption.keys\`; if it is there, the value is damaged.`,
    );
    this.key = key;
  }
}
