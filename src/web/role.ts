// Who may do what, as types that an application meets: no library's types are in them.
//
// Before this file comes nothing. After it come options, access, and whoever mounts the web part.

/** What somebody may do: look, or look and act. */
export type Role = "read" | "operate";

/** Answers what whoever asks may do, by the application's own means; false or undefined: nothing. */
export type Authorize = (request: Request) => Role | false | undefined | Promise<Role | false | undefined>;

/** Where a request comes from, as far as whoever mounts this knows it. */
export interface Origin {
  /** Who is at the other end of the connection. */
  readonly address?: string | undefined;
}
