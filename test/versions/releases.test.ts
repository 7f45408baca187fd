// Which release asked for a run and which executed it, attempt by attempt, in the middle of a deploy.
import { expect, test } from "vitest";
import { job } from "../../src/index.js";
import { assemble } from "../../src/open.js";
import { memory, silent } from "../engine.js";

test("a run says which release asked for it, and each attempt which executed it", async () => {
  const { store, clock } = memory();
  let failures = 1;
  const flaky = job({
    name: "flaky",
    retry: { attempts: 2, backoff: { kind: "fixed", base: "1s", jitter: 0 } },
    handle() {
      if (failures-- > 0) throw new Error("not yet");
    },
  });
  const of = (release: string) =>
    assemble({ store: () => store, clock, options: { jobs: [flaky], release, log: silent } });
  const { id } = await of("web-7").duckdive.enqueue(flaky);
  for (const release of ["worker-7", "worker-8"]) {
    const worker = of(release).work();
    await worker.idle();
    await worker.stop();
    await clock.advance(1_000);
  }
  const { duckdive } = of("web-8");
  expect(await duckdive.get(id)).toMatchObject({
    state: "succeeded",
    release: "web-7",
    ranRelease: "worker-8",
  });
  const { events } = await duckdive.timeline(id);
  expect(events).toMatchObject([{ kind: "failed", attempt: 1, detail: { release: "worker-7" } }]);
});
