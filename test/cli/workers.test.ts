// Looking at workers, at those that are gone, and telling them things. The workers are rows that the test writes: what the
// command line shows of them must not depend on a process that says it at the right moment.
// cspell:ignore quite
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newId } from "../../src/kernel/index.js";
import type { Store } from "../../src/store/contract.js";
import type { Folder } from "./duckdive.js";
import { onEachStore } from "./stores.js";

onEachStore((kind) => {
  let here: Folder;
  let store: Store;
  const abilities = [{ job: "mail", version: 1 }];
  const workers = [newId(), newId()] as const;
  const [first, second] = workers;
  const runs = [newId(), newId(), newId()];
  const beginningOf = (id: string): string => id.slice(0, 23);
  const heard = async (worker: string) => {
    const { messages } = await store.pulse(worker);
    await store.heard(
      worker,
      messages.map(({ id }) => id),
    );
    return messages.map(({ name, payload }) => [
      name,
      payload === undefined ? undefined : JSON.parse(payload),
    ]);
  };

  beforeAll(async () => {
    here = kind.folder();
    store = kind.storeOf(here);
    for (const id of workers) {
      await store.register({
        id,
        host: "lab/boot",
        pid: 4_711,
        runner: 4_710,
        abilities,
        queues: { "*": 5 },
      });
    }
    const queues = { mail: 3 };
    await store.heartbeat(first, { state: "quiet", memory: 268_435_456, delay: 1_250, leaked: 2, queues });
  });
  afterAll(async () => {
    await store.close();
    await here.remove();
  });

  describe("workers", () => {
    test("shows what each says of itself, and all of it as JSON", async () => {
      const { stdout } = await here.run(["workers"]);
      expect(stdout.split("\n")[0]).toMatch(
        /^worker +pid +state +running +memory +delay +leaked +seen +started +queues +host +release +jobs$/,
      );
      expect(stdout).toMatch(
        new RegExp(`^${first} +4711 +quiet +0 +256 MB +1\\.2s +2 .* mail=3 +lab +mail$`, "m"),
      );
      expect(stdout).toMatch(new RegExp(`^${second} +4711 +0 .* \\*=5 +lab +mail$`, "m"));
      expect(await here.json(["workers"])).toMatchObject([
        { id: first, runner: 4_710, report: { state: "quiet", memory: 268_435_456, leaked: 2 } },
        { id: second },
      ]);
    });

    test("that are gone: nobody yet", async () => {
      expect((await here.run(["workers", "--departed"])).stdout).toBe(
        "No worker has left or died within seven days.\n",
      );
      expect(await here.json(["workers", "--departed"])).toEqual([]);
      expect((await here.run(["workers", "--limit", "3"])).stderr).toMatch(/--limit belongs to --departed/);
    });
  });

  describe("tell", () => {
    test("one or all of them, each command with what belongs to it", async () => {
      const told = async (...args: string[]) => (await here.run(["tell", ...args])).stdout;
      expect(await told(beginningOf(first), "quiet")).toBe(
        "1 worker told. See what comes of it: duckdive workers\n",
      );
      expect(await told("all", "resume")).toMatch(/^2 workers told/);
      await told("all", "stop", "--drain", "2m");
      await told("all", "queues", "mail=3,bulk=1", "*=5");
      await told("all", "kill");
      await told("all", "message", "reload", '{"since":7}');
      const all = [
        ["duckdive.resume", undefined],
        ["duckdive.stop", { drain: 120_000 }],
        ["duckdive.queues", { queues: { mail: 3, bulk: 1, "*": 5 } }],
        ["duckdive.kill", undefined],
        ["reload", { since: 7 }],
      ];
      expect(await heard(first)).toEqual([["duckdive.quiet", undefined], ...all]);
      expect(await heard(second)).toEqual(all);
      expect(await here.json(["tell", second, "stop"])).toEqual({ told: 1, do: "stop" });
      expect(await heard(second)).toEqual([["duckdive.stop", undefined]]);
    });

    test("which runs to kill, by the beginning of their ids", async () => {
      const run = newId();
      await store.insert([{ id: run, job: "other", version: 1, queue: "other", priority: 0 }]);
      await here.run(["tell", first, "kill", run]);
      expect(await heard(first)).toEqual([["duckdive.kill", { runs: [run] }]]);
      expect((await here.run(["tell", first, "kill", newId()])).stderr).toContain("RUN_NOT_FOUND");
      expect(await heard(first)).toEqual([]);
    });

    test("what cannot be told is refused, with what was meant", async () => {
      const refused = async (code: number, ...args: string[]) => {
        const ended = await here.run(["tell", ...args]);
        expect(ended.code).toBe(code);
        return ended.stderr;
      };
      expect(await refused(2, "all", "quite")).toMatch(/Did you mean "quiet"\?.*USAGE/s);
      expect(await refused(2, "all", "quiet", "--drain", "1s")).toMatch(/--drain belongs to `stop`/);
      expect(await refused(2, "all", "quiet", "mail")).toMatch(/takes nothing more/);
      expect(await refused(2, "all", "queues")).toMatch(/Which queues\?/);
      expect(await refused(2, "all", "message")).toMatch(/takes a name/);
      expect(await refused(4, "all", "message", "reload", "{since")).toMatch(/NOT_JSON/);
      expect(await refused(4, newId(), "quiet")).toMatch(/UNKNOWN_WORKER/);
      expect(await refused(1, first.slice(0, 8), "quiet")).toMatch(
        /Several workers begin with.*AMBIGUOUS_ID/s,
      );
      expect(await heard(first)).toEqual([]);
    });
  });

  describe("workers that are gone", () => {
    beforeAll(async () => {
      await store.insert(runs.map((id) => ({ id, job: "mail", version: 1, queue: "mail", priority: 0 })));
      await store.claim({ worker: first, queues: { mail: 3 }, abilities });
      await store.rescue([{ worker: first, cause: "killed by SIGKILL", culprits: runs.slice(0, 1) }]);
      await store.cancel(runs.slice(0, 1), "not needed");
      await store.remove(runs.slice(1, 2));
      await store.retire(second);
    });

    test("are shown with what they died of, and with what became of their runs", async () => {
      const { stdout } = await here.run(["workers", "--departed"]);
      const [header, last, lost] = stdout.split("\n");
      expect(header).toMatch(/^worker +pid +ended +how +lived +host +release +runs +became +cause$/);
      expect(last).toMatch(new RegExp(`^${second} +4711 +(now|.* ago) +stopped `));
      expect(lost).toMatch(
        new RegExp(`^${first} +4711 .* lost .* lab +3 +1 ready, 1 cancelled, 1 gone +killed by SIGKILL$`),
      );
      expect(await here.json(["workers", "--departed", "--limit", "1"])).toHaveLength(1);
      expect((await here.json<object[]>(["workers", "--departed"]))[1]).toMatchObject({
        id: first,
        how: "lost",
        cause: "killed by SIGKILL",
        lost: 3,
        states: { ready: 1, cancelled: 1 },
      });
      expect((await here.run(["workers"])).stdout).toMatch(/No worker is running/);
    });

    test("stand on the timeline of their runs, with cause and blame", async () => {
      expect((await here.run(["show", runs[0] ?? ""])).stdout).toMatch(
        new RegExp(`attempt 1 was lost with its worker ${first}: killed by SIGKILL$`, "m"),
      );
      const { stdout } = await here.run(["show", runs[2] ?? ""]);
      expect(stdout).toMatch(/: killed by SIGKILL; it was not to blame, and the attempt does not count$/m);
      expect(stdout).toMatch(/by no fault of its own \(killed by SIGKILL\): that attempt does not count/);
    });

    test("cannot be told anything", async () => {
      const { code, stderr } = await here.run(["tell", "all", "quiet"]);
      expect(stderr).toMatch(/No worker is running, so nobody was told\..*NOTHING_MATCHED/s);
      expect(code).toBe(1);
    });
  });
});
