// Compiles the hand-written SQL of every store, `src/store/NAME/sql/*.sql` and `migrations/*.sql`, into the
// committed module `src/store/NAME/statements.ts`: the product reads no file at run time and bundlers need no
// loader. `--check` fails when a module is stale; without it (or with `--write`) the modules are written.
//
// A statement loses its comments, a migration keeps every byte: it is a document that a database may have run.
// So migrations are immutable. `migrations/checksums.json` remembers each; writing adds new ones, and nothing
// here ever replaces one. Before a migration was released somebody may delete its line there by hand.
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const statementName = /^[a-z][a-z0-9]*(-[a-z0-9]+)*\.sql$/;
const migrationName = /^(\d{4})-([a-z0-9]+(?:-[a-z0-9]+)*)\.sql$/;
// A literal, a quoted name, a dollar-quoted body, a line comment, a block comment, or any other character.
const sqlToken =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\/|[\s\S]/g;

/** What is wrong with the SQL files, in words for the person who wrote them. */
export class SqlFileError extends Error {
  /** @override */
  name = "SqlFileError";
}

/**
 * Compiles every store below `root`.
 * @param {string} root the folder that holds `src/`
 * @param {{ check: boolean }} options `check` compares instead of writing
 * @returns {string[]} the files that were written, or with `check` those that are stale
 */
export function compileStores(root, { check }) {
  /** @type {string[]} */
  const changed = [];
  for (const store of storesBelow(root)) {
    for (const [path, content] of outputsOf(root, store)) {
      const file = join(root, path);
      if (existsSync(file) && readFileSync(file, "utf8") === content) continue;
      changed.push(path);
      if (!check) writeFileSync(file, content);
    }
  }
  return changed;
}

/** @param {string} root */
function storesBelow(root) {
  const stores = join(root, "src", "store");
  if (!existsSync(stores)) return [];
  return readdirSync(stores, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .filter((name) => existsSync(join(stores, name, "sql")) || existsSync(join(stores, name, "migrations")))
    .sort();
}

/**
 * @param {string} root
 * @param {string} store
 * @returns {Map<string, string>}
 */
function outputsOf(root, store) {
  const folder = `src/store/${store}`;
  const statements = readSqlFiles(root, `${folder}/sql`).map(({ path, name, text }) => ({
    key: statementKey(path, name),
    sql: statementText(path, text),
  }));
  const migrationFiles = readSqlFiles(root, `${folder}/migrations`);
  const migrations = migrationFiles.map(({ path, name, text }, position) => ({
    ...migrationTitle(path, name, position),
    sql: text,
  }));
  const outputs = new Map([[`${folder}/statements.ts`, moduleText(folder, statements, migrations)]]);
  if (existsSync(join(root, folder, "migrations"))) {
    outputs.set(`${folder}/migrations/checksums.json`, checksumsText(root, folder, migrationFiles));
  }
  return outputs;
}

/**
 * @param {string} root
 * @param {string} folder
 */
function readSqlFiles(root, folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => ({
      path: `${folder}/${name}`,
      name,
      text: readFileSync(join(root, folder, name), "utf8").replaceAll("\r\n", "\n"),
    }));
}

/**
 * @param {string} path
 * @param {string} name
 */
function statementKey(path, name) {
  if (!statementName.test(name)) {
    throw new SqlFileError(`${path}: name it in lower case with dashes, like mark-failed.sql.`);
  }
  return name.slice(0, -".sql".length).replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}

/**
 * The statement without its comments.
 * @param {string} path
 * @param {string} text
 */
