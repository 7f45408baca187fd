// What each request carries on its way through the web part: whose it is, and what everybody who answers it shares.
//
// Before this file comes nothing. After it come access, the API and the pages.
import type { Context } from "hono";
import type { Origin, Role } from "./role.js";

export interface WebEnvironment {
  Variables: {
    /** Set by access.ts before anything else answers. */
    role: Role;
    /** The path under which all of it is mounted, without a slash at its end: `""`, `"/jobs"`. */
    base: string;
    /** Whether whoever asks has signed in with a form, and can sign out. */
    session: boolean;
  };
  Bindings: Origin;
}

export type WebContext = Context<WebEnvironment>;
