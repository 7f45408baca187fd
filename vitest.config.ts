import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Files run side by side, as many as there are cores, and after them one by one those that hold processes to a time or
// count what a server does. All share what the global setup starts.
//
// Tests and examples that import `duckdive` run the source; processes that tests spawn run `dist/`, what
// users get, which the global setup brings up to date first.
const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

const resolve = {
  alias: [
    { find: /^duckdive$/, replacement: source("index.ts") },
    { find: /^duckdive\/worker$/, replacement: source("worker.ts") },
    { find: /^duckdive\/runner$/, replacement: source("runner/index.ts") },
    { find: /^duckdive\/testing$/, replacement: source("testing/index.ts") },
    { find: /^duckdive\/sqlite$/, replacement: source("store/sqlite/index.ts") },
    { find: /^duckdive\/postgres$/, replacement: source("store/postgres/index.ts") },
    { find: /^duckdive\/store$/, replacement: source("store/contract.ts") },
    { find: /^duckdive\/web$/, replacement: source("web/index.ts") },
    { find: /^duckdive\/with\/([\w-]+)$/, replacement: source("with/$1.ts") },
  ],
};

const limits = { testTimeout: 30_000, hookTimeout: 30_000 };

const everything = ["{src,test,scripts,examples,bench}/**/*.test.ts"];
const foreign = ["**/node_modules/**", "**/dist/**"];

// What starts and kills processes and holds them to a time; and whatever counts what a PostgreSQL server does. Transaction
// numbers are the server's, not the database's: a transaction of another file's makes claims look again.
const alone = [
  "test/{process,violence,cli,cluster,postgres,adapters,rabbitmq,redis}/**/*.test.ts",
  "test/conformance/*postgres.test.ts",
  "src/store/postgres/**/*.test.ts",
];

export default defineConfig({
  test: {
    globalSetup: ["./scripts/build-before-tests.mjs", "./test/postgres/shared.ts"],
    projects: [
      {
        resolve,
        test: {
          ...limits,
          name: "together",
          include: everything,
          exclude: [...foreign, ...alone],
          maxWorkers: Math.min(4, availableParallelism()),
        },
      },
      {
        resolve,
        test: {
          ...limits,
          name: "alone",
          include: alone,
          exclude: foreign,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
