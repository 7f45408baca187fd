// Holds the spelling of identifiers, comments, texts and file names: each word is an English word, a word of the
// trade that cspell knows, or stands in `scripts/words.txt`. Nobody greps for a name that is misspelt. Words are
// added there by hand, one a line, sorted; `--suggest` prints the unknown ones in that form.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const isChecked = /\.(ts|mjs|md|sql|sh|json)$|^\.ci\/run$/;

function main() {
  const paths = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)));
  const cache = join(root, ".cache");
  mkdirSync(cache, { recursive: true });
  // The names of the files are a text like any other; those of an example's sample files are data.
  const names = join(cache, "file-names.txt");
  writeFileSync(names, `${paths.filter((path) => !path.includes("/sample-")).join("\n")}\n`);
  const list = join(cache, "spelling.txt");
  writeFileSync(
    list,
    [names, ...paths.filter((path) => isChecked.test(path)).map((path) => join(root, path))].join("\n"),
  );
  const suggest = process.argv.includes("--suggest") ? ["--words-only", "--unique"] : ["--show-suggestions"];
  const result = spawnSync(
    join(root, "node_modules", ".bin", "cspell"),
    [
      "lint",
      "--config",
      "cspell.json",
      "--file-list",
      list,
      "--no-progress",
      "--no-summary",
      "--relative",
      ...suggest,
    ],
    { cwd: root, encoding: "utf8" },
  );
  process.stdout.write(result.stdout);
  process.stderr.write(result.stderr);
  process.exitCode = result.status ?? 1;
}

main();
