import { job, open, type Upgrades } from "duckdive";
import { z } from "zod";

/** A step says what it is given, or nothing, and may be asynchronous. */
const upgrade: Upgrades = {
  1: (old: { name: string }) => ({ first: old.name }),
  2: async (old) => ({ ...(old as object), last: null }),
};

export const greet = job({
  name: "greet",
  version: 3,
  upgrade,
  redact: ["first", "**.last"],
  input: z.object({ first: z.string(), last: z.string().nullable() }),
  handle: ({ first }) => first.length,
});

export const bare = job({ name: "bare", version: 2, upgrade: { 1: () => undefined }, handle() {} });

const encryption = { current: "a", keys: { a: new Uint8Array(32), b: "base64" } };
const duckdive = open("sqlite:./jobs.db", { jobs: [greet, bare], encryption, redact: ["**.pin"] });
const shown = await duckdive.redacted.get("id");
export const release: string | undefined = shown?.ranRelease;
for await (const run of duckdive.redacted.list({ job: greet })) console.log(run.input);
