// An order, from payment to parcel: a saga in plain `try` and `catch`, with a person in the middle of it.
//
// What was done is made good when what comes after it fails for good. A `catch` never runs because the run went to sleep.
import { job, signal } from "duckdive";
import { z } from "zod";
import type { Shop } from "./shop.js";

/** Somebody in the warehouse says that it is packed. */
export const packed = signal("packed", z.object({ by: z.string() }));

export const placeOrder = (shop: Shop) =>
  job({
    name: "place-order",
    input: z.object({ order: z.string(), customer: z.string(), cents: z.number().int() }),
    // One run an order, which a web handler finds by the order's number.
    unique: { by: ({ order }) => order },
    retry: {
      attempts: 5,
      backoff: { kind: "exponential", base: "2s" },
      when: ({ code }) => code !== "DECLINED",
    },
    async handle({ order, customer, cents }, ctx) {
      await ctx.step("reserve", () => shop.reserve(order));
      try {
        const { charge } = await ctx.step("charge", ({ key }) => shop.charge(cents, key));
        try {
          const word = await ctx.waitFor("packed", packed, { timeout: "3d" });
          if (word === undefined) throw new Error("nobody has packed it");
          await ctx.step("ship", async () => {
            if (!(await shop.hasShipped(order))) await shop.ship(order);
          });
        } catch (error) {
          await ctx.step("refund", () => shop.refund(charge));
          throw error;
        }
      } catch (error) {
        await ctx.step("release", () => shop.release(order));
        await ctx.step("apologise", ({ key }) => shop.mail(customer, "we are sorry", key));
        return ctx.fail(error instanceof Error ? error.message : String(error));
      }
      await ctx.step("thank", ({ key }) => shop.mail(customer, `order ${order} is on its way`, key));
      return { order };
    },
  });
