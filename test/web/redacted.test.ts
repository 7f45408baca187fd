// What a job names in `redact` is in no answer and on no page of a server that knows nothing of the job but what its worker has
// published, and cannot be found out by searching either.
import { job } from "duckdive";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type Served, serve, token } from "./server.js";

const secret = "4111-1111";
const charge = job({
  name: "charge",
  input: z.object({ card: z.object({ number: z.string(), type: z.string() }) }),
  redact: ["card.number", "receipt"],
  retry: { attempts: 1 },
  async handle({ card }, ctx) {
    ctx.log.info(`charging ${card.number}`, { card });
    ctx.progress(1, 2, `charging ${card.number}`);
    await ctx.step("ask the bank", () => ({ receipt: card.number, at: "noon" }));
    if (card.type === "bad") throw new TypeError(`the bank refuses ${card.number}`);
    return { receipt: card.number, at: "noon" };
  },
});

const headers = { authorization: `Bearer ${token}` };
let served: Served;
let ids: string[] = [];

beforeAll(async () => {
  served = await serve({ token }, [charge]);
  const worker = served.working.work();
  await worker.ready;
  const runs = await served.working.enqueueMany(
    charge,
    ["visa", "bad"].map((type) => ({ card: { number: secret, type } })),
  );
  await Promise.all(runs.map((run) => run.outcome()));
  ids = runs.map(({ id }) => id);
  await worker.stop();
});
afterAll(() => served.close());

const textOf = async (path: string): Promise<string> =>
  (await fetch(`${served.url}${path}`, { headers })).text();

test("it is in no answer about a run, which shows what stands beside it", async () => {
  const parts = ["", "/outcome", "/timeline", "/steps", "/explain"];
  const paths = ids.flatMap((id) => parts.map((part) => `/api/runs/${id}${part}`));
  const all = (await Promise.all([...paths, "/api/runs"].map(textOf))).join("\n");
  expect(all).not.toContain(secret);
  for (const shown of ["[redacted]", "visa", "noon", "the bank refuses [redacted]", "charging [redacted]"])
    expect(all).toContain(shown);
});

test("it is on no page", async () => {
  const pages = ["/", "/runs", "/failures", ...ids.map((id) => `/runs/${id}`)];
  const all = (await Promise.all(pages.map(textOf))).join("\n");
  expect(all).not.toContain(secret);
  expect(all).toContain("the bank refuses [redacted]");
});

test("nobody finds out by searching what it is", async () => {
  const found = async (text: string) => {
    const query = `text=${encodeURIComponent(text)}`;
    const { runs } = JSON.parse(await textOf(`/api/runs?${query}`));
    return [runs.length, JSON.parse(await textOf(`/api/runs/count?${query}`)).count];
  };
  expect(await found("visa")).toEqual([1, 1]);
  expect(await found("4111")).toEqual([0, 0]);
});
