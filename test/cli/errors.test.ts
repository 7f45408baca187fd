// What a stranger does wrong, and a store that cannot be used: each a named error, its remedy and its exit code.
// cspell:ignore wrok quue faild enqeue prety sqlit welcom tiemout
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect } from "../../src/store/sqlite/driver.js";
import { type Folder, folder } from "./duckdive.js";

let here: Folder;
beforeEach(() => {
  here = folder();
});
afterEach(() => here.remove());

describe("a command line that is wrong ends with 2", () => {
  test.each([
    [["wrok"], /unknown command 'wrok'.*Did you mean work\?/],
    [["runs", "x"], /too many arguments for 'runs'\. Expected 0 arguments but got 1\.\n/],
    [["runs", "--quue", "x"], /unknown option '--quue'.*Did you mean --queue\?/],
    [["runs", "--state", "faild"], /Did you mean "failed"\?/],
    [["runs", "--limit", "many"], /--limit is "many". Use a whole number/],
    [["show"], /missing required argument 'id'/],
    [["help", "enqeue"], /Did you mean "enqueue"\?/],
    [["enqueue", "mail", "--delay", "30"], /without a unit/],
    [["enqueue", "mail", "--delay", "1m", "--run-at", "2030-01-01"], /Use one/],
    [["enqueue", "mail", "{}", "--lines"], /--lines reads inputs from standard input/],
    [["work", "x.ts", "--queues", "mail"], /Use slots by queue/],
    [["work", "x.ts", "--log", "prety"], /Did you mean "pretty"\?/],
    [["work", "x.ts", "--processes", "2"], /in memory.*--processes 0/],
    [["work", "x.ts", "--max-runs", "9"], /none with a database in memory/],
    [["pause"], /Name one thing/],
    [["pause", "mail", "--job", "welcome"], /Name one thing/],
  ])("%j", async (args, message) => {
    const { code, stderr, stdout } = await here.run(["--store", "sqlite::memory:", ...args]);
    expect(stderr).toMatch(message);
    expect(stderr).toMatch(/^error: /m);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  test("without a command the help is shown", async () => {
    const { code, stderr } = await here.run([]);
    expect(stderr).toContain("Usage: duckdive");
    expect(code).toBe(2);
  });

  test("as JSON when that was asked for", async () => {
    const { stderr } = await here.run(["runs", "--state", "faild", "--json", "--store", "sqlite::memory:"]);
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "USAGE" } });
  });
});

