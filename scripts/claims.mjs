// Holds docs/coming-from.md to the tests: every row names one that exists, or says that it is not built yet.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * The rows of the tables in a page: what is named in the last column.
 * @param {string} page
 * @returns {{ row: string, claim: string }[]}
 */
export function claimsIn(page) {
  return page
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| There |"))
    .map((line) => ({ row: line.split("|")[1]?.trim() ?? "", claim: line.split("|").at(-2)?.trim() ?? "" }));
}

/**
 * What is wrong with the rows, in words.
 * @param {{ row: string, claim: string }[]} claims
 * @param {string} tests the text of all tests
 */
export function unkept(claims, tests) {
  return claims.flatMap(({ row, claim }) => {
    if (claim === "not built yet") return [];
    if (!/^".+"$/.test(claim)) return [`${row}: names no test, and does not say "not built yet"`];
    return tests.includes(claim) ? [] : [`${row}: there is no test ${claim}`];
  });
}

function testsOf() {
  return ["src", "test"]
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" }).map((file) =>
        join(folder, file),
      ),
    )
    .filter((file) => file.endsWith(".test.ts") || (file.includes("conformance") && file.endsWith(".ts")))
    .map((file) => readFileSync(join(root, file), "utf8"))
    .join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const claims = claimsIn(readFileSync(join(root, "docs/coming-from.md"), "utf8"));
  const wrong = unkept(claims, testsOf());
  for (const one of wrong) console.error(one);
  console.log(`${claims.length} rows, ${wrong.length} of them not kept`);
  if (wrong.length > 0 || claims.length < 50) process.exitCode = 1;
}
