// A shop with one endpoint, in four ways: each takes an order in a transaction, and a mail is to be sent.
//
//   plain   sends none: what the endpoint costs by itself
//   tx      asks for a run in the same transaction
//   after   has it recorded after the response
//   inline  sends the mail before it answers, to an SMTP server on this machine
//
// Tells its parent the port, and when it is told to stop, how long it was from the end of each response to the commit of what
// was recorded after it: the time in which a crash loses it.
import { once } from "node:events";
import express from "express";
import { createTransport } from "nodemailer";
import { Pool } from "pg";
import { requests } from "../../dist/with/express.js";
import { pg } from "../../dist/with/pg.js";
import { job, open } from "../duckdive.mjs";

const [url = "", smtp = ""] = process.argv.slice(2);
const mail = job({ name: "mail", handle() {} });
const pool = new Pool({ connectionString: url, max: 10 });
await pool.query("create table orders (id bigint generated always as identity primary key, body text)");
const duckdive = open(pool, { with: pg(pool) });
await duckdive.ready();
const jobs = requests(duckdive);
const post = createTransport({ host: "127.0.0.1", port: Number(smtp), pool: true, maxConnections: 10 });
const letter = {
  from: "shop@example.com",
  to: "ada@example.com",
  subject: "Thank you",
  text: "duck dive ".repeat(200),
};

/** When the response was out whose run it is, and how long after that it was committed, in milliseconds. */
const out = new Map();
/** @type {number[]} */
const lossWindows = [];
duckdive.on("enqueued", ({ run }) => {
  const at = out.get(run);
  if (at !== undefined) lossWindows.push(performance.now() - at);
  out.delete(run);
});

const app = express();
app.use((request, response, next) => {
  // Heard before duckdive hears it.
  response.once("finish", () => {
    if (response.locals.run !== undefined) out.set(response.locals.run, performance.now());
  });
  jobs(request, response, next);
});
app.post("/:how", async (request, response) => {
  const { how } = request.params;
  const client = await pool.connect();
  try {
    await client.query("begin");
    await client.query("insert into orders (body) values ($1)", ["a board"]);
    if (how === "tx") await jobs.of(request).enqueue(mail, undefined, { tx: client });
    await client.query("commit");
  } finally {
    client.release();
  }
  if (how === "after") response.locals.run = (await jobs.of(request).afterResponse(mail)).id;
  if (how === "inline") await post.sendMail(letter);
  response.json({ ok: true });
});

const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const address = server.address();
process.send?.({ port: typeof address === "object" ? address?.port : 0 });
await once(process, "message");
await jobs.flush();
process.send?.({ lossWindows });
post.close();
server.close();
server.closeAllConnections();
await duckdive.close();
await pool.end();
process.disconnect();
