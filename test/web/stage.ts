// A dashboard on a stage: a store in memory whose clock stands, seeded or empty, and a server on the loopback.
//
// Before this file comes the seed. After it come the tests in a browser, and the script that makes the pictures.
import { manualClock } from "../../src/kernel/index.js";
import { assemble } from "../../src/open.js";
import type { Duckdive } from "../../src/queue/index.js";
import { sqlite } from "../../src/store/sqlite/index.js";
import { serveWeb, type WebOptions, web } from "../../src/web/index.js";
import { type Seeded, type Staged, seed } from "./seed.js";

export interface Stage extends Staged {
  readonly url: string;
  /** Of a seeded store. */
  readonly seeded: Seeded;
  close(): Promise<void>;
}

/** What is wrong in it: much, nothing, or it is empty. */
export type Scene = "bad" | "calm" | "empty";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export async function stage(
  scene: Scene,
  options: WebOptions & { readonly now?: number } = {},
): Promise<Stage> {
  const { now = Date.now(), ...webOptions } = options;
  const clock = manualClock(now);
  const { duckdive, store } = assemble({
    store: (onError) => sqlite({ file: ":memory:", clock, onError }),
    clock,
    options: { log: silent },
  });
  await duckdive.ready();
  const staged = { duckdive: duckdive as Duckdive, store, clock };
  const seeded =
    scene === "empty"
      ? { replica: "", failed: "", stuck: "", holder: "" }
      : await seed(staged, { calm: scene === "calm" });
  const mounted = web(duckdive, { loopback: webOptions.token === undefined, log: silent, ...webOptions });
  const server = await serveWeb(mounted, { host: "127.0.0.1", port: 0 });
  return {
    ...staged,
    seeded,
    url: server.url,
    async close() {
      await server.close();
      mounted.close();
      await duckdive.close();
    },
  };
}
