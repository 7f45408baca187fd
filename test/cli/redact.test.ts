// A command line that knows no job shows no more of a run than its job wants, in tables and in JSON.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Folder } from "./duckdive.js";
import { onEachStore } from "./stores.js";

const secret = "4111-1111-1111";

onEachStore((store) => {
  let here: Folder;
  let id = "";
  beforeAll(async () => {
    here = store.folder();
    here.write(
      "jobs.ts",
      `import { job } from "duckdive";
     export const charge = job({ name: "charge", redact: ["card.number"], retry: { attempts: 1 },
       input: { "~standard": { version: 1, vendor: "by hand", validate: (value: unknown) => ({ value }) } },
       handle(input: any, ctx) { ctx.log.warn("charging", input); throw new Error("refused " + input.card.number); } });`,
    );
    const input = JSON.stringify({ card: { number: secret, type: "visa" } });
    id = (await here.run(["enqueue", "charge", input, "--jobs", "jobs.ts"])).stdout.trim();
  }, 60_000);
  afterAll(() => here.remove());

  test("the log of the worker, show, runs and explain", async () => {
    const said = [
      await here.run(["work", "jobs.ts", "--until-empty"]),
      await here.run(["show", id]),
      await here.run(["show", id, "--json"]),
      await here.run(["runs", "--json"]),
      await here.run(["runs"]),
      await here.run(["explain", id]),
    ].map(({ stdout, stderr }) => stdout + stderr);
    for (const one of said) expect(one).not.toContain(secret);
    for (const one of said.slice(0, 3)) expect(one).toContain("refused [redacted]");
    expect(said[1]).toContain('"number": "[redacted]"');
    expect(said[1]).toContain('"type": "visa"');
  });
});
