// A runner in a process of its own, as a program would start one: it prints what it says, one value a line, and leaves
// with the runner's exit code.
import { closeSync, openSync, writeSync } from "node:fs";
import { createRunner } from "duckdive/runner";

const { throwsOn, takesDescriptors, ...options } = JSON.parse(process.argv[2] ?? "{}");
/** All that this process may have: a process that it starts has none. Given back at the first death. */
const taken = takesDescriptors === true ? takeAll() : [];
function takeAll() {
  const all = [];
  try {
    while (true) all.push(openSync("/dev/null", "r"));
  } catch {
    return all;
  }
}
const runner = createRunner({
  ...options,
  say(event, text, fields, level = "info") {
    writeSync(1, `${JSON.stringify({ event, text, fields, level })}\n`);
    if (event === "died") for (const descriptor of taken.splice(0)) closeSync(descriptor);
    if (event === throwsOn)
      setImmediate(() => {
        throw new Error("the parent itself fails");
      });
  },
});
runner.start().catch(() => {});
process.exit(await runner.over);
