// 9. A test with the real engine, in memory, under a clock that is moved by hand.
import { testQueue } from "duckdive/testing";
import { bottleHandler } from "./03-handler.js";
import { move, released } from "./06-durable.js";

declare function same<T>(found: T, expected: T): void;

await using queue = testQueue({ jobs: [move, bottleHandler], now: "2030-09-01T00:00:00Z" });
const run = await queue.enqueue(move, { rack: "r", crates: [] });
same((await queue.drain()).waiting, 1);
await queue.advance("6h");
await queue.signal(run, released, { by: "customs", at: queue.now });
await queue.drain();
same((await run.outcome()).state, "succeeded");
const [first] = await queue.enqueued(bottleHandler);
same(first?.input.label, "told");
