// How many statements a second a worker with nothing to do sends, as the server counts them in its log: with notices, and
// with `notify: false`.
import { answerOf, end, start } from "../measure.mjs";
import { ask, server, withDatabase } from "../server.mjs";

export const name = "postgres.idle";
export const unit = "statements/s";
export const rounds = 1;
export const note =
  "one idle worker, every statement counted by the server; .quiet: the same with notify: false";

/** @param {import("../run.mjs").Options} options */
export async function run({ quick }) {
  const seconds = quick ? 5 : 60;
  const [value, quiet] = await Promise.all([countWith("", seconds), countWith("#quiet", seconds)]);
  return { value, also: { quiet: { value: quiet, unit } } };
}

/**
 * @param {string} how
 * @param {number} seconds
 */
function countWith(how, seconds) {
  return withDatabase(async (url, database) => {
    await ask(url, `alter database ${database} set log_statement = 'all'`);
    const worker = start("work", [`${url}${how}`]);
    await answerOf(worker);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const before = await statementsIn(database);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const after = await statementsIn(database);
    await end(worker);
    return (after - before) / seconds;
  });
}

/** @param {string} database */
async function statementsIn(database) {
  const lines = (await server()).log().split("\n");
  return lines.filter((line) => line.startsWith(`${database} `) && /LOG: {2}(statement|execute )/.test(line))
    .length;
}
