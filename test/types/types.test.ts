// cspell:ignore korked backof tenent -- misspelled on purpose
// The types are interface, and so is what the compiler says.
//
// Every program in right/ compiles, with the newest TypeScript, with older ones, and under stricter settings. Every
// program in wrong/ has exactly one error, in the place that it is about, and the last line of what the compiler says
// about it is asserted word for word: that line is what a user reads. One run of each compiler judges all programs.
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));
const modules = fileURLToPath(new URL("../../node_modules/", import.meta.url));

interface Complaint {
  /** `wrong/01-input.ts` */
  readonly file: string;
  readonly lines: readonly string[];
}

/** What a compiler says about the programs, error by error. */
async function compile(compiler: string, flags: readonly string[] = []): Promise<Complaint[]> {
  const command = [`${modules}${compiler}/bin/tsc`, "-p", "tsconfig.json", "--pretty", "false", ...flags];
  const output = await new Promise<string>((resolve, reject) => {
    execFile(process.execPath, command, { cwd: here, maxBuffer: 2 ** 24 }, (error, stdout) => {
      if (error !== null && stdout === "") reject(error);
      else resolve(stdout);
    });
  });
  const complaints: { file: string; lines: string[] }[] = [];
  for (const line of output.split("\n").filter((text) => text !== "")) {
    const start = /^(\S[^(]*)\(\d+,\d+\): error TS\d+: (.*)$/.exec(line);
    if (start !== null) complaints.push({ file: start[1] ?? "", lines: [start[2] ?? ""] });
    else if (line.startsWith(" ")) complaints.at(-1)?.lines.push(line.trim());
    else throw new Error(`${compiler} says something that is not about a program: ${line}`);
  }
  return complaints;
}

const about = (folder: string, complaints: readonly Complaint[]) =>
  complaints.filter(({ file }) => file.startsWith(folder));

describe("the right programs compile", () => {
  test.each([
    ["with the newest TypeScript", "typescript", []],
    ["with TypeScript 5.9", "typescript-5.9", []],
    ["with TypeScript 5.4", "typescript-5.4", []],
    ["where an optional property may not be undefined", "typescript", ["--exactOptionalPropertyTypes"]],
  ])("%s", { timeout: 60_000 }, async (_name, compiler, flags) => {
    expect(about("right/", await compile(compiler, flags))).toEqual([]);
  });
});

/** The last line of what the compiler says about each wrong program. */
const refusals: Readonly<Record<string, string | RegExp>> = {
  "01-input": "Type 'string' is not assignable to type 'number'.",
  "02-delay-and-run-at": "Type 'Date' is not assignable to type 'undefined'.",
  "03-foreign-tx":
    /^Type '\{ query\(text: string\).*' is missing the following properties from type 'PgTransaction</,
  "04-duration": "Type '\"20 seconds\"' is not assignable to type 'Duration | undefined'.",
  "05-date-input":
    "Type 'ZodObject<{ pickedAt: ZodDate; }, $strip>' is not assignable to type '\"not JSON: use z.coerce.date() / z.iso.datetime() for dates, z.coerce.bigint() for bigints\"'.",
  "06-output": "Type 'string' is not assignable to type 'number'.",
  "07-contract-worked":
    /^Property 'handler' is missing in type 'Unhandled<"bottle", .* but required in type 'Job</,
  "08-step-date": "Property 'getTime' does not exist on type 'string'.",
  "09-sync-on-async": "Type 'never' has no call signatures.",
  "10-error-code": "Argument of type '\"korked\"' is not assignable to parameter of type '\"corked\"'.",
  "11-mismatched-adapter":
    /^Type '\{ run\(sql: string\): void; \}' is missing the following properties from type 'PgTransaction</,
  "12-unnamed-wait": "Expected 2 arguments, but got 1.",
  "13-unique-both": "Type 'string[]' is not assignable to type 'undefined'.",
  "14-map-step": "Property 'get' does not exist on type 'NotJson'.",
  "15-no-adapter": /^Type 'unknown' is not assignable to type 'PgTransaction</,
  "16-tx-without-adapter": "Type '{}' is not assignable to type 'undefined'.",
  "17-filter": "Type '\"done\"' is not assignable to type 'OneOrMore<State> | undefined'.",
  "18-event": "Argument of type '\"finished\"' is not assignable to parameter of type 'keyof RunEvents'.",
  "19-schedule-input":
    "Property 'input' is missing in type '{ every: \"1d\"; }' but required in type '{ input: ((tick: { at: Date; }) => { guest: number; }) | { guest: number; }; }'.",
  "20-failure-data": "Type 'number' is not assignable to type 'string'.",
  "21-policy":
    "Object literal may only specify known properties, but 'backof' does not exist in type 'Retry'. Did you mean to write 'backoff'?",
  "22-declared-output": "Type 'string' is not assignable to type 'number'.",
  "23-many-inputs": "Type 'string' is not assignable to type 'number'.",
  "24-database-for-transaction":
    "Property '#private' in type 'Kysely' refers to a different member that cannot be accessed from within type 'Transaction'.",
  "25-succeed-output": "Type 'string' is not assignable to type 'number'.",
  "26-tx-of-another-library": "Property 'insert' does not exist on type 'PoolClient'.",
  "27-tx-date": "Property 'getTime' does not exist on type 'string'.",
  "28-schedule-zone": "Type 'string' is not assignable to type 'undefined'.",
  "29-failure-job":
    "Property 'image' is missing in type 'RunFailure<undefined>' but required in type '{ image: string; }'.",
  "30-batch-output": "Type 'string' is not assignable to type 'BatchResult<number>'.",
  "31-batch-input": "Property 'to' does not exist on type 'BatchItem<{ to: string; }, {}>'.",
  "32-fair-field":
    "Type '\"tenent\"' is not assignable to type 'By<{ tenant: string; }>'. Did you mean '\"tenant\"'?",
  "33-batch-callback":
    "Property 'image' is missing in type 'BatchSummary' but required in type '{ image: string; }'.",
  "34-upgrade": "'old' is of type 'unknown'.",
  "35-request-tx": "Type '{ query(text: string): Promise<unknown>; }' is not assignable to type 'undefined'.",
  "36-context": "Type 'number' is not assignable to type 'string'.",
};

describe("the wrong programs are refused", async () => {
  const complaints = about("wrong/", await compile("typescript"));
  const programs = readdirSync(`${here}wrong`).map((name) => name.replace(/\.ts$/, ""));

  test("each of them is about one thing, and has its sentence here", () => {
    expect(complaints.map(({ file }) => file)).toEqual(programs.map((name) => `wrong/${name}.ts`));
    expect(Object.keys(refusals)).toEqual(programs);
  });

  test.each(Object.entries(refusals))("%s", (program, sentence) => {
    const complaint = complaints.find(({ file }) => file === `wrong/${program}.ts`);
    expect(complaint?.lines.at(-1)).toEqual(
      typeof sentence === "string" ? sentence : expect.stringMatching(sentence),
    );
  });
});
