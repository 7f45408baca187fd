// The live stream: what any process does is heard, what was missed is told afterwards, and there is an end to everything.
import { afterEach, beforeEach, expect, test } from "vitest";
import { createStreams, streamLimits } from "../../src/web/streams.js";
import { type Ear, listen } from "./listening.js";
import { ask, resize, type Served, serve, token, welcome } from "./server.js";

let served: Served;
beforeEach(async () => {
  served = await serve({ token, jobs: [welcome], streams: 3 });
});
afterEach(() => served.close());

const waiting = { job: "welcome", input: { userId: 7 }, delay: "1h" };

async function recorded(): Promise<string> {
  return (await ask(served, "POST", "/runs", waiting)).body.id;
}

async function ready(
  query?: string,
  headers?: Record<string, string>,
): Promise<{ ear: Ear; resumed: boolean }> {
  const ear = await listen(served, query, headers);
  const first = await ear.until(({ event }) => event === "ready");
  return { ear, resumed: first.data.resumed === true };
}

test("a run is heard of from its record to its end, whoever moves it", async () => {
  const { ear, resumed } = await ready();
  expect(resumed).toBe(false);
  const run = await served.working.enqueue(resize, { path: "a.png" });
  expect((await ear.until(({ data }) => data.id === run.id)).event).toBe("run");
  const worker = served.working.work();
  await ear.until(({ data }) => data.id === run.id && data.state === "succeeded");
  await worker.stop();
  await ear.close();
});

test("what was missed comes when a listener comes back, and nothing twice", async () => {
  const { ear: other } = await ready();
  const { ear } = await ready();
  const first = await recorded();
  const last = await ear.until(({ data }) => data.id === first);
  await ear.close();
  const missed = await recorded();
  await other.until(({ data }) => data.id === missed);
  const { ear: again, resumed } = await ready("", { "last-event-id": last.id });
  expect(resumed).toBe(true);
  expect((await again.next())?.data).toMatchObject({ id: missed, state: "scheduled" });
  await Promise.all([again.close(), other.close()]);
});

test("who comes back when nobody has listened meanwhile, or from elsewhere, is told to read again", async () => {
  const { ear } = await ready();
  const first = await recorded();
  const last = await ear.until(({ data }) => data.id === first);
  await ear.close();
  await recorded();
  for (const id of [last.id, "ffffffff-3", "nonsense"]) {
    const { ear: again, resumed } = await ready("", { "last-event-id": id });
    expect(resumed, id).toBe(false);
    await again.close();
  }
});

test("a listener hears only of what it asks for", async () => {
  const old = await recorded();
  const { ear } = await ready(`?run=${old}`);
  await recorded();
  await ask(served, "POST", `/runs/${old}/cancel`);
  expect((await ear.next())?.data).toMatchObject({ id: old, state: "cancelled" });
  await ear.close();
});

test("one stream more than there may be is told to come later, until another has gone", async () => {
  const ears = await Promise.all([listen(served), listen(served), listen(served)]);
  const { status, headers, body } = await ask(served, "GET", "/events");
  expect([status, body.code, headers.get("retry-after")]).toEqual([503, "TOO_MANY_STREAMS", "10"]);
  await Promise.all(ears.map((ear) => ear.close()));
  let ear = await listen(served);
  // The server hears of the end of a connection in its own time.
  while (ear.status === 503) {
    await ear.close();
    ear = await listen(served);
  }
  expect(ear.status).toBe(200);
  await ear.close();
});

test("HEAD opens no stream", async () => {
  for (let n = 0; n < 5; n += 1) {
    const { status } = await fetch(`${served.api}/events`, {
      method: "HEAD",
      headers: { authorization: `Bearer ${token}` },
    });
    expect(status).toBe(200);
  }
  const { ear } = await ready();
  await ear.close();
});

test("closing the server ends the streams", async () => {
  const { ear } = await ready();
  await served.server.close();
  expect(await ear.next()).toBeUndefined();
});

test("who does not read is let go of", async () => {
  const streams = createStreams(1, () => {});
  let ended: () => void = () => {};
  const over = new Promise<void>((resolve) => {
    ended = resolve;
  });
  streams.open(undefined, new AbortController().signal, async ({ write }) => {
    for (let n = 0; n < streamLimits.unread + 100; n += 1) write(": a line\n\n");
    return ended;
  });
  await over;
  expect(streams.size).toBe(0);
});

test("one address has its share of the streams, and no more", () => {
  const streams = createStreams(100, () => {});
  const callers: AbortController[] = [];
  const open = (address: string) => {
    const caller = new AbortController();
    callers.push(caller);
    return streams.open(address, caller.signal, () => Promise.resolve(() => {}));
  };
  for (let n = 0; n < streamLimits.each; n += 1) open("10.0.0.1");
  expect(() => open("10.0.0.1")).toThrow(/Too many live streams/);
  expect(open("10.0.0.2").status).toBe(200);
  callers[0]?.abort();
  expect(open("10.0.0.1").status).toBe(200);
  streams.close();
  expect(streams.size).toBe(0);
});
