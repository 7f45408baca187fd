// Listening begins with a connection, and what happens until that is made sends its notices to nobody.
import { expect, onTestFinished, test } from "vitest";
import { freshDatabase } from "../../../test/postgres/database.js";
import { startProxy } from "../../../test/postgres/proxy.js";
import { running, settle, succeeded } from "../../testing/conformance/build.js";
import type { Change } from "../contract.js";
import { postgres } from "./index.js";

test("what ends before the first connection listens is heard of as soon as it does", async () => {
  const database = await freshDatabase();
  onTestFinished(() => database.drop());
  const proxy = await startProxy(Number(new URL(database.url).port));
  onTestFinished(() => proxy.stop());
  const store = postgres({ database: database.url, direct: proxy.through(database.url) });
  const other = postgres({ database: database.url });
  onTestFinished(async () => {
    await Promise.all([store.close(), other.close()]);
  });
  await Promise.all([store.open(), other.open()]);
  const { claimed } = await running(other);

  proxy.silence();
  const heard = new Promise<Change>((resolve) => store.watch(resolve));
  await settle(other, succeeded(claimed));
  await expect.poll(() => proxy.connections()).toBeGreaterThan(0);
  proxy.resume();
  expect(await heard).toMatchObject({ origin: "elsewhere" });
});
