// An ear for server-sent events, as tests need it: the next event, or the end.
import { type Served, token } from "./server.js";

export interface Heard {
  readonly id: string;
  readonly event: string;
  readonly data: { readonly id?: string; readonly state?: string; readonly resumed?: boolean };
}

export interface Ear {
  readonly status: number;
  /** The next event; undefined: the stream has ended. */
  next(): Promise<Heard | undefined>;
  /** The next event that is like this. */
  until(isWanted: (heard: Heard) => boolean): Promise<Heard>;
  close(): Promise<void>;
}

export async function listen(
  { api }: Pick<Served, "api">,
  query = "",
  headers: Record<string, string> = {},
): Promise<Ear> {
  const leaving = new AbortController();
  const response = await fetch(`${api}/events${query}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
    signal: leaving.signal,
  });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";

  async function next(): Promise<Heard | undefined> {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end < 0) {
        const part = await reader?.read();
        if (part?.value === undefined) return undefined;
        text += part.value;
        continue;
      }
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const field = (name: string): string => new RegExp(`^${name}: (.*)$`, "m").exec(block)?.[1] ?? "";
      if (field("event") !== "")
        return { id: field("id"), event: field("event"), data: JSON.parse(field("data")) };
    }
  }

  return {
    status: response.status,
    next,
    async until(isWanted) {
      for (let heard = await next(); heard !== undefined; heard = await next())
        if (isWanted(heard)) return heard;
      throw new Error("the stream has ended before that was heard");
    },
    async close() {
      leaving.abort();
      await reader?.cancel().catch(() => {});
    },
  };
}
