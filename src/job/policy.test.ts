// cspell:ignore timout proces memry attemps exponentiel -- misspelled on purpose
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DuckdiveError } from "../kernel/index.js";
import { defaults } from "./defaults.js";
import { job, policyOf } from "./define.js";
import { retryDelay } from "./policy.js";

/** Defines a job whose policy the compiler would refuse. */
const define = (policy: object) =>
  job({ name: "mail", handle() {}, ...policy } as { name: "mail"; handle(): void });
const resolved = (policy: object) => policyOf(define(policy));

describe("defaults", () => {
  test("fill in what a job does not say", () => {
    expect(resolved({})).toEqual({
      queue: "default",
      priority: 0,
      attempts: 10,
      backoff: { kind: "exponential", base: 5_000, factor: 3, cap: 21_600_000, jitter: 0.2 },
      timeout: 900_000,
      crashes: 3,
      keep: { succeeded: 604_800_000, failed: 7_776_000_000, cancelled: 604_800_000 },
      version: 1,
    });
  });

  test("stand in the documentation, every one of them and no other", () => {
    const rows = readFileSync(new URL("../../docs/reference/defaults.md", import.meta.url), "utf8")
      .split("\n")
      .map((line) => line.split("|").map((cell) => cell.trim()))
      .filter((cells) => cells.length >= 5 && /^`.*`$/.test(cells[1] ?? ""))
      .map((cells) => [cells[1]?.slice(1, -1), cells[2]?.slice(1, -1)]);
    const flat = Object.entries(defaults).flatMap(([name, value]) =>
      typeof value === "object"
        ? Object.entries(value).map(([part, inner]) => [`${name}.${part}`, String(inner)])
        : [[name, String(value)]],
    );
    expect(rows).toEqual(flat);
  });
});

