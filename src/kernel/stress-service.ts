// A test of any service: it is started and stopped in every order, also side by side, and must end as last asked.
//
// Test-only. Each long-lived part calls this from its own test with a service of its own, so that "stop before start
// and double stop are legal" is shown for every one of them and not only promised.

import type { Service } from "./service.js";

/**
 * Walks new services through the awkward orders. Rejects when a legal call does.
 *
 * @param make a new service, stopped
 * @param isRunning whether it is running: asked after every order that ends
 */
export async function stressService(
  make: () => Service | Promise<Service>,
  isRunning?: (service: Service) => boolean,
): Promise<void> {
  const orders: readonly (readonly ("start" | "stop")[])[] = [
    ["stop"],
    ["start", "stop"],
    ["start", "start", "stop", "stop"],
    ["stop", "start", "stop"],
    ["start", "stop", "start", "stop"],
  ];
  for (const order of orders) {
    for (const sideBySide of [false, true]) {
      const one = await make();
      const calls: Promise<void>[] = [];
      for (const call of order) {
        const promise = one[call]();
        if (sideBySide) calls.push(promise);
        else await promise;
      }
      await Promise.all(calls);
      if (isRunning?.(one) === true) throw new Error(`It still runs after ${order.join(", ")}.`);
    }
  }
}
