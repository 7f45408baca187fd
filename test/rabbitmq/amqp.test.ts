// Messages of the real broker as runs, and runs as messages, while connections are cut, the broker is killed and this side is.
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ChannelModel, type ConfirmChannel, connect } from "amqplib";
import { type Duckdive, job, open } from "duckdive";
import { type Amqp, amqp, type Outgoing, UnroutableError } from "duckdive/with/amqp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { startProxy } from "../postgres/proxy.js";
import { type Broker, hasRabbit, startBroker } from "./server.js";

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const order = job({
  name: "order",
  input: z.object({ n: z.number() }),
  handle: ({ n }) => n,
});
const other = job({ name: "other", handle: () => "other" });
const patience = { timeout: 20_000 };

describe.skipIf(!hasRabbit)("RabbitMQ (skipped where it is not installed)", { timeout: 120_000 }, () => {
  let server: Broker;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let folder: string;
  let duckdive: Duckdive;
  let broker: Amqp;
  let hand: ChannelModel;
  let channel: ConfirmChannel;
  let queue: string;
  let number = 0;

  beforeAll(async () => {
    server = await startBroker();
    proxy = await startProxy(server.port);
  }, 100_000);
  afterAll(async () => {
    await proxy?.stop();
    await server?.end();
  }, 60_000);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "duckdive-amqp-"));
    duckdive = open(`sqlite:${join(folder, "jobs.db")}`, { jobs: [order, other], log: quiet });
    await duckdive.ready();
    broker = amqp(() => connect(proxy.through(server.url)), { log: quiet });
    await take();
    number += 1;
    queue = `orders-${number}`;
    await channel.assertQueue(queue, { durable: true });
    await channel.assertQueue(`${queue}-refused`, { durable: true });
  });
  afterEach(async () => {
    await broker.close();
    await duckdive.close();
    await hand.close().catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  });

  /** The test's own hand on the broker, without the proxy. */
  async function take(): Promise<void> {
    hand = await connect(server.url);
    hand.on("error", () => {});
    channel = await hand.createConfirmChannel();
    channel.on("error", () => {});
  }

  const deadLetters = () => ({ exchange: "", routingKey: `${queue}-refused` });

  async function send(content: unknown, properties: object = {}): Promise<void> {
    const body = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
    channel.sendToQueue(queue, body, { persistent: true, ...properties });
    await channel.waitForConfirms();
  }

  async function sendMany(count: number, from = 0): Promise<void> {
    for (let n = from; n < from + count; n += 1)
      channel.sendToQueue(queue, Buffer.from(`{"n":${n}}`), { persistent: true, messageId: `m-${n}` });
    await channel.waitForConfirms();
  }

  /** The input of every run of the job, in order. */
  async function recorded(): Promise<number[]> {
    const found: number[] = [];
    for await (const run of duckdive.list({ job: order }, { limit: 1_000 }))
      found.push((run.input as { n: number }).n);
    return found.sort((one, two) => one - two);
  }
  const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

  async function isEmpty(): Promise<void> {
    await expect.poll(async () => (await channel.checkQueue(queue)).messageCount, patience).toBe(0);
  }

  /** What the queue has for whoever consumes next: what was not acknowledged is back when its consumer is gone. */
  async function all(
    name: string,
  ): Promise<{ content: string; headers: Record<string, unknown>; id: string }[]> {
    const messages = [];
    for (;;) {
      const message = await channel.get(name, { noAck: true });
      if (message === false) return messages;
      const { headers = {}, messageId } = message.properties;
      messages.push({ content: message.content.toString(), headers, id: String(messageId) });
    }
  }

  test("every message is a run, with where it comes from, and is acknowledged after that", async () => {
    const intake = broker.consume(duckdive, { queue, jobs: [order], deadLetters: deadLetters() });
    await intake.ready;
    await sendMany(2_000);
    await expect.poll(() => intake.status().recorded, patience).toBe(2_000);
    await intake.stop();
    expect(await recorded()).toEqual(upTo(2_000));
    expect(await all(queue)).toEqual([]);
    const { runs } = await duckdive.list({ job: order }, { limit: 1 });
    expect(runs[0]?.meta).toMatchObject({ "amqp.queue": queue, "amqp.routingKey": queue });
  });

  test("a message that is sent twice, or delivered twice, is one run; one without an id is itself", async () => {
    const intake = broker.consume(duckdive, { queue, jobs: [order, other], deadLetters: deadLetters() });
    for (const n of [1, 1, 2]) await send({ n }, { messageId: `m-${n}`, type: "order" });
    for (const n of [3, 3]) await send({ n }, { type: "order" });
    await expect.poll(() => intake.status(), patience).toMatchObject({ recorded: 4, known: 1 });
    expect(await recorded()).toEqual([1, 2, 3, 3]);
    await duckdive.work().ready;
    await expect.poll(() => duckdive.count({ state: "succeeded" }), patience).toBe(4);
    await send({ n: 1 }, { messageId: "m-1", type: "order" });
    await expect.poll(() => intake.status().known, patience).toBe(2);
    expect(await recorded()).toEqual([1, 2, 3, 3]);
  });

  test("what can never be a run goes to the dead letters with the reason, and the others are recorded", async () => {
    await send(Buffer.from("{oh"), { messageId: "torn" });
    await send(Buffer.from([0xff, 0xfe]), { messageId: "bytes" });
    await send({ n: "one" }, { messageId: "wrong", type: "order" });
    await send({ n: 1 }, { messageId: "stranger", type: "nobody", headers: { mine: 7 } });
    await send({ n: 2 }, { messageId: "fine", type: "order" });
    const intake = broker.consume(duckdive, { queue, jobs: [order, other], deadLetters: deadLetters() });
    await expect.poll(() => intake.status(), patience).toMatchObject({ recorded: 1, refused: 4, held: 0 });
    const dead = new Map((await all(`${queue}-refused`)).map((one) => [one.id, one]));
    const codes = [...dead].map(([id, { headers }]) => [id, headers["x-duckdive-code"]]);
    expect(Object.fromEntries(codes)).toEqual({
      torn: "NOT_JSON",
      bytes: "NOT_JSON",
      wrong: "INVALID_INPUT",
      stranger: "UNKNOWN_JOB",
    });
    expect(dead.get("torn")?.content).toBe("{oh");
    expect(dead.get("stranger")?.headers).toMatchObject({
      mine: 7,
      "x-duckdive-queue": queue,
      "x-duckdive-reason": 'No job here is called "nobody"',
    });
    expect(dead.get("wrong")?.headers["x-duckdive-reason"]).toMatch(/n/);
    await intake.stop();
    expect(await all(queue)).toEqual([]);
    expect(await recorded()).toEqual([2]);
  });

  test("a request of its own decides by routing key, and what it throws is a reason", async () => {
    const intake = broker.consume(duckdive, {
      queue,
      deadLetters: deadLetters(),
      request({ properties }, content) {
        if (properties.headers?.kind === "order") return order.with({ n: Number(content) });
        throw new Error("what is that?");
      },
    });
    await send(7, { headers: { kind: "order" } });
    await send(8);
    await expect.poll(() => intake.status(), patience).toMatchObject({ recorded: 1, refused: 1 });
    const [dead] = await all(`${queue}-refused`);
    expect(dead?.headers).toMatchObject({
      "x-duckdive-code": "NO_REQUEST",
      "x-duckdive-reason": "No request could be made of it: what is that?",
    });
  });

  test("a message is kept while its dead-letter exchange is not there", async () => {
    const exchange = `${queue}-later`;
    const intake = broker.consume(duckdive, { queue, jobs: [order], deadLetters: { exchange } });
    await send("no order", { messageId: "bad" });
    await send({ n: 1 }, { messageId: "good" });
    await expect.poll(() => intake.status(), patience).toMatchObject({ recorded: 1, held: 1, refused: 0 });
    await channel.assertExchange(exchange, "fanout");
    await channel.bindQueue(`${queue}-refused`, exchange, "");
    await expect.poll(() => intake.status(), patience).toMatchObject({ refused: 1, held: 0 });
    expect((await all(`${queue}-refused`)).map(({ id }) => id)).toEqual(["bad"]);
  });

  test("while the store is away nothing is acknowledged and no more than the prefetch is taken", async () => {
    let isAway = true;
    const intake = broker.consume(
      {
        enqueueMany: (requests) =>
          isAway ? Promise.reject(new Error("no store")) : duckdive.enqueueMany(requests),
      },
      { queue, jobs: [order], deadLetters: deadLetters(), prefetch: 10 },
    );
    await intake.ready;
    await sendMany(30);
    await expect.poll(() => intake.status().held, patience).toBe(10);
    await expect.poll(async () => (await channel.checkQueue(queue)).messageCount, patience).toBe(20);
    isAway = false;
    await expect.poll(() => intake.status(), patience).toMatchObject({ recorded: 30, held: 0 });
    await isEmpty();
  });

  test("connections that are cut again and again lose nothing and record nothing twice", async () => {
    const intake = broker.consume(duckdive, {
      queue,
      jobs: [order],
      deadLetters: deadLetters(),
      prefetch: 50,
    });
    await intake.ready;
    for (let from = 0; from < 3_000; from += 300) {
      await sendMany(300, from);
      await expect
        .poll(() => intake.status().recorded + intake.status().known, patience)
        .toBeGreaterThan(from / 2);
      proxy.cut();
    }
    await expect.poll(() => intake.status().recorded, patience).toBe(3_000);
    await expect.poll(() => intake.status().held, patience).toBe(0);
    await isEmpty();
    await intake.stop();
    expect(await all(queue)).toEqual([]);
    expect(await recorded()).toEqual(upTo(3_000));
  });

  test("a process killed between record and acknowledgement records nothing twice", async () => {
    await sendMany(100);
    const given = [server.url, queue, `sqlite:${join(folder, "jobs.db")}`];
    const child = fork(fileURLToPath(new URL("./killed.mjs", import.meta.url)), given);
    expect(await endOf(child)).toBe("SIGKILL");
    const before = (await recorded()).length;
    expect(before).toBeGreaterThan(0);
    const intake = broker.consume(duckdive, { queue, jobs: [order], deadLetters: deadLetters() });
    await expect.poll(() => intake.status().recorded + intake.status().known, patience).toBe(100);
    expect(intake.status()).toMatchObject({ known: before, recorded: 100 - before });
    expect(await recorded()).toEqual(upTo(100));
  });

  test("a broker that is killed and started again is consumed on, and what was published is there", async () => {
    const publish = broker.outbox({
      name: "publish",
      retry: { attempts: 1_000, backoff: { kind: "fixed", base: "200ms" } },
    });
    const outside = open(`sqlite:${join(folder, "jobs.db")}`, { jobs: [publish], log: quiet });
    try {
      const intake = broker.consume(duckdive, { queue, jobs: [order], deadLetters: deadLetters() });
      await intake.ready;
      outside.work({ queues: { "*": 20 } });
      const messages = upTo(600).map((n): Outgoing => ({ routingKey: queue, content: { n } }));
      await outside.enqueueMany(publish, messages.slice(0, 300));
      await expect.poll(() => intake.status().recorded, patience).toBeGreaterThan(50);
      await server.kill();
      await outside.enqueueMany(publish, messages.slice(300));
      await expect.poll(() => intake.status().isConnected, patience).toBe(false);
      await server.start();
      await expect
        .poll(() => outside.count({ job: publish, state: "succeeded" }), { timeout: 60_000 })
        .toBe(600);
      await expect.poll(recorded, { timeout: 30_000 }).toEqual(upTo(600));
    } finally {
      await outside.close();
      await take();
    }
  });

  test("an outbox says that no queue takes its message, and has published it as soon as one does", async () => {
    const publish = broker.outbox({
      name: "publish",
      retry: { attempts: 100, backoff: { kind: "fixed", base: "50ms" } },
    });
    const outside = open(`sqlite:${join(folder, "jobs.db")}`, { jobs: [publish], log: quiet });
    try {
      const target = `${queue}-target`;
      const worker = outside.work();
      const run = await outside.enqueue(publish, {
        routingKey: target,
        content: { paid: true },
        type: "order.paid",
        headers: { tenant: 7 },
      });
      await expect.poll(async () => (await run.get()).error?.code, patience).toBe("UNROUTABLE");
      await channel.assertQueue(target);
      await run.result({ timeout: "20s" });
      expect(await all(target)).toMatchObject([
        { content: '{"paid":true}', id: run.id, headers: { tenant: 7 } },
      ]);
      await worker.stop();
    } finally {
      await outside.close();
    }
  });

  test("a message that no queue takes, or that a full queue turns away, is an error", async () => {
    const lost = broker.publish({ routingKey: "nowhere", content: 1, messageId: "a" });
    await expect(lost).rejects.toThrow(UnroutableError);
    const full = `${queue}-full`;
    const limits = { "x-max-length": 1, "x-overflow": "reject-publish" };
    await channel.assertQueue(full, { arguments: limits });
    await broker.publish({ routingKey: full, content: 1, messageId: "b" });
    await expect(broker.publish({ routingKey: full, content: 2, messageId: "c" })).rejects.toMatchObject({
      code: "BROKER_REFUSED",
    });
    const absent = broker.publish({ exchange: "absent", routingKey: "x", content: 1, messageId: "d" });
    await expect(absent).rejects.toMatchObject({ code: "BROKER_LOST" });
    await broker.publish({ routingKey: queue, content: { n: 1 }, messageId: "e" });
    expect((await all(queue)).map(({ id }) => id)).toEqual(["e"]);
  });

  test("a broker that does not answer fails when its signal is aborted, and a cut fails at once", async () => {
    await broker.publish({ routingKey: queue, content: { n: 1 }, messageId: "before" });
    proxy.silence("answers");
    try {
      const abort = new AbortController();
      const silent = broker.publish(
        { routingKey: queue, content: { n: 2 }, messageId: "silent" },
        { signal: abort.signal },
      );
      const cut = broker.publish({ routingKey: queue, content: { n: 3 }, messageId: "cut" });
      const both = Promise.allSettled([silent, cut]);
      abort.abort(new Error("too long"));
      await expect(silent).rejects.toThrow("too long");
      proxy.cut();
      await expect(cut).rejects.toMatchObject({ code: "BROKER_LOST" });
      await both;
    } finally {
      proxy.resume();
    }
    await broker.publish({ routingKey: queue, content: { n: 4 }, messageId: "after" });
  });

  test("a queue that is deleted and made again is consumed on", async () => {
    const intake = broker.consume(duckdive, { queue, jobs: [order], deadLetters: deadLetters() });
    await intake.ready;
    await channel.deleteQueue(queue);
    await expect.poll(() => intake.status().isConnected, patience).toBe(false);
    await channel.assertQueue(queue, { durable: true });
    await sendMany(3);
    await expect.poll(() => intake.status(), patience).toMatchObject({ recorded: 3, isConnected: true });
  });

  test("stopping gives back what is not recorded", async () => {
    const intake = broker.consume(
      { enqueueMany: () => Promise.reject(new Error("no store")) },
      { queue, jobs: [order], deadLetters: deadLetters() },
    );
    await intake.ready;
    await sendMany(5);
    await expect.poll(() => intake.status().held, patience).toBe(5);
    await intake.stop();
    await intake.stop();
    await expect.poll(async () => (await channel.checkQueue(queue)).messageCount, patience).toBe(5);
  });
});

async function endOf(child: ChildProcess): Promise<unknown> {
  const [, signal] = await once(child, "exit");
  return signal;
}
