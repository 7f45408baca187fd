// A process in which many callers at once ask for runs with a unique key: each line on standard input is one request, which
// so many callers make together; the answers go out as one line.
import { randomUUID } from "node:crypto";
import { createInterface } from "node:readline";
import { postgres } from "duckdive/postgres";
import { sqlite } from "duckdive/sqlite";

const { address, callers } = JSON.parse(process.argv[2] ?? "{}");
const isFile = address.startsWith("sqlite:");
const store = isFile ? sqlite({ file: address.slice("sqlite:".length) }) : postgres({ database: address });

/**
 * @param {number} caller
 * @param {{ unique: import("duckdive/store").Unique }} request
 */
async function ask(caller, { unique, ...fields }) {
  const id = randomUUID();
  const run = { id, job: "copy", version: 1, queue: "default", priority: 0, ...fields };
  const input = JSON.stringify(`${process.pid} ${caller}`);
  try {
    const [answer] = await store.insert([{ ...run, input, unique }]);
    return { ...answer, input };
  } catch (error) {
    return {
      refused: String(Reflect.get(Object(error), "code")),
      existing: Reflect.get(Object(error), "existing"),
    };
  }
}

/** @param {string} line */
async function obey(line) {
  const { round, ...request } = JSON.parse(line);
  const asked = Array.from({ length: callers }, (_, caller) => ask(caller, request));
  process.stdout.write(`${JSON.stringify({ round, answers: await Promise.all(asked) })}\n`);
}

const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => void obey(line));
await store.open();
process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
