// Requests as no client of ours would send them: with nothing but what is given, or as bytes on a connection.
import { connect } from "node:net";

export function raw(url: string, text: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.write(text));
    socket.setEncoding("latin1");
    socket.on("data", (part: string) => {
      answer += part;
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      // Refused while it was still being sent: what came before that is the answer.
      if (error.code === "ECONNRESET" || error.code === "EPIPE") resolve(answer);
      else reject(error);
    });
    socket.on("close", () => resolve(answer));
  });
}

/** The status of the first answer. */
export function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);
}

export type Body = NonNullable<RequestInit["body"]>;

/** A request below the whole server, with nothing but what is given. */
export function bareOn(url: () => string) {
  return (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${url()}${path}`, { method, redirect: "manual", ...init });
}

/** The code of a problem. */
export async function code(response: Response): Promise<unknown> {
  const body: unknown = await response.json();
  return typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
}