function statementText(path, text) {
  if (!/^\s*(--|\/\*)/.test(text)) {
    throw new SqlFileError(`${path}: open with a comment: what it does, why, and which index serves it.`);
  }
  const tokens = text.match(sqlToken) ?? [];
  const kept = tokens.filter((token) => !/^(--|\/\*)/.test(token));
  const last = kept.findLastIndex((token) => token.trim() !== "");
  const end = kept[last] === ";" ? last : last + 1;
  const body = kept.slice(0, end);
  if (body.includes(";")) throw new SqlFileError(`${path}: one statement a file; split it.`);
  const sql = body
    .join("")
    .replace(/[ \t]+$/gm, "")
    .replace(/\n{2,}/g, "\n")
    .trim();
  if (sql === "") throw new SqlFileError(`${path}: there is no statement in it.`);
  return sql;
}

/**
 * @param {string} path
 * @param {string} name
 * @param {number} position
 */
function migrationTitle(path, name, position) {
  const match = migrationName.exec(name);
  if (!match?.[2])
    throw new SqlFileError(`${path}: name it by number and title, like 0001-first-tables.sql.`);
  const number = Number(match[1]);
  if (number !== position + 1) {
    throw new SqlFileError(`${path}: migrations count 1, 2, 3…; this one is number ${position + 1}.`);
  }
  return { number, name: match[2] };
}

/**
 * @param {string} root
 * @param {string} folder
 * @param {{ path: string, name: string, text: string }[]} files
 */
function checksumsText(root, folder, files) {
  const path = `${folder}/migrations/checksums.json`;
  /** @type {Record<string, string>} */
  const known = existsSync(join(root, path)) ? JSON.parse(readFileSync(join(root, path), "utf8")) : {};
  const present = new Set(files.map(({ name }) => name));
  const gone = Object.keys(known).find((name) => !present.has(name));
  if (gone)
    throw new SqlFileError(`${folder}/migrations/${gone} is gone, but databases have run it. Restore it.`);
  const checksums = files.map(({ name, text }) => {
    const checksum = createHash("sha256").update(text).digest("hex");
    if (known[name] !== undefined && known[name] !== checksum) {
      throw new SqlFileError(
        `${folder}/migrations/${name} has changed, but databases have run it as it was. Restore it and write ` +
          `a new migration instead. (Never released? Then delete its line in ${path} and compile again.)`,
      );
    }
    return [name, checksum];
  });
  return `${JSON.stringify(Object.fromEntries(checksums), null, 2)}\n`;
}

/**
 * @param {string} folder
 * @param {{ key: string, sql: string }[]} statements
 * @param {{ number: number, name: string, sql: string }[]} migrations
 */
function moduleText(folder, statements, migrations) {
  const statementLines = statements.map(({ key, sql }) => `  ${key}: ${literal(sql)},\n`);
  const migrationLines = migrations.map(
    ({ number, name, sql }) =>
      `  {\n    number: ${number},\n    name: ${JSON.stringify(name)},\n    sql: ${literal(sql)},\n  },\n`,
  );
  return (
    `// Generated from ${folder}/sql and ${folder}/migrations by scripts/compile-sql.mjs.\n` +
    `// Change the .sql files, then run \`npm run docs\`; \`npm run check\` fails when this file is stale.\n\n` +
    `export const statements = ${listing("{", statementLines, "}")} as const;\n\n` +
    `export const migrations = ${listing("[", migrationLines, "]")} as const;\n`
  );
}

/**
 * @param {string} open
 * @param {string[]} lines
 * @param {string} close
 */
function listing(open, lines, close) {
  return lines.length === 0 ? `${open}${close}` : `${open}\n${lines.join("")}${close}`;
}

/** @param {string} text */
function literal(text) {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("`", "\\`").replaceAll("${", "\\${");
  return `\`${escaped}\``;
}

function main() {
  const check = process.argv.includes("--check");
  try {
    const changed = compileStores(fileURLToPath(new URL("..", import.meta.url)), { check });
    if (check && changed.length > 0) {
      console.error(`Stale: ${changed.join(", ")}. Run \`npm run docs\` and commit what it writes.`);
      process.exitCode = 1;
    } else if (!check) {
      console.log(changed.length > 0 ? `Written: ${changed.join(", ")}.` : "Everything is up to date.");
    }
  } catch (error) {
    if (!(error instanceof SqlFileError)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
