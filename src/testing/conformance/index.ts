// The conformance suite: what a place must do to be a home for runs, as tests.
//
// A store passes it or is no store of duckdive. It is written from `store/contract.ts` alone, against nobody's tables,
// and it is exported, so that a third store can be held to the same words: give it your framework's `describe` and
// `test`, and a way to open your store on an empty database. Assertions are `node:assert`, so it runs under Vitest,
// Jest and `node:test` alike. It needs the package `fast-check` for its model test.
import assert from "node:assert/strict";
import { batches } from "./batches.js";
import { blame } from "./blame.js";
import { callTimes } from "./call-times.js";
import { change } from "./change.js";
import { claim } from "./claim.js";
import { concurrency } from "./concurrency.js";
import { counts } from "./counts.js";
import { departed } from "./departed.js";
import { dependencies } from "./dependencies.js";
import { durable } from "./durable.js";
import { fair } from "./fair.js";
import { fence } from "./fence.js";
import { filters } from "./filters.js";
import { flowModel } from "./flow-model.js";
import { follow } from "./follow.js";
import { gates } from "./gates.js";
import { gatesModel } from "./gates-model.js";
import { hand } from "./hand.js";
import { house } from "./house.js";
import { intake } from "./intake.js";
import { messages } from "./messages.js";
import { model } from "./model.js";
import { moving } from "./moving.js";
import { park } from "./park.js";
import { pause } from "./pause.js";
import { promote } from "./promote.js";
import { prune } from "./prune.js";
import { rates } from "./rates.js";
import { rescue } from "./rescue.js";
import { restarts } from "./restart.js";
import { schedules } from "./schedules.js";
import { settle } from "./settle.js";
import { type ConformanceOptions, suiteOf } from "./suite.js";
import { transactional } from "./transactional.js";
import { unbuilt } from "./unbuilt.js";
import { unique } from "./unique.js";
import { watch } from "./watch.js";
import { workers } from "./workers.js";

export type { ConformanceOptions, Harness } from "./suite.js";

const subjects = {
  house,
  intake,
  claim,
  settle,
  fence,
  park,
  pause,
  rescue,
  blame,
  workers,
  messages,
  departed,
  promote,
  prune,
  hand,
  filters,
  watch,
  concurrency,
  transactional,
  durable,
  "times of calls": callTimes,
  "beginning anew": restarts,
  dependencies,
  batches,
  "graphs at random": flowModel,
  schedules,
  moving,
  gates,
  "gates at random": gatesModel,
  rates,
  fair,
  unique,
  change,
  follow,
  counts,
  unbuilt,
  model,
};

/**
 * Declares the tests that every store must pass.
 *
 * @example
 * import { describe, test } from "vitest";
 * import { storeConformance } from "duckdive/testing";
 *
 * storeConformance({
 *   name: "my store",
 *   describe,
 *   test,
 *   async open(clock) {
 *     const database = await emptyDatabase();
 *     const store = myStore({ database, clock });
 *     return {
 *       store,
 *       another: async () => myStore({ database, clock }),
 *       transaction: (fn) => database.transaction(fn),
 *       close: () => store.close(),
 *     };
 *   },
 * });
 */
export function storeConformance(options: ConformanceOptions): void {
  options.describe(`${options.name} keeps the store contract`, () => {
    const { suite, unknownExcuses } = suiteOf(options);
    for (const [subject, declare] of Object.entries(subjects)) suite.describe(subject, () => declare(suite));
    options.test("every excuse names a test", async () => assert.deepEqual(unknownExcuses(), []));
  });
}