describe("a store that cannot be used ends with 3", () => {
  async function refused(args: readonly string[], env: NodeJS.ProcessEnv = {}, uid?: number) {
    const { code, stderr, stdout } = await here.run(args, { env, ...(uid === undefined ? {} : { uid }) });
    expect(code).toBe(3);
    expect(stdout).toBe("");
    return stderr;
  }

  test("a file that is no database", async () => {
    here.write("notes.db", "these are my notes, and no database at all; ".repeat(100));
    const stderr = await refused(["queues", "--store", "sqlite:notes.db"]);
    expect(stderr).toMatch(/is not a SQLite database.*restore/s);
    expect(stderr).toContain("code CORRUPT_DATABASE; the store is sqlite:notes.db, from --store");
  });

  test("a database that is not there, which a command that looks does not make", async () => {
    const stderr = await refused(["runs"]);
    expect(stderr).toMatch(/There is no database at \.\/duckdive\.db \(the default\)/);
    expect(stderr).toContain("STORE_MISSING");
    expect(await refused(["doctor"])).toContain("STORE_MISSING");
  });

  test("a folder that is not there", async () => {
    expect(await refused(["migrate", "--store", "sqlite:./no/where.db"])).toContain("STORE_UNREACHABLE");
  });

  test("a database of a newer version", async () => {
    await here.run(["migrate"]);
    const connection = connect(join(here.path, "duckdive.db"));
    connection.exec("insert into duckdive_migration (number, name, applied_at) values (999, 'later', 0)");
    connection.close();
    for (const command of ["runs", "work", "migrate", "doctor"]) {
      here.write(
        "jobs.ts",
        "import { job } from 'duckdive'; export const a = job({ name: 'a', handle() {} });",
      );
      const stderr = await refused(command === "work" ? ["work", "jobs.ts", "--processes", "0"] : [command]);
      expect(stderr).toMatch(/has migration 999.*Use the newer version/s);
      expect(stderr).toContain("MIGRATION_FROM_FUTURE");
    }
  });

  test("an empty file, which only looking does not fill", async () => {
    here.write("duckdive.db", "");
    expect(await refused(["runs"])).toMatch(/Run `duckdive migrate`/);
    expect((await here.run(["migrate", "--check"])).code).toBe(1);
    expect((await here.run(["migrate"])).stdout).toContain("Applied migration 1");
    expect((await here.run(["migrate", "--check"])).code).toBe(0);
    expect((await here.run(["migrate"])).stdout).toContain("Up to date");
  });

  test("an address of PostgreSQL whose password is not written as it has to be", async () => {
    const stderr = await refused(["queues"], { DATABASE_URL: "postgres://me:sec#ret@db.example/app" });
    expect(stderr).toMatch(/In a password, write "#" as %23/);
    expect(stderr).toMatch(
      /code INVALID_STORE; the store is postgres:\/\/…@db.example\/app, from DATABASE_URL/,
    );
    expect(stderr).not.toMatch(/sec|ret@/);
  });

  test("a server that is not there", async () => {
    const stderr = await refused(["queues", "--store", "postgres://me:secret@127.0.0.1:1/app"]);
    expect(stderr).toMatch(/cannot be reached \(.*ECONNREFUSED.*STORE_UNREACHABLE/s);
    expect(stderr).not.toContain("secret");
  });

  test("a scheme that nobody knows, with what was meant", async () => {
    expect(await refused(["queues", "--store", "sqlit:x.db"])).toMatch(
      /Did you mean "sqlite".*INVALID_STORE/s,
    );
    expect(await refused(["queues"], { DUCKDIVE_STORE: "mysql://x/y" })).toMatch(/from DUCKDIVE_STORE/);
  });

  // The superuser may write everywhere; as nobody a file may not be readable through somebody's own folder.
  test.skipIf(process.platform === "win32")("a folder that may not be written", async () => {
    const uid = process.getuid?.() === 0 ? 65_534 : undefined;
    mkdirSync(join(here.path, "locked"));
    writeFileSync(join(here.path, "locked/duckdive.db"), "");
    chmodSync(here.path, 0o755);
    chmodSync(join(here.path, "locked/duckdive.db"), 0o444);
    chmodSync(join(here.path, "locked"), 0o555);
    const stderr = await refused(["migrate", "--store", "sqlite:locked/duckdive.db"], {}, uid);
    expect(stderr).toMatch(/cannot be written.*STORE_READ_ONLY/s);
    expect(await refused(["enqueue", "a", "--store", "sqlite:locked/other.db"], {}, uid)).toContain(
      "STORE_READ_ONLY",
    );
  });
});

describe("an input or a file that cannot be used ends with 4", () => {
  beforeEach(() => {
    here.write(
      "jobs.ts",
      `import { job } from "duckdive";
       export const welcome = job({ name: "welcome", handle() {} });`,
    );
  });

  async function refused(args: readonly string[], code: string) {
    const { code: exit, stderr } = await here.run(args);
    expect(stderr).toContain(`code ${code}`);
    expect(exit).toBe(4);
    return stderr;
  }

  test("JSON that is none", async () => {
    expect(await refused(["enqueue", "welcome", "{userId: 7}"], "NOT_JSON")).toMatch(
      /Quote it for the shell/,
    );
  });

  test("an input that the job does not take", async () => {
    await refused(["enqueue", "welcome", "{}", "--jobs", "jobs.ts"], "INVALID_INPUT");
    await here.run(["migrate"]);
    expect(await here.json(["runs"])).toEqual([]);
  });

  test("a job that the files do not have", async () => {
    const stderr = await refused(["enqueue", "welcom", "--jobs", "jobs.ts"], "UNKNOWN_JOB");
    expect(stderr).toContain('Did you mean "welcome"?');
  });

  test("a file that is not there, is a folder, does not parse, or throws", async () => {
    here.write("broken.ts", "export const x = ;");
    here.write("throws.ts", "\nthrow new Error('no such setting');");
    expect(await refused(["work", "nope.ts"], "JOB_FILE")).toMatch(/no file nope\.ts/);
    expect(await refused(["work", "."], "JOB_FILE")).toMatch(/is a folder/);
    expect(await refused(["work", "broken.ts"], "JOB_FILE")).toMatch(/broken\.ts cannot be loaded/);
    expect(await refused(["work", "throws.ts"], "JOB_FILE")).toMatch(/no such setting \(at throws\.ts:2:/);
  });

  test("two jobs of one name, a contract alone, and a file without a job, each by its name", async () => {
    copyFileSync(join(here.path, "jobs.ts"), join(here.path, "again.ts"));
    here.write("contract.ts", `import { job } from "duckdive"; export const c = job({ name: "c" });`);
    here.write("none.ts", "export const x = 1;");
    expect(await refused(["work", "jobs.ts", "again.ts"], "JOB_FILE")).toMatch(
      /"welcome": jobs\.ts and again\.ts/,
    );
    expect(await refused(["work", "contract.ts"], "JOB_FILE")).toMatch(/"c" of contract\.ts/);
    expect(await refused(["work", "none.ts"], "JOB_FILE")).toMatch(/none\.ts exports no job/);
    expect(await refused(["work"], "JOB_FILE")).toMatch(/duckdive\.config\.ts/);
  });

  test("a misspelled option of a job, with the one that was meant and the place", async () => {
    here.write(
      "typo.ts",
      `import { job } from "duckdive";\nexport const a = job({ name: "a", tiemout: "3s", handle() {} });`,
    );
    expect(await refused(["work", "typo.ts"], "JOB_FILE")).toMatch(/Did you mean "timeout"\?.*typo\.ts:2:/s);
  });
});

test("--verbose and DEBUG say where an error comes from", async () => {
  expect((await here.run(["runs", "--verbose"])).stderr).toMatch(/^\s+at /m);
  expect((await here.run(["runs"], { env: { DEBUG: "1" } })).stderr).toMatch(/^\s+at /m);
});
