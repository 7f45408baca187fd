// A server that is killed between its response and what is to be recorded after it: it kills itself the moment that the
// response is out, by a listener that hears of it first.
//
// Takes the store, and how it records: "held" in memory, or in "tx", the request's own transaction.
import { createServer } from "node:http";
import { job, open } from "duckdive";
import { requests } from "duckdive/with/node-http";
import { sqlite } from "duckdive/with/sqlite";
import Database from "libsql";

const [file = "", how = "held"] = process.argv.slice(2);
const welcome = job({ name: "welcome" });
const db = new Database(file);
const duckdive = open(`sqlite:${file}`, { with: sqlite(db) });
await duckdive.ready();
const jobs = requests(duckdive);
const answer = jobs(async (request, response) => {
  if (how === "tx") db.exec("begin immediate");
  const tx = how === "tx" ? { tx: db } : {};
  const { id } = await jobs.of(request).afterResponse(welcome, undefined, tx);
  if (how === "tx") db.exec("commit");
  response.end(id);
});
const server = createServer((request, response) => {
  response.once("finish", () => process.kill(process.pid, "SIGKILL"));
  answer(request, response);
});
server.listen(0, "127.0.0.1", () => console.log(/** @type {any} */ (server.address()).port));
