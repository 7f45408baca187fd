// Reading what was sent: bounded, said to be JSON, and JSON that does no harm.
//
// A body that is not said to be JSON is refused, since a form of another site can send everything else without asking. What
// is too large is refused before it is read, or while it is. Text that is not UTF-8, a key `__proto__` and nesting that
// would end a stack are refused by name.
//
// Before this file comes access. After it come the routes.
import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { decode } from "../kernel/index.js";
import type { WebContext, WebEnvironment } from "./environment.js";
import { refused } from "./problem.js";

/** UTF-8 bytes: an input of 1 MiB and what is said about it; and a body with many runs. */
const bodyLimits = { usual: 1_114_112, many: 8_388_608 } as const;
/** Runs, or ids, in one body. */
export const mostInBody = 1_000;

/** Lets no larger body pass. */
export function limitBody(manyPaths: ReadonlySet<string>): MiddlewareHandler<WebEnvironment> {
  const limits = { usual: limited(bodyLimits.usual), many: limited(bodyLimits.many) };
  return (context, next) => (manyPaths.has(context.req.path) ? limits.many : limits.usual)(context, next);
}

function limited(maxSize: number): MiddlewareHandler<WebEnvironment> {
  return bodyLimit({
    maxSize,
    onError() {
      throw refused(
        "BODY_TOO_LARGE",
        `The body is larger than ${maxSize} bytes. Store the data where data is stored, and pass its id; send many runs in several requests.`,
      );
    },
  });
}

/** The value of a JSON body; undefined: there is none. @throws Refusal, NotJsonError */
export async function jsonOf({ req }: WebContext): Promise<unknown> {
  const bytes = await bytesOf(req.raw);
  if (bytes.byteLength === 0) return undefined;
  const type = req.header("content-type") ?? "";
  if (!/^application\/(?:[\w.-]+\+)?json *(?:;|$)/i.test(type)) {
    throw refused("NOT_JSON_TYPE", "A body has to be JSON, and to say so: Content-Type: application/json.", {
      headers: { accept: "application/json" },
    });
  }
  return decode(textOf(bytes));
}

async function bytesOf(request: Request): Promise<ArrayBuffer> {
  if (request.bodyUsed) {
    throw refused(
      "BODY_READ_BEFORE",
      "Something before this has read the body. Mount duckdive before what parses bodies.",
    );
  }
  return request.arrayBuffer();
}

function textOf(bytes: ArrayBuffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refused("INVALID_REQUEST", "The body is not UTF-8.");
  }
}
