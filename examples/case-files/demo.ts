// The demo: records a folder with background jobs, in front of your eyes, and checks what came of it.
//
// It asks for one run, `record-case`, and starts a worker in a process of its own; everything else follows from the
// jobs. It may be killed at any time, with its worker or without. Started again with the same folder it is the same
// case, in the same store: what is done stays done, what was under way begins again, and nothing is asked for twice.
//
// Before this file comes the command line. After it come worker.ts, catcher.ts and the jobs.
import { readFile, rm, unlink } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { open } from "duckdive";
import picocolors from "picocolors";
import { type Case, caseOf, placesOf, recordingId } from "./case.js";
import { caughtIn, startCatcher } from "./catcher.js";
import { isMissing } from "./copy.js";
import { copyFile, mailSummary, recordCase, summariseCase } from "./jobs.js";
import { messageIdOf } from "./mail.js";
import { makeSample, vanishing } from "./sample.js";
import { type Manifest, nameFor, tableOf } from "./summary.js";
import { startWorker } from "./supervise.js";
import { differences } from "./verify.js";

const { bold, dim, green, red } = picocolors;
const usage = `Usage: npm run demo -- [FOLDER] [--out FOLDER] [--fresh]

  FOLDER        what to record; a sample that comes with the demo unless given
  --out FOLDER  where cases are kept; .cache/case-files in the repository unless given
  --fresh       forgets what was recorded of this folder before`;

process.exitCode = await main().catch((error: unknown) => {
  console.error(red(error instanceof Error ? error.message : String(error)));
  return 1;
});

async function main(): Promise<number> {
  const asked = askedFor();
  if (asked === undefined) return 2;
  const sample = asked.folder === undefined ? join(asked.out, "sample", "sample-case") : undefined;
  if (sample !== undefined) {
    if (asked.fresh) await rm(sample, { recursive: true, force: true });
    await makeSample(sample);
  }
  const given = caseOf(sample ?? asked.folder ?? ".", asked.out);
  if (isInside(given.kept, given.folder)) {
    console.error(
      red(`The case would be kept inside the folder that it records. Use --out with a folder outside.`),
    );
    return 2;
  }
  if (asked.fresh) await rm(given.kept, { recursive: true, force: true });
  const manifest = await record(given, sample);
  const found = await differences(given, manifest);
  for (const difference of found) console.error(red(`  ${difference}`));
  if (found.length === 0)
    console.log(green("Every copy has the bytes of its source and the checksum of case.json."));
  const failed = manifest.files.filter(({ state }) => state !== "succeeded").map(({ path }) => path);
  const expected = sample === undefined ? [] : [vanishing];
  if (sample !== undefined) console.log(`"${vanishing}" failed, as it should: the demo took it away itself.`);
  console.log(dim(`Everything is in ${given.kept}`));
  console.log(dim(`Look into it: npm run -s duckdive -- runs --store "${placesOf(given).store}"`));
  return found.length === 0 && failed.join() === expected.join() ? 0 : 1;
}

/** What the command line asks for; undefined when it cannot be understood, or was answered here. */
function askedFor(): { folder: string | undefined; out: string; fresh: boolean } | undefined {
  // npm starts programs in the folder of package.json, and remembers where the caller stands.
  const here = process.env.INIT_CWD ?? process.cwd();
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        out: { type: "string" },
        fresh: { type: "boolean", default: false },
        help: { type: "boolean" },
      },
    });
    if (positionals.length > 1) throw new Error("The demo records one folder.");
    if (values.help) throw new Error("");
    const out = values.out ?? fileURLToPath(new URL("../../.cache/case-files", import.meta.url));
    const folder = positionals[0] === undefined ? undefined : resolve(here, positionals[0]);
    return { folder, out: resolve(here, out), fresh: values.fresh };
  } catch (error) {
    console.error(`${error instanceof Error && error.message !== "" ? `${error.message}\n\n` : ""}${usage}`);
    return undefined;
  }
}

/** Has the case recorded, or goes on where it was left; resolves when its mail was sent. */
async function record(given: Case, sample: string | undefined): Promise<Manifest> {
  const places = placesOf(given);
  const catcher = await startCatcher(places.mailbox);
  await using duckdive = open(places.store);
  const run = await duckdive.enqueue(recordCase, given, { id: recordingId(given), tags: [given.name] });
  const before = await run.get();
  console.log(`${bold(given.name)} ${dim(`records ${nameFor(given.folder)}`)}`);
  if (!run.created)
    console.log(dim("This case was begun before: it goes on where it was. --fresh begins anew."));
  // Time for the sample's file to vanish: copying waits until recording is done.
  if (sample !== undefined && before.state !== "succeeded") await duckdive.pause({ job: copyFile });

  const worker = startWorker({ DUCKDIVE_STORE: places.store, CASE_FILES_SMTP: catcher.address });
  try {
    const work = async (): Promise<void> => {
      const recorded = await run.result();
      if (sample !== undefined) {
        await remove(join(sample, vanishing));
        await duckdive.resume({ job: copyFile });
      }
      const summary = await duckdive.run(summariseCase, recorded.summary).result();
      await duckdive.run(mailSummary, summary.mail).result();
    };
    await Promise.race([work(), worker.gone]);
  } finally {
    await worker.stop();
    await catcher.stop();
  }
  const manifest: Manifest = JSON.parse(await readFile(places.manifest, "utf8"));
  await show(given, manifest);
  return manifest;
}

async function show(given: Case, manifest: Manifest): Promise<void> {
  console.log(`\n${tableOf(manifest, 40)}\n`);
  const mails = await caughtIn(placesOf(given).mailbox);
  for (const { subject, to, text } of mails) {
    const receiver = Array.isArray(to) ? to.map(({ text }) => text).join(", ") : to?.text;
    console.log(`${bold("Mail")} to ${receiver ?? "nobody"}: ${bold(subject ?? "")}`);
    console.log(dim((text ?? "").trimEnd().replaceAll(/^/gm, "  │ ")), "\n");
  }
  if (mails.length !== 1 || mails[0]?.messageId !== messageIdOf(given))
    throw new Error(`There should be one mail about this case, and there are ${mails.length}.`);
}

function isInside(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way === "" || !(way === ".." || way.startsWith(`..${sep}`) || resolve(way) === way);
}

async function remove(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
