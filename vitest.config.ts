import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Tests and examples that import `duckdive` run the source; processes that tests spawn run `dist/`, what
// users get, which the global setup brings up to date first.
const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^duckdive$/, replacement: source("index.ts") },
      { find: /^duckdive\/worker$/, replacement: source("worker.ts") },
      { find: /^duckdive\/runner$/, replacement: source("runner/index.ts") },
      { find: /^duckdive\/testing$/, replacement: source("testing/index.ts") },
      { find: /^duckdive\/sqlite$/, replacement: source("store/sqlite/index.ts") },
      { find: /^duckdive\/postgres$/, replacement: source("store/postgres/index.ts") },
      { find: /^duckdive\/store$/, replacement: source("store/contract.ts") },
      { find: /^duckdive\/with\/([\w-]+)$/, replacement: source("with/$1.ts") },
    ],
  },
  test: {
    include: ["{src,test,scripts,examples,bench}/**/*.test.ts"],
    exclude: [
      "**/node_modules/**",
      "**/dist/**",
      ...(process.env.DUCKDIVE_SKIP_TYPE_TESTS ? ["test/types/**"] : []),
    ],
    globalSetup: ["./scripts/build-before-tests.mjs", "./test/postgres/shared.ts"],
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
