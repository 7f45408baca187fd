// An address of several servers: what is read in it, which of them is taken, and what is said when none will do.
//
// Misspelt on purpose. cspell:ignore wirte
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { startProxy } from "../../../test/postgres/proxy.js";
import { freePort } from "../../../test/postgres/server.js";
import { type Pair, startPrimaryWithStandby } from "../../../test/postgres/standby.js";
import { eventually } from "../../../test/violence/processes.js";
import { newId } from "../../kernel/index.js";
import type { Change, Store } from "../contract.js";
import { hostsIn } from "./hosts.js";
import { postgres } from "./index.js";

describe("an address", () => {
  test.each([
    ["postgres://host/app", undefined],
    ["postgres://ada:a,b@host/app?x=1,2", undefined],
    [
      "postgres://ada:se,cr@one:5432,two/app?ssl=true",
      {
        addresses: ["postgres://ada:se,cr@one:5432/app?ssl=true", "postgres://ada:se,cr@two/app?ssl=true"],
        attribute: "read-write",
      },
    ],
    [
      "postgresql://[::1]:1,[::2]:2/app?target_session_attrs=standby&ssl=true",
      {
        addresses: ["postgresql://[::1]:1/app?ssl=true", "postgresql://[::2]:2/app?ssl=true"],
        attribute: "standby",
      },
    ],
    [
      "postgres://host/app?ssl=true&target_session_attrs=any",
      { addresses: ["postgres://host/app?ssl=true"], attribute: "any" },
    ],
    [
      "postgres://host/app?target_session_attrs=primary",
      { addresses: ["postgres://host/app"], attribute: "primary" },
    ],
  ])("%j names %j", (address, expected) => {
    expect(hostsIn(address)).toEqual(expected);
  });

  test("that wants what no server can be is refused, with what was meant", () => {
    expect(() => hostsIn("postgres://one,two/app?target_session_attrs=read-wirte")).toThrow(
      /target_session_attrs=read-wirte is nothing that a server can be\. Did you mean "read-write"\?/,
    );
  });
});

describe("a primary and its standby", () => {
  let pair: Pair;
  let kept: string;

  beforeAll(async () => {
    pair = await startPrimaryWithStandby();
    const store = storeAt([pair.primary.port]);
    kept = await record(store);
    await store.close();
    const standby = storeAt([pair.standby.port], "any");
    await eventually(async () => (await standby.find([kept]))[0] !== undefined, 20_000);
    await standby.close();
  }, 60_000);

  afterAll(() => pair?.end());

  test.each(["read-write", "primary"])(
    "one that has to be %s takes what is recorded, wherever it stands",
    async (what) => {
      const { primary, standby } = pair;
      for (const ports of [
        [standby.port, primary.port],
        [primary.port, standby.port],
      ]) {
        const store = closing(storeAt(ports, what));
        expect(await store.find([await record(store)])).toMatchObject([{ state: "ready" }]);
      }
    },
  );

  test.each(["standby", "read-only", "prefer-standby"])(
    "one that has to be %s shows what is there and takes nothing",
    async (what) => {
      const store = closing(storeAt([pair.primary.port, pair.standby.port], what));
      expect(await store.find([kept])).toMatchObject([{ id: kept }]);
      await expect(record(store)).rejects.toMatchObject({
        code: "STORE_READ_ONLY",
        message: expect.stringContaining("is a standby, which can be looked at and takes no writes"),
      });
    },
  );

  test("without a standby, one that prefers it takes the primary", async () => {
    const store = closing(storeAt([pair.primary.port, await freePort()], "prefer-standby"));
    expect(await record(store)).toBeDefined();
  });

  test("when none of them will do, each is named with what it is", async () => {
    const nobody = await freePort();
    const store = closing(storeAt([pair.standby.port, nobody]));
    await expect(store.open()).rejects.toMatchObject({
      code: "STORE_READ_ONLY",
      passes: true,
      message: expect.stringMatching(
        `takes writes \\(127.0.0.1:${pair.standby.port}: a standby; 127.0.0.1:${nobody}: .*ECONNREFUSED`,
      ),
    });
    const away = { code: "STORE_UNREACHABLE", passes: true };
    await expect(closing(storeAt([nobody, await freePort()])).open()).rejects.toMatchObject(away);
    await expect(closing(storeAt([pair.primary.port, nobody], "standby")).open()).rejects.toMatchObject({
      ...away,
      message: expect.stringContaining(`is a standby (127.0.0.1:${pair.primary.port}: a primary;`),
    });
  });

  test("a wrong name is wrong everywhere, and nobody waits for it", async () => {
    const hosts = [pair.primary, pair.standby].map(({ port }) => `127.0.0.1:${port}`).join(",");
    const store = closing(postgres({ database: `postgres://nobody@${hosts}/postgres` }));
    await expect(store.open()).rejects.toMatchObject({ code: "STORE_UNREACHABLE", passes: false });
  });

  // The last one: afterwards the standby is none.
  test("when the primary falls silent and the standby is promoted, calls and notices go on there", {
    timeout: 60_000,
  }, async () => {
    const [first, second] = [await startProxy(pair.primary.port), await startProxy(pair.standby.port)];
    onTestFinished(async () => {
      await Promise.all([first.stop(), second.stop()]);
    });
    const store = storeAt([first.port, second.port]);
    const other = storeAt([second.port]);
    const changes: Change[] = [];
    store.watch((change) => changes.push(change));
    await record(store);
    first.silence();
    const unanswered = record(store);
    await pair.promote();
    expect(await store.find([await unanswered])).toMatchObject([{ state: "ready" }]);
    const due = 4_000_000_000_000;
    await other.insert([{ ...aRun(), due: { at: due } }]);
    await eventually(async () => changes.some((change) => change.due === due), 30_000);
    await Promise.all([store.close(), other.close()]);
  });

  function storeAt(ports: readonly number[], attribute?: string): Store {
    const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
    const search = `?target_session_attrs=${attribute ?? "read-write"}`;
    const only = attribute === undefined && ports.length > 1 ? "" : search;
    return postgres({ database: `postgres://postgres@${hosts}/postgres${only}`, onError: () => {} });
  }
});

function closing(store: Store): Store {
  onTestFinished(() => store.close());
  return store;
}

function aRun() {
  return { id: newId(), job: "one", version: 1, queue: "default", priority: 0 };
}

async function record(store: Store): Promise<string> {
  const run = aRun();
  await store.insert([run]);
  return run.id;
}
