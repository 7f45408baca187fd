// A command line reads what is encrypted where the configuration has the keys, and says that it is where nobody has given them.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Folder } from "./duckdive.js";
import { onEachStore } from "./stores.js";

const key = Buffer.alloc(32, 5).toString("base64");

onEachStore((store) => {
  let here: Folder;
  let id = "";
  beforeAll(async () => {
    here = store.folder();
    here.write(
      "keys.config.ts",
      `import { config, job } from "duckdive";
     const input = { "~standard": { version: 1 as const, vendor: "by hand", validate: (value: unknown) => ({ value }) } };
     export default config({
       store: process.env.DATABASE_URL ?? "sqlite:./duckdive.db",
       ...(process.env.DUCKDIVE_SCHEMA === undefined ? {} : { schema: process.env.DUCKDIVE_SCHEMA }),
       jobs: [job({ name: "hire", input, handle: (given: unknown) => given })],
       encryption: { current: "a", keys: { a: "${key}" } },
     });`,
    );
    const asked = await here.run(["enqueue", "hire", '{"salary":4711}', "--config", "keys.config.ts"]);
    id = asked.stdout.trim();
    await here.run(["work", "--until-empty", "--config", "keys.config.ts"]);
  }, 60_000);
  afterAll(() => here.remove());

  test("show, runs and doctor", async () => {
    const shown = await here.run(["show", id, "--config", "keys.config.ts"]);
    expect(shown.stdout).toContain('"salary": 4711');
    const listed = await here.json<object[]>(["runs", "--config", "keys.config.ts"]);
    expect(listed).toMatchObject([{ state: "succeeded", output: { salary: 4711 } }]);
    expect((await here.run(["doctor", "--config", "keys.config.ts"])).stdout).toContain(
      'encrypted under key "a"',
    );
    const searched = await here.run(["runs", "--text", "4711", "--config", "keys.config.ts"]);
    expect(searched.code).not.toBe(0);
    expect(searched.stderr).toContain("inputs of this store are encrypted");
  });

  test("without the keys", async () => {
    const { stdout } = await here.run(["show", id]);
    expect(stdout).toContain('"~sealed": "a"');
    expect(stdout).not.toContain("4711");
  });
});
