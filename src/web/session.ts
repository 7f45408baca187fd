// Tokens, and the cookie that stands for one in a browser.
//
// A token is compared without its time telling how much of it was right. A cookie holds no token: it says which role signed
// in and until when, under a signature that only a holder of the token can make. So nothing has to be remembered, a restart
// signs nobody out, and another token signs everybody out.
//
// Before this file comes node:crypto. After it comes access.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Role } from "./role.js";

export interface Tokens {
  readonly operate?: string | undefined;
  readonly read?: string | undefined;
}

export const cookieName = "duckdive";
/** For how long somebody is signed in, in seconds. */
export const sessionSeconds = 12 * 60 * 60;

/** The role of a token; undefined: it is none of them. */
export function roleOfToken(tokens: Tokens, given: string): Role | undefined {
  const isOperate = tokens.operate !== undefined && isSame(tokens.operate, given);
  const isRead = tokens.read !== undefined && isSame(tokens.read, given);
  return isOperate ? "operate" : isRead ? "read" : undefined;
}

/** What the cookie of somebody who has signed in holds. */
export function sessionOf(tokens: Tokens, role: Role, now: number): string {
  const until = Math.floor(now / 1_000) + sessionSeconds;
  return `${role}.${until}.${signature(tokens[role] ?? "", role, until)}`;
}

/** The role that a cookie stands for; undefined: it is not ours, or no longer. */
export function roleOfSession(tokens: Tokens, cookie: string, now: number): Role | undefined {
  const [, role, digits, signed] = /^(read|operate)\.(\d{1,12})\.([0-9a-f]{64})$/.exec(cookie) ?? [];
  if ((role !== "read" && role !== "operate") || digits === undefined || signed === undefined)
    return undefined;
  const token = tokens[role];
  if (token === undefined) return undefined;
  const until = Number(digits);
  return isSame(signature(token, role, until), signed) && until * 1_000 > now ? role : undefined;
}

function signature(token: string, role: Role, until: number): string {
  const key = createHash("sha256").update(`duckdive session\0${token}`).digest();
  return createHmac("sha256", key).update(`${role}.${until}`).digest("hex");
}

/** Texts of any lengths: what is compared has always the same. */
function isSame(one: string, other: string): boolean {
  return timingSafeEqual(digest(one), digest(other));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
