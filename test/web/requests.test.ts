// Requests that are made to take the server down, to make it read one thing and a proxy another, or to leave something behind.
// Misspelt on purpose. cspell:ignore resi xchunked
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Body, bareOn, code, raw, statusOf } from "./raw.js";
import { ask, type Served, serve, token } from "./server.js";

let served: Served;
beforeEach(async () => {
  served = await serve();
});
afterEach(() => served.close());

const waiting = { job: "welcome", input: { userId: 7 }, delay: "1h" };
const bearer = { authorization: `Bearer ${token}` };
const bare = bareOn(() => served.url);

describe("a body", () => {
  const post = (body: Body, headers: Record<string, string> = {}, path = "/api/runs") =>
    bare("POST", path, {
      headers: { ...bearer, "content-type": "application/json", ...headers },
      body,
      duplex: "half",
    } as RequestInit);

  test("that is too large is refused before it is read, also when it does not say how large it is", async () => {
    const said = await raw(
      served.url,
      `POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n` +
        "Content-Type: application/json\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n",
    );
    expect(said).toMatch(/^HTTP\/1\.1 413[\s\S]*BODY_TOO_LARGE/);
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        if (sent > 100_000_000) controller.close();
        else controller.enqueue(new Uint8Array(65_536).fill(32));
      },
    });
    // The server may close the connection while the client still sends.
    const response = await post(endless).catch(() => undefined);
    if (response !== undefined)
      expect([response.status, await code(response)]).toEqual([413, "BODY_TOO_LARGE"]);
    expect(sent).toBeLessThan(100_000_000);
  });

  test("with an input over 1 MiB is refused, and one of nearly that is taken", async () => {
    const input = (size: number) => JSON.stringify({ job: "resize", input: { path: "x".repeat(size) } });
    const [over, nearly] = [await post(input(1_048_576)), await post(input(1_048_000))];
    expect([over.status, await code(over), nearly.status]).toEqual([413, "TOO_LARGE", 201]);
  });

  test.each<[string, Body, number, string]>([
    ["half of JSON", '{"job": "welcome"', 400, "NOT_JSON"],
    [
      "nesting that would end a stack",
      `{"job":"resize","input":${"[".repeat(200_000)}${"]".repeat(200_000)}}`,
      400,
      "NOT_JSON",
    ],
    ["a prototype", '{"job":"resize","input":{"__proto__":{"isAdmin":true}}}', 400, "NOT_JSON"],
    [
      "a prototype in disguise",
      '{"job":"resize","input":{"\\u005f_proto__":{"isAdmin":true}}}',
      400,
      "NOT_JSON",
    ],
    ["bytes that are no text", new Uint8Array([0x22, 0xff, 0xfe, 0x22]), 400, "INVALID_REQUEST"],
    ["a NUL character", '{"job":"resize","input":{"path":"a\\u0000b"}}', 400, "NOT_JSON"],
    ["a NUL character in a name", '{"job":"resi\\u0000ze"}', 400, "INVALID_REQUEST"],
    ["half a character", '{"job":"resize","tags":["\\ud800"]}', 400, "INVALID_REQUEST"],
    [
      "a constructor as a field",
      '{"job":"resize","constructor":{"prototype":{"x":1}}}',
      400,
      "INVALID_REQUEST",
    ],
    ["toString as a field", '{"job":"resize","toString":1}', 400, "INVALID_REQUEST"],
    ["a number for JSON", "1e999", 400, "INVALID_REQUEST"],
    [
      "a field with a name of a megabyte",
      JSON.stringify({ job: "x", ["y".repeat(1_000_000)]: 1 }),
      400,
      "INVALID_REQUEST",
    ],
  ])("with %s is refused by name", async (_what, body, status, wanted) => {
    const response = await post(body);
    const text = await response.text();
    expect([response.status, JSON.parse(text).code]).toEqual([status, wanted]);
    expect(text.length).toBeLessThan(5_000);
    expect("isAdmin" in {} || "x" in {}).toBe(false);
    expect(await served.duckdive.count()).toBe(0);
  });

  test("with more runs than may be is refused, and so is one that is too large for many", async () => {
    const runs = Array.from({ length: 1_001 }, () => waiting);
    const many = await post(JSON.stringify({ runs }), {}, "/api/runs/many");
    expect([many.status, await code(many)]).toEqual([400, "INVALID_REQUEST"]);
    const large = await post(" ".repeat(9_000_000), {}, "/api/runs/many").catch(() => undefined);
    if (large !== undefined) expect(large.status).toBe(413);
    expect(await served.duckdive.count()).toBe(0);
  });
});

describe("headers", () => {
  const head = `POST /api/queues/smuggled/pause HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\n`;
  test.each([
    ["two lengths", `${head}Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello`],
    ["a length and chunks", `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG`],
    ["chunks in disguise", `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ["chunks twice", `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
    ["a space before the colon", `${head}Content-Length : 0\r\n\r\n`],
    [
      "a line that is folded",
      `${head}X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n`.replace("X-A: b\r\n c", "X-A:\n b"),
    ],
    ["two hosts", `${head}Host: evil.example\r\nContent-Length: 0\r\n\r\n`],
    ["a host that is none", head.replace("Host: 127.0.0.1", "Host: a@b/c?d")],
    ["no host", head.replace("Host: 127.0.0.1\r\n", "")],
    ["more than there is room for", `${head}X-Long: ${"x".repeat(100_000)}\r\n\r\n`],
  ])("with %s are refused", async (_what, text) => {
    const answer = await raw(served.url, `${text.replace("\r\n", "\r\nConnection: close\r\n")}\r\n`);
    const queues = await served.duckdive.queues();
    // A proxy in front may have read it otherwise, so nothing of it may be done.
    expect([statusOf(answer), queues.some(({ paused }) => paused)]).toEqual([
      expect.toBeOneOf([400, 431]),
      false,
    ]);
  });

  test("are made of nothing that was stored", async () => {
    const name = "evil\r\nX-Injected: 1";
    const { headers } = await ask(served, "GET", `/queues/${encodeURIComponent(name)}`);
    expect(headers.get("x-injected")).toBeNull();
  });
});
