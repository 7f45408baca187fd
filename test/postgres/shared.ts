// One PostgreSQL for all tests of a run, started when the first test file asks for it: a run whose files need none pays
// nothing. Vitest loads this in its own process, before all tests; test files are other processes, so they ask over
// the loopback interface, and `database.ts` does it for them. The server is gone when the run is over.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { careless, type Server, startServer } from "./server.js";

declare module "vitest" {
  export interface ProvidedContext {
    /** Answers with the superuser's address on the shared PostgreSQL, once that has started. */
    postgres: string;
  }
}

// The time zone is one that no mistake is invisible in: half an hour off, and half an hour of daylight saving.
const settings = { ...careless, shared_buffers: "64MB", timezone: "Australia/Lord_Howe" };

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  let server: Promise<Server> | undefined;
  const door = createServer((_request, response) => {
    server ??= startServer({ settings });
    server.then(
      (started) => response.end(started.url()),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  door.listen(0, "127.0.0.1").unref();
  await once(door, "listening");
  // A TCP server has no address of any other form.
  const { port } = door.address() as AddressInfo;
  project.provide("postgres", `http://127.0.0.1:${port}`);
  return async () => {
    door.closeAllConnections();
    door.close();
    await (await server?.catch(() => undefined))?.end();
  };
}
