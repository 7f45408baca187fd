// What a handler says last is in the record, although it is written over another connection than the handler's end.
import { expect, test } from "vitest";
import { job } from "../../src/job/index.js";
import { open } from "../../src/open.js";
import { ask } from "./ask.js";
import { freshDatabase } from "./database.js";

const runs = 600;
let executions = 0;
const chatty = job({
  name: "chatty",
  retry: { attempts: 1 },
  handle(_input: undefined, ctx) {
    ctx.log.info("the last words");
    if (executions++ % 2 === 0) throw new Error("and that is that");
  },
});

test("every line that was logged before the end of a run is in its log", async () => {
  const database = await freshDatabase();
  const duckdive = open(database.url, {
    jobs: [chatty],
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
  try {
    const handles = await duckdive.enqueueMany(Array.from({ length: runs }, () => chatty.with()));
    duckdive.work();
    await Promise.all(handles.map((run) => run.outcome({ timeout: "15s" })));
    expect(await ask(database.url, "select count(*)::integer as lines from duckdive.log")).toEqual([
      { lines: runs },
    ]);
  } finally {
    await duckdive.close();
    await database.drop();
  }
});
