// 1. One file: a job is defined, asked for and worked.
import { job, open } from "duckdive";
import { z } from "zod";

declare const guests: { byNumber(id: number): Promise<{ id: number; phone: string; bookedAt: Date }> };
declare const phone: { text(to: string, options: { once: string }): Promise<{ receipt: string }> };

export const remind = job({
  name: "remind-guest",
  input: z.object({ guest: z.number() }),
  queue: "texts",
  priority: 2,
  retry: { attempts: 4, backoff: { kind: "linear", base: "10s", cap: "10m", jitter: 0.1 } },
  timeout: "20s",
  unique: { by: "guest", while: ["scheduled", "ready"] },
  async handle({ guest }, ctx) {
    const found = await ctx.step("find guest", () => guests.byNumber(guest));
    const booked: string = found.bookedAt; // a step gives back what was stored, also the first time
    ctx.log.info("reminding", { booked, attempt: ctx.attempt });
    return ctx.step("text", ({ key, signal }) => {
      signal.throwIfAborted();
      return phone.text(found.phone, { once: key });
    });
  },
});

export const duckdive = open("sqlite:./cellar.db", { jobs: [remind] });
const run = await duckdive.enqueue(
  remind,
  { guest: 4 },
  { delay: "1h", tags: ["dinner"], meta: { tenant: "north" } },
);
const { receipt } = await run.result({ timeout: 5_000 });
receipt.padStart(8);
await using worker = duckdive.work({ queues: { texts: 8, "*": 2 } });
await worker.ready;

// neither input nor options: one argument is enough
export const dust = job({
  name: "dust",
  handle(_nothing, ctx) {
    ctx.progress(1, 3, "shelves");
    ctx.defer(() => {});
  },
});
await duckdive.enqueue(dust);
await duckdive.enqueue(dust, undefined, { runAt: new Date("2030-01-01") });

// every form of retry and of keep
job({
  name: "a",
  retry: { backoff: "fixed", when: (error) => error.code !== "EACCES" },
  keep: false,
  handle() {},
});
job({ name: "b", retry: { backoff: (attempt) => attempt * 1_000 }, keep: { failed: "1w" }, handle() {} });
