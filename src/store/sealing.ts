// Sealing: a text encrypted under the current key, bound to what it belongs to, and opened with the key that it names.
//
// AES-256-GCM under a key that is derived, for each run, from the one that was given: so no key sees more than the few values
// of one run, however many runs there are, and a value that was moved to another run does not open there. What is sealed is
// JSON again, and names its key, so keys can be changed while old values are there.
//
// Before this file come the keys as an application gives them. After it comes the store that seals what it writes.

import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { checkOptions, InvalidOptionError, isSealed, sealMember } from "../kernel/index.js";

/** Keys for what is stored: `open({ encryption })`. */
export interface Encryption {
  /** The name of the key that new values are encrypted under. */
  readonly current: string;
  /** Keys by name, each of 32 bytes, as bytes or in base64. Old ones stay for as long as something is stored under them. */
  readonly keys: Readonly<Record<string, Uint8Array | string>>;
}

/** A sealed value, as it is stored. */
export interface Envelope {
  readonly [sealMember]: string;
  /** What it belongs to: `run:ID`, `job:NAME`, `schedule:NAME`. */
  readonly of: string;
  /** Base64: nonce, ciphertext, tag. */
  readonly data: string;
}

export interface Sealing {
  /** @param isSame equal texts are sealed equally: for what a store compares */
  seal(text: string, of: string, isSame?: boolean): Envelope;
  /** The text; undefined: it cannot be opened here, or does not belong to what is asked. */
  open(envelope: Envelope, mayBe: (of: string) => boolean): string | undefined;
}

const cipher = "aes-256-gcm";
const sizes = { key: 32, nonce: 12, tag: 16 };
const keyName = /^[A-Za-z0-9._-]{1,64}$/;

/** @throws InvalidOptionError; it never shows a key */
export function createSealing(encryption: Encryption): Sealing {
  const keys = keysOf(encryption);
  const { current } = encryption;

  function keyFor(name: string, of: string): Buffer | undefined {
    const key = keys.get(name);
    return key === undefined
      ? undefined
      : createHmac("sha256", key).update(`duckdive sealed\0${of}`).digest();
  }

  return {
    seal(text, of, isSame = false) {
      const key = keyFor(current, of);
      if (key === undefined) throw new InvalidOptionError(`There is no key "${current}".`);
      const nonce = isSame
        ? createHmac("sha256", key).update(text).digest().subarray(0, sizes.nonce)
        : randomBytes(sizes.nonce);
      const sealer = createCipheriv(cipher, key, nonce);
      const sealed = [nonce, sealer.update(text, "utf8"), sealer.final(), sealer.getAuthTag()];
      return { [sealMember]: current, of, data: Buffer.concat(sealed).toString("base64") };
    },
    open({ [sealMember]: name, of, data }, mayBe) {
      const key = mayBe(of) ? keyFor(name, of) : undefined;
      const bytes = Buffer.from(data, "base64");
      if (key === undefined || bytes.length < sizes.nonce + sizes.tag) return undefined;
      const opener = createDecipheriv(cipher, key, bytes.subarray(0, sizes.nonce), {
        authTagLength: sizes.tag,
      });
      opener.setAuthTag(bytes.subarray(-sizes.tag));
      try {
        return (
          opener.update(bytes.subarray(sizes.nonce, -sizes.tag), undefined, "utf8") + opener.final("utf8")
        );
      } catch {
        // Changed, or under another key of that name. Whoever needs the value hears of it where it is decoded.
        return undefined;
      }
    },
  };
}

/** The envelope in a text; undefined: it is no sealed value. */
export function envelopeIn(text: string): Envelope | undefined {
  return isSealed(text) ? asEnvelope(JSON.parse(text)) : undefined;
}

/** A value as an envelope, if it is one. */
export function asEnvelope(value: unknown): Envelope | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { [sealMember]: key, of, data } = value as Partial<Envelope>;
  return typeof key === "string" && typeof of === "string" && typeof data === "string"
    ? { [sealMember]: key, of, data }
    : undefined;
}

function keysOf(encryption: unknown): Map<string, Buffer> {
  const example = 'Use { current: "2026-11", keys: { "2026-11": process.env.JOBS_KEY } }';
  if (typeof encryption !== "object" || encryption === null)
    throw new InvalidOptionError(`open(): encryption is no object. ${example}.`);
  checkOptions(encryption, ["current", "keys"], "encryption of open()");
  const { current, keys } = encryption as Partial<Encryption>;
  if (typeof keys !== "object" || keys === null)
    throw new InvalidOptionError(`open(): encryption has no keys. ${example}.`);
  const found = new Map(Object.entries(keys).map(([name, key]) => [name, keyOf(name, key)]));
  if (typeof current === "string" && found.has(current)) return found;
  throw new InvalidOptionError(
    `open(): encryption.current is ${JSON.stringify(current)}, and the keys are named ${JSON.stringify([...found.keys()])}. ${example}.`,
  );
}

function keyOf(name: string, key: unknown): Buffer {
  if (!keyName.test(name))
    throw new InvalidOptionError(
      `open(): a key of encryption is named ${JSON.stringify(name)}. Use up to 64 letters, digits, dots and dashes.`,
    );
  const bytes =
    typeof key === "string"
      ? Buffer.from(key, "base64")
      : key instanceof Uint8Array
        ? Buffer.from(key)
        : undefined;
  if (bytes?.length === sizes.key) return bytes;
  const what = bytes === undefined ? "is not there" : `has ${bytes.length} bytes`;
  throw new InvalidOptionError(
    `open(): key "${name}" of encryption ${what}. Use ${sizes.key} bytes, or base64 of them: ` +
      "node -p \"crypto.randomBytes(32).toString('base64')\".",
  );
}
