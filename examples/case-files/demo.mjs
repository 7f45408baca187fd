// `npm run demo` starts here: `node examples/case-files/demo.mjs [FOLDER] [--out FOLDER] [--fresh]`.
// This version of Node may not read TypeScript by itself, so the demo is loaded the way `duckdive work` loads jobs.
import { createJiti } from "jiti";

await createJiti(import.meta.url).import("./demo.ts");
