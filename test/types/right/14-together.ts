// 14. Jobs that hear of events and of failures, take turns, and are handled many at a time.
import { type BatchItem, job, open, type RunFailure } from "duckdive";
import { z } from "zod";

const alert = job({
  name: "alert",
  input: z.object({ runId: z.string(), job: z.string(), error: z.object({ message: z.string() }) }),
  async handle({ job: name, error }, ctx) {
    ctx.log.warn(`${name}: ${error.message}`);
  },
});
const compensate = job({
  name: "compensate",
  input: z.object({ runId: z.string(), input: z.object({ order: z.number() }), reason: z.string() }),
});

const charge = job({
  name: "charge",
  input: z.object({ order: z.number(), tenant: z.string() }),
  on: ["order.placed", "order.changed"],
  fair: { by: "tenant" },
  unique: { by: "order", while: ["scheduled", "ready"], onConflict: { replace: ["input", "runAt"] } },
  onFailed: compensate,
  keep: false,
  async handle({ order }, ctx) {
    if (order < 0) return ctx.rateLimited("30s");
  },
});
const told = job({
  name: "told",
  input: z.object({ at: z.coerce.date() }),
  onFailed: async (failure) => {
    (failure.input.at as Date).getTime();
    failure.error.message.normalize();
  },
  handle: ({ at }) => at.getTime(),
});
job({ name: "plain", onFailed: alert, handle() {} });
job({ name: "heard", onFailed: (failure: RunFailure) => console.log(failure.reason), handle() {} });

const mail = job({
  name: "mail",
  input: z.object({ to: z.string(), at: z.coerce.date() }),
  errors: { bounced: z.object({ code: z.number() }) },
  batch: { size: 100, wait: "1s", by: "to" },
  rate: { limit: 10, per: "1s" },
  async handle(items, ctx) {
    ctx.signal.throwIfAborted();
    return items.map((item) => {
      item.log.info(item.input.to, { at: item.input.at.getTime() });
      if (item.attempt > 3) return item.fail("bounced", { code: 550 });
      if (item.input.to === "") return new Error("nobody");
      return { sent: item.input.to.length };
    });
  },
});
const all = job({ name: "all", batch: { size: 10 }, handle(_items) {} });
const counted = job({
  name: "counted",
  input: z.number(),
  output: z.object({ twice: z.coerce.number() }),
  batch: { size: 10 },
  handle: (items) => items.map(({ input }) => ({ twice: String(input * 2) })),
});
const apart = job({ name: "apart", input: z.number(), output: z.number(), batch: { size: 2, by: String } });
const joined = apart.handle((items) => items.map((item: BatchItem<number>) => item.input));

const duckdive = open("sqlite:./shop.db", {
  jobs: [alert, charge, told, mail, all, counted, joined],
  ageing: "10m",
});
(await (await duckdive.enqueue(mail, { to: "ada", at: new Date() })).result()).sent.toFixed();
(await (await duckdive.enqueue(counted, 4)).result()).twice.toFixed();
(await (await duckdive.enqueue(joined, 4)).result()).toFixed();
await duckdive.enqueue(all);
const runs = await duckdive.publish("order.placed", { order: 7, tenant: "a" }, { tags: ["shop"] });
runs[0]?.id.normalize();
duckdive.work({ ageing: "1h" });
