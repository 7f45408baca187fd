// `npm run -s duckdive -- ARGS`: the command line of this checkout, always built from the sources as they are.
// The program is imported, not spawned: one process, so that its exit code is ours and a Ctrl-C of the terminal
// reaches it once and not twice (a second signal means "stop at once"). Paths in ARGS are meant from where
// the caller stands, which npm remembers in INIT_CWD.
import { fileURLToPath } from "node:url";
import { build } from "./build.mjs";

const { errors } = build();
if (errors) {
  console.error(`${errors}\n\nduckdive was not started: the sources have the type errors above.`);
  process.exit(1);
}
if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
const main = new URL("../dist/cli/main.js", import.meta.url);
process.argv[1] = fileURLToPath(main);
await import(main.href);
