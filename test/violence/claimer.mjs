// A worker that is about to read what it has claimed, and gets no further: its process blocks itself with the answer on
// its way, until its parent stops it. Told by its first argument (JSON: address, the two statements) what to send.
import { writeSync } from "node:fs";
import pg from "pg";

const { address, claim, claimed } = JSON.parse(process.argv[2] ?? "{}");
process.stdin.on("close", () => process.exit(0)).resume();

const client = new pg.Client({ connectionString: address });
await client.connect();
const pid = (await client.query("select pg_backend_pid() as pid")).rows[0].pid;
await client.query(claim.text, claim.values);
const reading = client.query(claimed.text, claimed.values);
// The next turn of the event loop sends it.
await new Promise((resolve) => setImmediate(resolve));
writeSync(1, `${JSON.stringify({ pid })}\n`);
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
const { rows } = await reading;
writeSync(1, `${JSON.stringify({ received: rows.length })}\n`);
