// A runner in a process of its own, as a program would start one: it prints what it says, one value a line, and leaves
// with the runner's exit code.
import { writeSync } from "node:fs";
import { createRunner } from "duckdive/runner";

const { throwsOn, ...options } = JSON.parse(process.argv[2] ?? "{}");
const runner = createRunner({
  ...options,
  say(event, text, fields, level = "info") {
    writeSync(1, `${JSON.stringify({ event, text, fields, level })}\n`);
    if (event === throwsOn)
      setImmediate(() => {
        throw new Error("the parent itself fails");
      });
  },
});
runner.start().catch(() => {});
process.exit(await runner.over);
