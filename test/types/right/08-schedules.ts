// 8. Schedules: by cron in a time zone, or every so often; with what to do about missed and overlapping ticks.
import { config, job, open, schedule } from "duckdive";
import { z } from "zod";

const stock = job({ name: "stock", input: z.object({ day: z.iso.date() }), handle() {} });
export const air = job({ name: "air", handle() {} });
export const daily = schedule("daily-stock", stock, {
  cron: "15 4 * * 1-5",
  timeZone: "Europe/Lisbon",
  missed: "once",
  overlap: "skip",
  jitter: "2m",
  input: ({ at }) => ({ day: at.toISOString().slice(0, 10) }),
});
export const fixed = schedule("fixed", stock, {
  every: "1d",
  start: new Date("2030-01-01T06:00:00Z"),
  input: { day: "2030-01-01" },
});
export const often = schedule("air", air, { every: "20m", missed: { all: 10 } });
export default config({ store: "sqlite:./cellar.db", jobs: [stock, air], schedules: [daily, fixed, often] });

const duckdive = open("sqlite:./cellar.db", { jobs: [stock, air], schedules: [daily] });
await duckdive.schedule("extra").create(stock, { cron: "@daily", input: { day: "2030-01-01" } });
await duckdive.schedule("extra").update("stock", { every: "1d", input: { day: "2030-01-01" } });
export const next: Date[] = await duckdive.schedule("extra").preview();
export const states: ("enqueued" | "skipped" | "missed" | "failed" | "triggered")[] = (
  await duckdive.schedule("extra").history({ limit: 5 })
).map(({ outcome }) => outcome);
