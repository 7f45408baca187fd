// A worker is stopped, its runs are given away, and it comes back in the middle of its handlers: what they do then by
// `ctx.tx` is refused with ClaimLostError. `ctx.succeed` commits after the handler has returned, so its refusal is told by
// an event, which has no name of an error. Neither leaves anything in the application's tables.
import Database from "libsql";
import { describe, expect, test } from "vitest";
import { job, open } from "../../src/index.js";
import { ask } from "../postgres/ask.js";
import { places } from "./place.js";
import { start } from "./processes.js";

const byTx = job({ name: "by tx" });
const bySucceed = job({ name: "by succeed" });

/** Asks the database itself, which is a file or a server. */
async function query(address: string, text: string): Promise<readonly unknown[]> {
  if (!address.startsWith("sqlite:")) return ask(address, text);
  const handle = new Database(address.slice("sqlite:".length));
  try {
    if (text.startsWith("select")) return handle.prepare(text).all();
    handle.exec(text);
    return [];
  } finally {
    handle.close();
  }
}

describe.each(places)("on $name", ({ place }) => {
  test("a zombie's ctx.tx and ctx.succeed are refused, the first to its face, and book nothing", {
    timeout: 60_000,
  }, async () => {
    const here = await place();
    await using duckdive = open(here.address);
    await duckdive.count();
    await query(here.address, "create table ledger (run text not null)");
    const zombie = start("latecomer.mjs", { store: here.address });
    const { ready } = await zombie.hears((value) => "ready" in value);
    const runs = await duckdive.enqueueMany([byTx.with(), bySucceed.with()]);
    const [tx = "", succeed = ""] = runs.map(({ id }) => id);
    for (const run of [tx, succeed]) await zombie.hears(({ began }) => began === run);

    zombie.process.kill("SIGSTOP");
    const store = here.store();
    await duckdive.pause("default");
    expect(await store.rescue([{ worker: String(ready) }])).toHaveLength(2);
    zombie.tell("release");
    zombie.process.kill("SIGCONT");
    const ofTx = await zombie.hears(({ failed, booked }) => failed === tx || booked === tx);
    expect(ofTx).toEqual({ failed: tx, name: "ClaimLostError" });
    const ofSucceed = await zombie.hears((said) => said.refused === succeed || said.succeeded === succeed);
    expect(ofSucceed).toEqual({ refused: succeed });
    expect(await query(here.address, "select run from ledger")).toEqual([]);
    for (const { id } of runs) expect(await duckdive.get(id)).toMatchObject({ state: "ready", crashes: 1 });
  });
});
