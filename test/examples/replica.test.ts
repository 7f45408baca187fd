// The replica through all that a cloud does, and through a crash at every write.
import { explore, testQueue } from "duckdive/testing";
import { describe, expect, test } from "vitest";
import { Cloud, type Moods } from "../../examples/replica/cloud.js";
import { createReplica } from "../../examples/replica/replica.js";

const input = { master: "db-1" };
const good = "server on the volume with the snapshot of db-1";

async function replicate(cloud: Cloud) {
  await using queue = testQueue({ jobs: [createReplica(cloud)] });
  const run = await queue.enqueue(createReplica(cloud), input);
  // A request that is not answered ends with its timeout: the clock has to go on meanwhile.
  const drained = queue.drain();
  await queue.advance("1m");
  await drained;
  await queue.advance("2h");
  return run.get();
}

const troubles: Record<string, Moods> = {
  nothing: {},
  "an answer is lost": { breaks: ["provision", "boot"] },
  "a request is never answered": { hangs: ["snapshot"] },
  "a server is forgotten": { forgets: ["boot"] },
  "all of it at once": { breaks: ["snapshot", "provision"], hangs: ["snapshot"], forgets: ["boot"] },
};

describe.each(Object.entries(troubles))("when the trouble is: %s", (_what, moods) => {
  test("there is one replica, and nothing is left that nobody uses", async () => {
    const cloud = new Cloud(moods);
    expect(await replicate(cloud)).toMatchObject({ state: "succeeded", output: { server: good } });
    expect([...cloud.replicas]).toEqual([["db-1", good]]);
    expect([...cloud.things.values()].sort()).toEqual([good, "volume with the snapshot of db-1"]);
  });
});

test("when no server ever comes up, the volume is given back and the run says why", async () => {
  const cloud = new Cloud();
  cloud.state = async (thing) => {
    if (thing.what.startsWith("server")) throw new Error("it does not answer");
    return "ready";
  };
  expect(await replicate(cloud)).toMatchObject({ state: "failed", error: { code: "POLL_TIMEOUT" } });
  expect([...cloud.things.values()].filter((what) => !what.startsWith("server"))).toEqual([]);
});

test("wherever it crashes, the world is as if it had not", async () => {
  const moods = { breaks: ["provision"] } as const;
  const report = await explore(createReplica(new Cloud(moods)), input, {
    world: () => new Cloud(moods),
    jobs: (cloud) => [createReplica(cloud)],
    observe: ({ things, replicas }) => ({ things: [...things.values()], replicas }),
  });
  report.assertIdempotent();
  expect(report.trials).toBeGreaterThan(50);
});

test("a step that leaves out its key is found out", async () => {
  class Forgetful extends Cloud {
    override provision(snapshot: Parameters<Cloud["provision"]>[0], _key: string, signal: AbortSignal) {
      return super.provision(snapshot, crypto.randomUUID(), signal);
    }
  }
  const report = await explore(createReplica(new Forgetful()), input, {
    world: () => new Forgetful(),
    jobs: (cloud) => [createReplica(cloud)],
    observe: ({ things, replicas }) => ({ things: [...things.values()], replicas }),
  });
  expect(report.findings.map(({ step }) => step)).toEqual(["volume"]);
  expect(report.findings[0]?.difference).toMatch(/volume with the snapshot of db-1" twice/);
});
