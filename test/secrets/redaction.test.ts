// Redaction by the whole engine: handlers and code get everything, people and logs do not.
import { expect, test } from "vitest";
import { z } from "zod";
import { type Context, job } from "../../src/index.js";
import { assemble } from "../../src/open.js";
import { engine, memory, until } from "../engine.js";

const secret = "4111-1111-1111";
const input = z.object({ card: z.object({ number: z.string(), type: z.string() }), pin: z.string() });
const given = { card: { number: secret, type: "visa" }, pin: "pin-4711" };

/** Quotes its input wherever it can. */
async function tellAll({ card, pin }: z.output<typeof input>, ctx: Context): Promise<object> {
  ctx.log.info(`charging ${card.number}`, { card, pin });
  ctx.progress(1, 2, `at ${card.number}`);
  await ctx.step("charge", () => ({ card, token: `token of ${card.number}` }));
  if (ctx.attempt === 1) throw Object.assign(new Error(`refused ${card.number} ${pin}`), { data: { card } });
  return { card };
}

test("what a job and open name is blanked out for people and in logs, also where a text quotes it", async () => {
  const lines: unknown[] = [];
  const log = (level: string) => (message: string, fields?: object) =>
    void lines.push([level, message, fields]);
  const seen: unknown[] = [];
  const charge = job({
    name: "charge",
    input,
    redact: ["card.number"],
    retry: { attempts: 2, backoff: { kind: "fixed", base: "1s", jitter: 0 } },
    handle(one, ctx) {
      seen.push(one);
      return tellAll(one, ctx);
    },
  });
  const { store, clock } = memory();
  const heard: unknown[] = [];
  const options = {
    jobs: [charge],
    redact: ["**.pin"],
    log: { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") },
    onError: (error: unknown) => void heard.push(String(error)),
  };
  const { duckdive, work, events } = assemble({ store: () => store, clock, options });
  events.on("retrying", (about) => heard.push(about));
  const { id } = await duckdive.enqueue(charge, given);
  const worker = work();
  await until(() => heard.length === 2);
  // A process without any job: what is published tells it.
  const { redacted } = assemble({ store: () => store, clock, options: {} }).duckdive;
  const whyItWaits = await redacted.explain(id);
  expect(whyItWaits.join(" ")).toContain("refused [redacted] [redacted]");
  await clock.advance(1_000);
  await worker.idle();
  await worker.stop();

  expect(seen).toEqual([given, given]);
  expect(await duckdive.get(id)).toMatchObject({ input: given, output: { card: given.card } });

  const shown = [
    await redacted.get(id),
    (await redacted.list({ job: "charge" })).runs,
    await redacted.timeline(id),
    await redacted.steps(id),
    await redacted.explain(id),
  ];
  for (const one of [...shown, lines, heard]) {
    expect(JSON.stringify(one)).not.toContain(secret);
    expect(JSON.stringify(one)).not.toContain(given.pin);
  }
  expect(shown[0]).toMatchObject({
    input: { card: { number: "[redacted]", type: "visa" }, pin: "[redacted]" },
  });
  expect(JSON.stringify(shown[2])).toContain("refused [redacted] [redacted]");
  expect(JSON.stringify(lines)).toContain("charging [redacted]");
  expect(JSON.stringify(heard)).toContain("refused [redacted] [redacted]");
});

test("where nothing is named, people are shown what there is", async () => {
  const plain = job({ name: "plain", input, handle: (one) => one });
  const { duckdive, work } = engine([plain]);
  const { id } = await duckdive.enqueue(plain, given);
  await work().idle();
  expect(await duckdive.redacted.get(id)).toEqual(await duckdive.get(id));
  for await (const run of duckdive.redacted.list()) expect(run.input).toEqual(given);
});
