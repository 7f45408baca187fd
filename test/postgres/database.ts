// An empty database for a test file, on the PostgreSQL that all files share, owned by an ordinary role of its own:
// the product has to work without a superuser's rights. `databaseOn` makes one on any other server.
import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { ask } from "./ask.js";

export interface Database {
  /** As its owner, an ordinary role. */
  readonly url: string;
  /** The same database as superuser, for what a test does to it. */
  readonly superuserUrl: string;
  readonly name: string;
  readonly owner: string;
  /** Ends every connection to it and removes it and its owner. */
  drop(): Promise<void>;
}

/** Makes an empty database on the shared server. */
export async function freshDatabase(): Promise<Database> {
  return databaseOn(await sharedServer());
}

/** The superuser's address on the shared server. */
export async function sharedServer(): Promise<string> {
  const response = await fetch(inject("postgres"));
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text;
}

/**
 * Makes an empty database on a server.
 * @param server the superuser's address
 */
export async function databaseOn(server: string): Promise<Database> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await tell(server, [`create role ${name} login`, `create database ${name} owner ${name}`]);
  return {
    name,
    owner: name,
    url: addressOf(server, name, name),
    superuserUrl: addressOf(server, "postgres", name),
    drop: () => tell(server, [`drop database if exists ${name} with (force)`, `drop role if exists ${name}`]),
  };
}

function addressOf(server: string, role: string, database: string): string {
  const url = new URL(server);
  url.username = role;
  url.pathname = `/${database}`;
  return url.href;
}

/** One statement after another: databases are not made and dropped inside transactions. */
async function tell(url: string, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await ask(url, statement);
}
