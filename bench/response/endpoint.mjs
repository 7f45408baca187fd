// What a job costs the response of an endpoint: the same endpoint without it, with a run in its transaction, with a run recorded
// after the response, and with the mail sent before it answers. One request of each kind after the other, by callers side by
// side, so that whatever the machine does meanwhile is shared by all.
import { once } from "node:events";
import { Agent, request } from "node:http";
import { SMTPServer } from "smtp-server";
import { start } from "../measure.mjs";
import { withDatabase } from "../server.mjs";

export const name = "response.tx";
export const unit = "ms";
export const note =
  "99th percentile of an Express endpoint that enqueues in its transaction on PostgreSQL; .more: than the same endpoint without; " +
  ".after: recorded after the response; .inline: it sends the mail itself; .lost.*: from the response to the commit of what is recorded after it";

const ways = /** @type {const} */ (["plain", "tx", "after", "inline"]);

/** @param {import("../run.mjs").Options} options */
export async function run({ quick }) {
  const smtp = new SMTPServer({ authOptional: true, disabledCommands: ["STARTTLS"], onData: swallow });
  const listening = smtp.listen(0, "127.0.0.1");
  await once(listening, "listening");
  const address = listening.address();
  try {
    return await withDatabase((url) =>
      measure(url, typeof address === "object" ? (address?.port ?? 0) : 0, quick),
    );
  } finally {
    await new Promise((resolve) => smtp.close(() => resolve(undefined)));
  }
}

/**
 * @param {import("node:stream").Readable} stream
 * @param {unknown} _session
 * @param {() => void} done
 */
function swallow(stream, _session, done) {
  stream.resume().once("end", done);
}

/**
 * @param {string} url
 * @param {number} smtp
 * @param {boolean} quick
 */
async function measure(url, smtp, quick) {
  const shop = start("endpoint", [url, smtp]);
  const [{ port }] = await once(shop, "message");
  const agent = new Agent({ keepAlive: true });
  /** @type {Record<string, number[]>} */
  const taken = { plain: [], tx: [], after: [], inline: [] };
  const rounds = quick ? 50 : 1_000;
  await callers(2, 25, port, agent, () => {});
  await callers(2, rounds, port, agent, (way, milliseconds) => taken[way]?.push(milliseconds));
  shop.send("stop");
  const [{ lossWindows }] = await once(shop, "message");
  agent.destroy();
  await once(shop, "exit");
  const of = (/** @type {string} */ way, /** @type {number} */ part) => quantile(taken[way] ?? [], part);
  const ms = (/** @type {number} */ value) => ({ value, unit: "ms" });
  return {
    value: of("tx", 0.99),
    also: {
      more: ms(of("tx", 0.99) - of("plain", 0.99)),
      "more.median": ms(of("tx", 0.5) - of("plain", 0.5)),
      plain: ms(of("plain", 0.99)),
      after: ms(of("after", 0.99)),
      inline: ms(of("inline", 0.99)),
      "inline.median": ms(of("inline", 0.5)),
      "lost.median": ms(quantile(lossWindows, 0.5)),
      "lost.p99": ms(quantile(lossWindows, 0.99)),
    },
  };
}

/**
 * @param {number} number
 * @param {number} rounds
 * @param {number} port
 * @param {Agent} agent
 * @param {(way: string, milliseconds: number) => void} onAnswer
 */
async function callers(number, rounds, port, agent, onAnswer) {
  const call = async () => {
    for (let round = 0; round < rounds; round++) {
      for (const way of ways) {
        const began = performance.now();
        await answered(`/${way}`, port, agent);
        onAnswer(way, performance.now() - began);
      }
    }
  };
  await Promise.all(Array.from({ length: number }, call));
}

/**
 * @param {string} path
 * @param {number} port
 * @param {Agent} agent
 */
async function answered(path, port, agent) {
  const asked = request({ host: "127.0.0.1", port, path, method: "POST", agent });
  asked.end();
  const [response] = await once(asked, "response");
  response.resume();
  await once(response, "end");
  if (response.statusCode !== 200) throw new Error(`${path} answered ${response.statusCode}`);
}

/**
 * @param {readonly number[]} values
 * @param {number} part
 */
function quantile(values, part) {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length * part)] ?? Number.NaN;
}
