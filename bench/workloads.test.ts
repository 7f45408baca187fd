// What the benchmark measures, looked at without measuring it: whether each figure has a name of its own, and stands where whoever
// compares expects it.
import { expect, test } from "vitest";
import { redisMissing } from "./redis.mjs";
import { allGroups, workloadsOf } from "./workloads.mjs";

const workloads = (await Promise.all(allGroups.map(workloadsOf))).flat();

test("every workload has a name of its own", () => {
  const names = workloads.map(({ name }) => name);
  expect(names.filter((name, place) => names.indexOf(name) !== place)).toEqual([]);
});

test("what a peer or a floor does stands beside a workload of duckdive in the same unit", () => {
  const others = workloads.filter(({ peer, floor }) => peer !== undefined || floor === true);
  expect(others.length).toBeGreaterThan(50);
  for (const { name, peerOf, unit } of others) {
    const ours = workloads.find((one) => one.name === peerOf);
    expect([name, ours?.peer, ours?.unit]).toEqual([name, undefined, unit]);
  }
});

test("a peer's figure says how the peer is configured", () => {
  const peers = workloads.filter(({ peer }) => peer !== undefined);
  expect(peers.filter(({ note = "" }) => note.length < 40).map(({ name }) => name)).toEqual([]);
});

test("who has no redis-server is told what to install", () => {
  const { PATH } = process.env;
  process.env.PATH = "";
  try {
    expect(redisMissing()).toMatch(/apt-get install redis-server/);
  } finally {
    process.env.PATH = PATH;
  }
});
