// The order to its good end and to each bad one, and through a crash at every write.
import { explore, testQueue } from "duckdive/testing";
import { expect, test } from "vitest";
import { packed, placeOrder } from "../../examples/order/order.js";
import { Shop } from "../../examples/order/shop.js";

const input = { order: "o-17", customer: "ada@example.com", cents: 5_000 };

async function place(shop: Shop, isPacked: boolean) {
  const order = placeOrder(shop);
  await using queue = testQueue({ jobs: [order] });
  const run = await queue.enqueue(order, input);
  await queue.drain();
  if (isPacked) await queue.signal({ job: order, key: "o-17" }, packed, { by: "Grace" });
  await queue.advance("4d");
  return run.get();
}

test("an order that is packed is paid, shipped and thanked for", async () => {
  const shop = new Shop();
  expect(await place(shop, true)).toMatchObject({ state: "succeeded", output: { order: "o-17" } });
  expect([...shop.charged.values()]).toEqual([5_000]);
  expect(shop.shipped).toEqual(["o-17"]);
  expect([...shop.mails.values()]).toEqual(["ada@example.com: order o-17 is on its way"]);
});

test("a card that is declined is asked once, and the stock is released", async () => {
  const shop = new Shop({ limit: 100 });
  expect(await place(shop, true)).toMatchObject({ state: "failed", reason: "failed" });
  expect(shop.reserved.size).toBe(0);
  expect([...shop.mails.values()]).toEqual(["ada@example.com: we are sorry"]);
});

test("an order that nobody packs is refunded", async () => {
  const shop = new Shop();
  expect(await place(shop, false)).toMatchObject({
    state: "failed",
    error: { message: "nobody has packed it" },
  });
  expect([shop.charged.size, shop.reserved.size, shop.shipped.length]).toEqual([0, 0, 0]);
});

test("wherever it crashes, the customer pays once and is sent one parcel", async () => {
  const report = await explore(placeOrder(new Shop()), input, {
    world: () => new Shop(),
    jobs: (shop) => [placeOrder(shop)],
    observe: ({ reserved, charged, shipped, mails }) => ({ reserved, charged, shipped, mails }),
    signals: (queue, run) => queue.signal(run, packed, { by: "Grace" }),
  });
  report.assertIdempotent();
});
