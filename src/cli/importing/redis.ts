// A client of a Redis that holds another queue: `ioredis`, which is installed wherever BullMQ is.
//
// Before this file comes an address. After it come BullMQ and Resque.
import { UsageError } from "../errors.js";

export async function connectRedis(url: string) {
  const { Redis } = await loadIoredis();
  const client = new Redis(url, { maxRetriesPerRequest: null, lazyConnect: true, retryStrategy: () => null });
  // What `connect` rejects with says only that there is no connection; why is told by an event.
  let reason: unknown;
  client.on("error", (error) => {
    reason ??= error;
  });
  await client.connect().catch((error: unknown) => {
    throw reason ?? error;
  });
  return client;
}

async function loadIoredis() {
  try {
    return await import("ioredis");
  } catch (cause) {
    throw new UsageError("To move from a queue in Redis the package ioredis is needed: npm install ioredis", {
      cause,
    });
  }
}
