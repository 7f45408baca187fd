// The adapter of Prisma 7, over node-postgres, with a client that Prisma's own generator writes.
//
// Prisma's command line downloads an engine for its migrations; the generator and the client need none: the one is a
// package, the other brings its query compiler as WebAssembly. So the client is generated here, in a folder below the
// package where its imports are found, and a program that uses it is compiled against the types it was given.
import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, expect, test } from "vitest";
import { prisma } from "../../src/with/prisma.js";
import { describeAdapter, library } from "./suite.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, ".cache", `prisma-${process.pid}`);
const generated = join(folder, "generated", "client.ts");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const schema = `
generator client {
  provider = "prisma-client"
  output   = "./generated"
}
datasource db {
  provider = "postgresql"
}
model Wine {
  id   Int    @id @default(autoincrement())
  name String @unique
  @@map("wines")
}
`;

const program = `
import { prisma } from "duckdive/with/prisma";
import type { PrismaClient } from "./generated/client.ts";
import type { TxOf } from "duckdive";
declare const client: PrismaClient;
const adapter = prisma(client);
declare const tx: TxOf<typeof adapter>;
export const created = await tx.wine.create({ data: { name: "first label" } });
await client.$transaction(async (given) => { given satisfies TxOf<typeof adapter>; });
// @ts-expect-error: a transaction cannot connect
await tx.$connect();
`;

/** What this file uses of the client that is generated. */
interface Transaction {
  $queryRawUnsafe(text: string, ...values: readonly unknown[]): Promise<unknown>;
  $transaction<T>(fn: (tx: Transaction) => Promise<T>): Promise<T>;
  readonly wine: { create(options: { readonly data: { readonly name: string } }): Promise<unknown> };
}
interface Client extends Transaction {
  $disconnect(): Promise<void>;
}

const generating = generate();

async function generate(): Promise<new (options: { readonly adapter: PrismaPg }) => Client> {
  mkdirSync(folder, { recursive: true });
  const schemaPath = join(folder, "schema.prisma");
  writeFileSync(schemaPath, schema);
  // Their ES module builds do not load in Node; required, they do.
  const require = createRequire(import.meta.url);
  const { getGenerators, loadSchemaContext } = require("@prisma/internals");
  const { PrismaClientTsGenerator } = require("@prisma/client-generator-ts");
  const schemaContext = await loadSchemaContext({
    schemaPath: { cliProvidedPath: schemaPath },
    cwd: folder,
    printLoadMessage: false,
  });
  const generator = new PrismaClientTsGenerator();
  const registry = { "prisma-client": { type: "in-process", generator } };
  const options = { schemaContext, registry, skipDownload: true, cliCommand: "generate" };
  for (const one of await getGenerators(options)) {
    await one.generate();
    one.stop();
  }
  return (await import(/* @vite-ignore */ generated)).PrismaClient;
}

describeAdapter("Prisma", async (url) => {
  const PrismaClient = await generating;
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 5 }) });
  return library(prisma(client), {
    transaction: (fn) => client.$transaction(fn),
    nested: (tx, fn) => tx.$transaction(fn),
    insert: (tx, name) => tx.wine.create({ data: { name } }),
    strangers: { "the client": client, "a model": client.wine },
    close: () => client.$disconnect(),
  });
});

test("the type of its transactions is the generated client's own", { timeout: 60_000 }, async () => {
  await generating;
  writeFileSync(join(folder, "program.ts"), program);
  const paths = { duckdive: [join(root, "src/index.ts")], "duckdive/with/*": [join(root, "src/with/*.ts")] };
  const compilerOptions = { noEmit: true, allowImportingTsExtensions: true, paths };
  const settings = { extends: join(root, "tsconfig.base.json"), compilerOptions, include: ["program.ts"] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  const compiling = promisify(execFile)(process.execPath, [compiler, "-p", folder], { cwd: folder });
  const said = await compiling.then(
    ({ stdout }) => stdout,
    (error: { stdout?: string }) => error.stdout ?? String(error),
  );
  expect(said.split("\n").filter((line) => line.startsWith("program.ts"))).toEqual([]);
});
