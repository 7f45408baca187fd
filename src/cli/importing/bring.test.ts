// What no neighbour does on demand: a worker over there that begins with an original between the reading and the removing.
import { expect, test } from "vitest";
import { job } from "../../job/index.js";
import { newId, systemClock } from "../../kernel/index.js";
import { assemble } from "../../open.js";
import { sqlite } from "../../store/sqlite/index.js";
import type { Session } from "../session.js";
import { bring } from "./bring.js";
import type { Source, Waiting } from "./source.js";

const mail = job({ name: "mail", handle: () => {} });

function waiting(key: string): Waiting {
  return {
    key,
    id: newId(),
    name: "mail",
    queue: "post",
    data: undefined,
    due: undefined,
    priority: 0,
    meta: {},
  };
}

function sourceOf(page: readonly Waiting[], busy: readonly string[], calls: string[]): Source {
  async function* take(): AsyncGenerator<readonly Waiting[]> {
    yield page;
  }
  return {
    name: "Elsewhere",
    mustRemove: false,
    look: take,
    take,
    async remove(removed) {
      calls.push(`remove ${removed.map(({ key }) => key).join(" ")}`);
      return new Set(busy);
    },
    restore: async () => void calls.push("restore"),
    close: async () => {},
  };
}

function session(): Session {
  const assembly = assemble<unknown, boolean>({
    clock: systemClock,
    options: { jobs: [] },
    store: () => sqlite({ file: ":memory:" }),
  });
  return { ...assembly, target: { store: "", from: "", options: {} }, queues: undefined };
}

test("an original that has been begun with over there is left to it, and its run is cancelled", async () => {
  const here = session();
  const page = [waiting("a"), waiting("b")];
  const calls: string[] = [];
  const bringing = {
    source: sourceOf(page, ["b"], calls),
    mapping: new Map(),
    jobs: new Map([["mail", mail]]),
    tell() {},
  };
  const [tally] = await bring(bringing, here, true);
  expect(tally).toMatchObject({ recorded: 2, removed: 1, overtaken: 1, left: 0 });
  const states = await Promise.all(page.map(async ({ id }) => (await here.duckdive.get(id))?.state));
  expect(states).toEqual(["ready", "cancelled"]);
  expect(calls).toEqual(["remove a b", "restore"]);
  await here.duckdive.close();
});

test("nothing is removed whose run cannot be read back, and what was put aside is given back", async () => {
  const here = session();
  const calls: string[] = [];
  const blind = {
    ...here,
    store: { ...here.store, find: async (ids: readonly string[]) => ids.map(() => undefined) },
  };
  const bringing = {
    source: sourceOf([waiting("a")], [], calls),
    mapping: new Map(),
    jobs: new Map([["mail", mail]]),
    tell() {},
  };
  await expect(bring(bringing, blind, true)).rejects.toMatchObject({ code: "MOVE_MISMATCH" });
  expect(calls).toEqual(["restore"]);
  await here.duckdive.close();
});