describe("a policy", () => {
  test("is read into milliseconds", () => {
    const policy = resolved({
      queue: "mail",
      priority: -10,
      timeout: "30s",
      crashes: 1,
      startWithin: "1h",
      finishWithin: 5_000,
      version: 3,
      description: "sends mail",
      retry: { attempts: 2, backoff: { kind: "linear", base: "2s", cap: "1m", jitter: 0 } },
      keep: { succeeded: "1d" },
    });
    expect(policy).toMatchObject({
      queue: "mail",
      priority: -10,
      timeout: 30_000,
      crashes: 1,
      startWithin: 3_600_000,
      finishWithin: 5_000,
      version: 3,
      attempts: 2,
      backoff: { kind: "linear", base: 2_000, cap: 60_000, jitter: 0 },
      keep: { succeeded: 86_400_000, failed: 7_776_000_000, cancelled: 604_800_000 },
    });
  });

  test("that keeps nothing keeps a success for minutes, and failures as usual", () => {
    expect(resolved({ keep: false }).keep).toEqual({
      succeeded: 900_000,
      failed: 7_776_000_000,
      cancelled: 604_800_000,
    });
  });

  test("has its events, its batch and what hears of failures read", () => {
    const alert = job({ name: "alert" });
    const call = () => {};
    expect(resolved({ on: "a", batch: { size: 10 }, onFailed: alert })).toMatchObject({
      events: ["a"],
      batch: { size: 10, wait: 0 },
      onFailed: { job: alert },
    });
    expect(
      resolved({ on: ["a", "b", "a"], batch: { size: 1, wait: "2s", by: "to" }, onFailed: call }),
    ).toMatchObject({
      events: ["a", "b"],
      batch: { size: 1, wait: 2_000, by: "to" },
      onFailed: { call },
    });
  });

  test("takes a kind, a rule or a function as backoff", () => {
    const delays = (backoff: unknown) =>
      [1, 2, 3].map((attempt) => retryDelay(resolved({ retry: { backoff } }).backoff, attempt, () => 0.5));
    expect(delays("fixed")).toEqual([5_000, 5_000, 5_000]);
    expect(delays("linear")).toEqual([5_000, 10_000, 15_000]);
    expect(delays("exponential")).toEqual([5_000, 15_000, 45_000]);
    expect(delays({ kind: "fixed", base: "12h" })).toEqual([43_200_000, 43_200_000, 43_200_000]);
    expect(delays((attempt: number) => `${attempt}m`)).toEqual([60_000, 120_000, 180_000]);
  });

  test("checks what a backoff function gives back, each time", () => {
    const { backoff } = resolved({ retry: { backoff: () => "soon" } });
    expect(() => retryDelay(backoff, 4, Math.random)).toThrow(/^job "mail": retry\.backoff\(4\) is "soon"/);
  });

  test("takes the kind of an isolate, or with it what it may use and which module has the job", () => {
    const isolateOf = (isolate: unknown) => resolved({ isolate }).isolate;
    expect(isolateOf(undefined)).toBe(undefined);
    expect(isolateOf("thread")).toEqual({ kind: "thread", memory: 512 * 1_024 ** 2 });
    expect(isolateOf({ kind: "process", memory: "64mb", module: "file:///jobs.js" })).toEqual({
      kind: "process",
      memory: 64 * 1_024 ** 2,
      module: "file:///jobs.js",
    });
    expect(isolateOf({ kind: "thread", module: new URL("file:///jobs.js") })?.module).toBe("file:///jobs.js");
    expect(isolateOf({ kind: "thread", module: "/jobs.js" })?.module).toBe("file:///jobs.js");
  });

  test.each<[object, RegExp]>([
    [{ timout: "30s" }, /^job "mail" has no option "timout"\. Did you mean "timeout"\?/],
    [{ timeout: "30 seconds" }, /^job "mail": timeout is "30 seconds", which is not a duration/],
    [{ crashes: 0 }, /job "mail": crashes is 0\. Use a whole number from 1 up/],
    [{ timeout: 0 }, /timeout is 0\. Use a time longer/],
    [{ startWithin: -1 }, /startWithin is -1/],
    [{ queue: "" }, /^The queue of job "mail" needs a name/],
    [{ queue: "*" }, /stands for all queues/],
    [{ queue: "a\nb" }, /control characters/],
    [{ priority: 11 }, /priority is 11\. Use a whole number from -10 to 10/],
    [{ priority: 0.5 }, /priority is 0\.5/],
    [{ priority: "3" }, /priority is "3"/],
    [{ version: 0 }, /version is 0\. Use a whole number from 1 up/],
    [{ retry: 3 }, /retry is 3\. Use an object/],
    [{ retry: { attempts: 0 } }, /retry\.attempts is 0/],
    [{ retry: { attempts: Number.POSITIVE_INFINITY } }, /retry\.attempts is Infinity/],
    [{ retry: { attemps: 1 } }, /Did you mean "attempts"/],
    [{ retry: { when: true } }, /retry\.when is true/],
    [{ retry: { backoff: "exponentiel" } }, /kind is "exponentiel"\. Use "fixed", "linear", "exponential"/],
    [{ retry: { backoff: { kind: "fixed", base: "1h", cap: "1m" } } }, /cap is shorter than base/],
    [{ retry: { backoff: { kind: "fixed", jitter: 20 } } }, /jitter is 20\. Use a share/],
    [{ keep: "7d" }, /keep is "7d"\. Use false, or an object/],
    [{ keep: { done: "7d" } }, /keep of job "mail" has no option "done"/],
    [{ keep: { failed: "a week" } }, /keep\.failed is "a week"/],
    [{ unique: "id" }, /unique is "id"/],
    [{ unique: { for: "1m", while: ["ready"] } }, /both "for" and "while"/],
    [{ concurrency: { max: 1 } }, /concurrency of job "mail" has no option "max"/],
    [{ rate: [{ limit: 1, every: "1m" }] }, /rate\[0\] of job "mail" has no option "every"/],
    [{ unique: { by: 7 } }, /unique\.by is 7\. Use a field of the input/],
    [{ unique: { bye: "id" } }, /unique of job "mail" has no option "bye"\. Did you mean "by"/],
    [{ unique: { while: ["succeeded"] } }, /unique\.while is \["succeeded"\]\. Use a list of "scheduled"/],
    [{ unique: { while: [] } }, /unique\.while is \[\]/],
    [{ unique: { for: 0 } }, /unique\.for is 0/],
    [{ unique: { onConflict: "skip" } }, /unique\.onConflict is "skip"\. Use "ignore", "reject"/],
    [{ unique: { onConflict: { replace: ["output"] } } }, /replace is \["output"\]\. Use a list of "input"/],
    [{ unique: { onConflict: { replace: [] } } }, /replace is \[\]/],
    [{ unique: { onConflict: {} } }, /neither what to replace nor for how long/],
    [{ unique: { onConflict: { debounce: "1m", most: 1 } } }, /onConflict has no option "most"/],
    [{ unique: { onConflict: { debounce: "1m", atMost: "1s" } } }, /atMost is shorter than debounce.*60s|1m/],
    [{ lock: 7 }, /lock is 7\. Use a field of the input, a list of fields, or a function/],
    [{ lock: [] }, /lock is an array/],
    [{ lock: ["id", "id"] }, /lock names a field twice/],
    [{ lock: { by: "id", held: "run" } }, /lock of job "mail" has no option "held"\. Did you mean "hold"/],
    [{ lock: { by: "id", hold: "always" } }, /lock\.hold is "always"\. Use "run" or "attempt"/],
    [{ concurrency: 4 }, /concurrency is 4\. Use an object such as/],
    [
      { concurrency: [{ limit: 1 }, { limit: 0 }] },
      /concurrency\[1\]\.limit is 0\. Use a whole number from 1 up/,
    ],
    [{ concurrency: { limit: 1, name: "" } }, /concurrency of job "mail" needs a name/],
    [{ rate: { limit: 1 } }, /rate\.per is/],
    [{ rate: { limit: 1, per: 0 } }, /rate\.per is 0/],
    [{ rate: { limit: 1, per: "1s", burst: 0.5 } }, /rate\.burst is 0\.5/],
    [
      { concurrency: Array.from({ length: 9 }, () => ({ limit: 1 })) },
      /has 9 locks, limits and rates\. Use 8/,
    ],
    [{ fair: "tenant" }, /fair is "tenant"\. Use an object such as \{ by: "tenant" \}/],
    [{ fair: {} }, /fair\.by is undefined/],
    [{ onFailed: "alert" }, /onFailed is "alert"\. Use a job that takes the failure, or a function/],
    [{ on: [] }, /on names no event/],
    [{ on: ["a", 7] }, /An event in `on` of job "mail" needs a name/],
    [{ batch: 10 }, /batch is 10\. Use an object such as/],
    [{ batch: { size: 0 } }, /batch\.size is 0\. Use a whole number from 1 to 1000/],
    [{ batch: { size: 10, waits: "1s" } }, /batch of job "mail" has no option "waits"\. Did you mean "wait"/],
    [{ batch: { size: 10, wait: "soon" } }, /batch\.wait is "soon"/],
    [{ batch: { size: 10, by: 1 } }, /batch\.by is 1/],
    [{ isolate: "worker" }, /isolate is "worker"/],
    [{ isolate: "proces" }, /isolate is "proces"\. Did you mean "process"\?/],
    [{ isolate: { kind: "thread", memory: "lots" } }, /isolate\.memory is "lots"/],
    [{ isolate: { kind: "thread", memory: "1mb" } }, /isolate\.memory is less than Node itself needs/],
    [
      { isolate: { kind: "thread", module: "./jobs.js" } },
      /isolate\.module is ".\/jobs.js"\. Use the address/,
    ],
    [{ isolate: { kind: "thread", memry: "64mb" } }, /no option "memry"/],
    [{ isolate: "thread", batch: { size: 2 } }, /has both batch and isolate/],
    [{ description: 1 }, /description is 1/],
  ])("%j is refused, with the job, the option and a remedy", (policy, message) => {
    expect(() => define(policy)).toThrow(message);
    try {
      define(policy);
    } catch (error) {
      expect(error).toBeInstanceOf(DuckdiveError);
    }
  });
});
