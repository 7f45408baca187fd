// `npm run -s duckdive -- ARGS`: the command line of this checkout, always built from the sources as they are.
// The program is imported, not spawned, and package.json says `exec`: one process, so that its exit code is ours
// and a signal sent to npm reaches it; without `exec` npm would signal a shell that dies and leaves the program
// behind. (A Ctrl-C at a terminal comes twice within a millisecond, from the terminal and from npm: the program
// takes that for one.) Paths in ARGS are meant from where the caller stands, which npm remembers in INIT_CWD.
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
