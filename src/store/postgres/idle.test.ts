// What an idle worker asks of the database: counted on its own connections, under a clock in the test's hand.
import pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { engine } from "../../../test/engine.js";
import { type Database, freshDatabase } from "../../../test/postgres/database.js";
import { eventually } from "../../../test/violence/processes.js";
import { job } from "../../job/index.js";
import { manualClock } from "../../kernel/index.js";
import { postgres } from "./index.js";

let database: Database;

beforeAll(async () => {
  database = await freshDatabase();
});

afterAll(() => database?.drop());

/** A pool that counts the statements that go over its connections. */
function countingPool() {
  const count = { asked: 0, answered: 0, texts: [] as string[] };
  class CountingClient extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super(config);
      const ask = this.query.bind(this) as (...given: unknown[]) => unknown;
      Object.assign(this, {
        query: (...given: unknown[]) => {
          count.asked += 1;
          count.texts.push(JSON.stringify(given[0]).slice(0, 80));
          const last = given.at(-1);
          if (typeof last === "function") {
            given[given.length - 1] = (...answer: unknown[]) => {
              count.answered += 1;
              last(...answer);
            };
            return ask(...given);
          }
          return Promise.resolve(ask(...given)).finally(() => {
            count.answered += 1;
          });
        },
      });
    }
  }
  const pool = new pg.Pool({ connectionString: database.url, Client: CountingClient });
  pool.on("error", () => {});
  return { pool, count };
}

async function idling(notify: boolean) {
  const clock = manualClock(Date.now());
  const { pool, count } = countingPool();
  const store = postgres({ database: pool, clock, notify });
  const nothing = job({ name: "nothing", handle() {} });
  const all = engine([nothing], { store, clock });
  onTestFinished(async () => {
    await store.close();
    await pool.end();
  });
  const worker = all.work();
  await worker.idle();
  /** Second after second, each over only when what it asked has been answered. */
  async function pass(seconds: number): Promise<number> {
    const before = count.asked;
    count.texts.length = 0;
    for (let second = 0; second < seconds; second++) {
      await clock.advance(1_000);
      await eventually(async () => count.asked === count.answered, 5_000);
    }
    return (count.asked - before) / seconds;
  }
  // The worker of the test before is gone, and found so.
  await pass(60);
  return { ...all, nothing, pass, texts: count.texts };
}

test("an idle worker asks one statement in five seconds", async () => {
  const { pass, texts } = await idling(true);
  const perSecond = await pass(100);
  console.info(JSON.stringify({ name: "postgres.idle.counted", value: perSecond, unit: "statements/s" }));
  expect(perSecond, texts.join("\n")).toBeLessThanOrEqual(0.2);
  expect(perSecond).toBeGreaterThan(0.1);
});

test("nor does one for whose runs it is not yet time", async () => {
  const { pass, texts, duckdive, nothing } = await idling(true);
  const run = await duckdive.enqueue(nothing, undefined, { delay: "10m" });
  await pass(5);
  expect(await pass(100), texts.join("\n")).toBeLessThanOrEqual(0.2);
  await run.cancel("the test is over");
});

test("without notices it looks twice a second, since nobody tells it", async () => {
  const { pass, texts } = await idling(false);
  const perSecond = await pass(30);
  console.info(JSON.stringify({ name: "postgres.idle.silent", value: perSecond, unit: "statements/s" }));
  expect(perSecond, texts.join("\n")).toBeLessThanOrEqual(3);
});
