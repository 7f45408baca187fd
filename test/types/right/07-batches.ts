// 7. Requests of several jobs in one batch with a job at its end, and a graph of runs.
import { type BatchSummary, job, open, type Schema } from "duckdive";
import * as v from "valibot";

declare const summary: Schema<BatchSummary, BatchSummary>;
const line = job({
  name: "line",
  input: v.object({ text: v.string() }),
  handle: ({ text }) => ({ words: text.split(" ").length }),
});
const page = job({ name: "page", input: v.object({ number: v.number() }), handle() {} });
const bound = job({
  name: "bound",
  input: summary,
  handle: async (all, ctx) => ctx.log.info(`${all.succeeded} of ${all.total}`),
});
const duckdive = open("sqlite:./book.db", { jobs: [line, page, bound] });

const batch = await duckdive.batch([line.with({ text: "a b" }), page.with({ number: 1 }, { priority: 1 })], {
  name: "book",
  onSuccess: bound,
  onFinished: bound,
});
await batch.add([line.with({ text: "c" })]);
(await batch.summary()).failed.toFixed();
const chapter = await duckdive.batch([], { name: "chapter", in: batch, onFinished: bound });
(await duckdive.batchOf(chapter.id).summary()).total.toFixed();
job({
  name: "cover",
  async handle(_, ctx) {
    await ctx.batch?.add("pages", [page.with({ number: 5 }), line.with({ text: "e" })]);
  },
});
await duckdive.enqueueMany([line.with({ text: "d" }), page.with({ number: 2 })]);

const last = await duckdive.flow(({ add }) => {
  const left = add(page, { number: 3 });
  const right = add(page, { number: 4 });
  return add(line, { text: "end" }, { after: [left, right.id], onParentFailure: "run" });
});
(await last.result()).words.toFixed();
