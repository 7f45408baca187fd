// What background work does to the response: the same small web server whose paths do nothing, record an order in a
// transaction, ask for a mail in that transaction, after the response or without one, or send the mail before they answer. Once with the worker
// in another process, once with the worker in the web server's.
//
// The figure is how much later 99 % of the responses are because of an enqueue in their transaction. It ends when every mail
// that was asked for has been accepted.
import { setTimeout as wait } from "node:timers/promises";
import { answerOf, end, percentile, start } from "../measure.mjs";
import { requestsTo } from "../requests.mjs";
import { withDatabase } from "../server.mjs";

export const name = "http";
export const unit = "ms";
export const note =
  "99 % of the responses of an endpoint that enqueues in its transaction, less those of the same endpoint that does not; node:http, pg, 120 " +
  "requests a second over six paths, each timed from when it was due; handlers send a mail that takes 50 ms; .apart: the worker in another " +
  "process, .inside: in the web server's; .lost: from a response to the commit of what is recorded after it";

const paths = {
  nothing: "/nothing",
  transaction: "/transaction",
  "transaction.enqueue": "/transaction/enqueue",
  "transaction.after": "/transaction/after",
  enqueue: "/enqueue",
  mail: "/mail",
};
/** Those that end in a mail. */
const mailing = ["/transaction/enqueue", "/transaction/after", "/enqueue", "/mail"];

/** @param {import("../run.mjs").Options} options */
export async function run({ quick }) {
  const apart = await withDatabase((url) => phase("apart", url, quick));
  const inside = await withDatabase((url) => phase("inside", url, quick));
  return {
    value: apart.difference,
    also: { ...apart.figures, ...inside.figures, "inside.difference": { value: inside.difference, unit } },
  };
}

/**
 * @param {"apart" | "inside"} where
 * @param {string} url
 * @param {boolean} quick
 */
async function phase(where, url, quick) {
  const catcher = start("catcher", []);
  const { port: mailPort } = await answerOf(catcher);
  const web = start("shop", [where === "apart" ? "web" : "both", url, mailPort]);
  const { port } = await answerOf(web);
  const worker = where === "apart" ? start("shop", ["worker", url, mailPort]) : undefined;
  if (worker !== undefined) await answerOf(worker);
  const load = { rate: quick ? 50 : 120, seconds: quick ? 2 : 40 };
  const all = Object.values(paths);
  const warm = await requestsTo(port, all, { ...load, seconds: 1 });
  const found = await requestsTo(port, all, load);
  const requests = (/** @type {string} */ path) =>
    (found.get(path)?.requests ?? 0) + (warm.get(path)?.requests ?? 0);
  const mails = mailing.reduce((sum, path) => sum + requests(path), 0);
  await accepted(catcher, mails);
  web.send("lossWindows");
  const { lossWindows } = await answerOf(web);
  for (const one of [web, worker, catcher]) if (one !== undefined) await end(one);
  // A short run is for seeing that it runs.
  if (!quick && (found.get(paths.nothing)?.p50 ?? 0) > 1_000)
    throw new Error(
      `This machine has no time for ${load.rate} requests a second: all that would be seen is their queue.`,
    );
  const p99 = (/** @type {string} */ path) => found.get(path)?.p99 ?? Number.NaN;
  const figures = Object.entries(paths).flatMap(([what, path]) => [
    [`${where}.${what}`, { value: p99(path), unit }],
    [`${where}.${what}.p50`, { value: found.get(path)?.p50 ?? Number.NaN, unit }],
  ]);
  return {
    difference: p99(paths["transaction.enqueue"]) - p99(paths.transaction),
    figures: {
      ...Object.fromEntries(figures),
      [`${where}.lost`]: { value: percentile(lossWindows, 0.99), unit },
      [`${where}.lost.p50`]: { value: percentile(lossWindows, 0.5), unit },
    },
  };
}

/**
 * Waits until the mail server has so many, and no more.
 * @param {import("node:child_process").ChildProcess} catcher
 * @param {number} mails
 */
async function accepted(catcher, mails) {
  for (let count = 0; count < 600; count += 1) {
    catcher.send("count");
    const { accepted: found } = await answerOf(catcher);
    if (found > mails) throw new Error(`${mails} mails were asked for, and ${found} were sent.`);
    if (found === mails) return;
    await wait(100);
  }
  throw new Error(`Not all of ${mails} mails were sent within a minute.`);
}
