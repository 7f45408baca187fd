// Somebody who asks for work all the time, on a machine of the cluster: it runs `dist/`, what users get.
//
// Told by its first argument (JSON: address). It says, one JSON value a line, what was acknowledged and refused, and when; what
// is refused it asks for again under the same id. When standard input ends, so does the process.
import { writeSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { job, open } from "duckdive";

const { address } = JSON.parse(process.argv[2] ?? "{}");
/** @param {object} value */
const say = (value) =>
  void writeSync(1, `${JSON.stringify({ ...value, at: performance.timeOrigin + performance.now() })}\n`);
process.stdin.on("end", () => process.exit(0)).resume();

const copy = job({ name: "copy" });
const log = { debug() {}, info() {}, warn() {}, error() {} };
const duckdive = open(address, { log });
for (;;) {
  const id = crypto.randomUUID();
  for (let isTaken = false; !isTaken; ) {
    try {
      await duckdive.enqueue(copy, undefined, { id });
      isTaken = true;
      say({ acknowledged: id });
    } catch (error) {
      say({ refused: error instanceof Error && "code" in error ? error.code : String(error) });
    }
    await wait(20);
  }
}
