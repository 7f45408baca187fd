// Vitest runs this once before all tests: processes that tests spawn run from `dist/`, so it has to be what
// `src/` says now. Type errors are the business of `npm run check`; here they are reported and the tests go on
// with the JavaScript the compiler could still write.
import { build } from "./build.mjs";

export default function buildBeforeTests() {
  const { errors } = build();
  const count = errors.split("\n").filter((line) => /error TS/.test(line)).length;
  if (errors) console.error(`dist/ was built with ${count} type errors; npm run build shows them.\n`);
}
