// An application with orders and mails about them, as a web server, a worker, or both in one process. Arguments: role (`web`,
// `worker` or `both`), address of PostgreSQL, port of the mail server. Tells its own port.
//
// Each path does the same a little further: /nothing answers; /transaction records an order; /transaction/enqueue asks for the
// mail in that transaction; /transaction/after has it recorded after the response; /enqueue only asks for the mail; /mail records an
// order and sends the mail before it answers. When it is asked, the web server tells how long it was from the end of each response to
// the commit of what was recorded after it: the time in which a crash loses it.
import { createServer } from "node:http";
import nodemailer from "nodemailer";
import { Pool } from "pg";
import { z } from "zod";
import { requests } from "../../dist/with/node-http.js";
import { pg } from "../../dist/with/pg.js";
import { job, open } from "../duckdive.mjs";

const [role = "", url = "", mailPort = ""] = process.argv.slice(2);
const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(mailPort),
  pool: true,
  maxConnections: 50,
  maxMessages: Number.POSITIVE_INFINITY,
  ignoreTLS: true,
});
const mail = job({
  name: "mail",
  input: z.object({ order: z.number() }),
  handle: ({ order }) => send(order),
});
const pool = new Pool({ connectionString: url, max: 10 });
const duckdive = open(url, { with: pg(pool), jobs: [mail] });
const jobs = requests(duckdive);
let orders = 0;
/** When the response was out whose run it is. @type {Map<string, number>} */
const out = new Map();
/** From there to its commit, in milliseconds. @type {number[]} */
const lossWindows = [];
duckdive.on("enqueued", ({ run }) => {
  const at = out.get(run);
  if (at !== undefined) lossWindows.push(performance.now() - at);
  out.delete(run);
});

/** @type {Record<string, (request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse) => Promise<unknown>>} */
const paths = {
  "/nothing": async () => {},
  "/transaction": () => transaction(async () => {}),
  "/transaction/enqueue": () =>
    transaction((client, order) => duckdive.enqueue(mail, { order }, { tx: client })),
  "/transaction/after": async (request, response) => {
    const order = await transaction(async (_client, order) => order);
    const { id } = await jobs.of(request).afterResponse(mail, { order });
    response.prependOnceListener("finish", () => out.set(id, performance.now()));
  },
  "/enqueue": () => duckdive.enqueue(mail, { order: ++orders }),
  "/mail": async () => send(await transaction(async (_client, order) => order)),
};

/**
 * Records an order, and whatever else in the same transaction.
 * @template T
 * @param {(client: import("pg").PoolClient, order: number) => Promise<T>} and
 */
async function transaction(and) {
  const client = await pool.connect();
  try {
    await client.query("begin");
    const { rows } = await client.query("insert into shop_order (total) values ($1) returning id", [12.5]);
    const answer = await and(client, Number(rows[0].id));
    await client.query("commit");
    return answer;
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

/** @param {number} order */
async function send(order) {
  await transport.sendMail({
    from: "shop@example.com",
    to: "ann@example.com",
    subject: `Your order ${order}`,
    text: "It is on its way.",
  });
}

const server = createServer(
  jobs(async (request, response) => {
    let status = 204;
    try {
      await paths[request.url ?? ""]?.(request, response);
    } catch (error) {
      console.error(error);
      status = 500;
    }
    response.writeHead(status).end();
  }),
);
process.on("message", () => process.send?.({ lossWindows }));
process.on("disconnect", () => {
  server.closeAllConnections();
  transport.close();
  void duckdive.close().then(() => process.exit(0));
});

await pool.query(
  "create table if not exists shop_order (id bigint generated always as identity primary key, total numeric)",
);
await duckdive.ready();
if (role !== "web") await duckdive.work({ queues: { "*": 50 } }).ready;
if (role === "worker") process.send?.({ ready: true });
else
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    if (address !== null && typeof address === "object") process.send?.({ port: address.port });
  });
