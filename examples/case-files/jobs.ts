// The jobs of this example, in the order in which a case goes through them.
//
//   record-case ──▶ copy-file (one for every file)
//        └────────▶ summarise-case ──▶ mail-summary
//
// Each may run more than once: a worker can die after the work and before its end is recorded. So each is written
// to find its own work done. None is told about retries, crashes or other workers; that is what duckdive is for.
//
// Before this file comes demo.ts, which asks for `record-case`. After it come walk.ts, copy.ts and mail.ts.
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { job } from "duckdive";
import { z } from "zod";
import { type Case, caseInput, placesOf } from "./case.js";
import { copyChecked, isMissing, writeWhole } from "./copy.js";
import { sendSummary } from "./mail.js";
import { duckdive } from "./queue.js";
import { type FileLine, type Manifest, summaryOf } from "./summary.js";
import { type Entry, walk } from "./walk.js";

/** How many requests are under way at once: concurrent ones share a commit. */
const requestsAtOnce = 64;
/** How often a file that cannot be read is tried in all. */
const triesOfFile = 3;
/** Files larger than this say how far they are. */
const large = 256 * 1024;

/** Inside the folder, and nowhere else: the input of a run is data, and data may have been written by anybody. */
const relativePath = z
  .string()
  .min(1)
  .refine((path) => !path.startsWith("/") && !path.split("/").includes(".."), "must stay inside the folder");

/** People are asked to kill this with -9 as often as they like: no run is to blame for that. */
const crashes = 20;

/** Finds every file of a folder and asks for its copy. */
export const recordCase = job({
  name: "record-case",
  input: caseInput,
  crashes,
  retry: { attempts: 20, backoff: { kind: "exponential", base: "500ms", cap: "10s" } },
  timeout: "1h",
  async handle(given, ctx) {
    const places = placesOf(given);
    await mkdir(given.kept, { recursive: true });
    const skipped: Entry[] = [];
    let files = 0;
    let asked: Promise<unknown>[] = [];
    for await (const entry of walk(given.folder)) {
      ctx.signal.throwIfAborted();
      if (entry.kind === "skipped") {
        skipped.push(entry);
        ctx.log.warn(`skipped ${entry.path}: ${entry.why}`);
        continue;
      }
      files += 1;
      const input = { ...given, path: entry.path, size: entry.size };
      // Named by the path: if this handler runs again, it asks for the same runs and not for new ones.
      asked.push(ctx.enqueue(entry.path, copyFile, input, { tags: [given.name] }));
      if (asked.length < requestsAtOnce) continue;
      await Promise.all(asked);
      asked = [];
      ctx.progress(files, undefined, "files found");
    }
    await Promise.all(asked);
    await writeWhole(places.recorded, `${JSON.stringify({ files, skipped }, null, 2)}\n`);
    const summary = await ctx.enqueue("summary", summariseCase, { ...given, files }, { tags: [given.name] });
    ctx.log.info(`recorded ${files} files`);
    return { files, skipped: skipped.length, summary: summary.id };
  },
});

/** Copies one file into the case, with a checksum. */
export const copyFile = job({
  name: "copy-file",
  input: caseInput.extend({ path: relativePath, size: z.number() }),
  queue: "files",
  // A crash counts as an attempt, because a file that kills its worker must not do so for ever. Twenty leave room for
  // somebody who tries what `kill -9` does; a file that cannot be read is given up sooner, by the handler.
  crashes,
  retry: { attempts: 20, backoff: { kind: "fixed", base: "200ms" } },
  timeout: "1h",
  async handle({ path, size, ...given }, ctx) {
    const places = placesOf(given);
    try {
      const copied = await copyChecked({
        source: join(given.folder, path),
        target: join(places.files, path),
        temporary: join(places.incoming, `${ctx.runId}-${ctx.token}`),
        signal: ctx.signal,
        onProgress: (done) => {
          if (size > large) ctx.progress(done, size, path);
        },
      });
      ctx.log.info(`${copied.written ? "copied" : "found its right copy:"} ${path}`);
      return { sha256: copied.sha256, size: copied.size };
    } catch (error) {
      if (ctx.signal.aborted) throw error;
      const reason = isMissing(error)
        ? `${path} is gone: it was there when the case was recorded.`
        : `${path} cannot be copied: ${error instanceof Error ? error.message : String(error)}`;
      // What cannot be read now is seldom readable in an hour: a few tries, close together, then it is reported.
      if (ctx.attempt >= triesOfFile) return ctx.fail(reason);
      throw new Error(reason, { cause: error });
    }
  },
});

/** Waits for the files, then writes the manifest and the summary. */
export const summariseCase = job({
  name: "summarise-case",
  input: caseInput.extend({ files: z.number() }),
  crashes,
  retry: { attempts: 20, backoff: { kind: "exponential", base: "500ms", cap: "10s" } },
  async handle({ files, ...given }, ctx) {
    const ended = { job: copyFile, tag: given.name, state: ["succeeded", "failed", "cancelled"] } as const;
    // Runs have no children in this version, so nobody calls when the last file has ended. A snooze looks again: it
    // holds no worker meanwhile and costs no attempt, however long the files take.
    if ((await duckdive.count(ended)) < files) return ctx.snooze("500ms");

    const manifest = await manifestOf(given);
    const places = placesOf(given);
    await writeWhole(places.manifest, `${JSON.stringify(manifest, null, 2)}\n`);
    await writeWhole(places.summary, summaryOf(manifest));
    await rm(places.incoming, { recursive: true, force: true });
    const mail = await ctx.enqueue("mail", mailSummary, given, { tags: [given.name] });
    ctx.log.info(`wrote case.json and summary.txt`);
    return { copied: manifest.files.filter(({ state }) => state === "succeeded").length, mail: mail.id };
  },
});

/** Sends the summary over SMTP. */
export const mailSummary = job({
  name: "mail-summary",
  input: caseInput,
  queue: "mail",
  crashes,
  retry: { attempts: 20, backoff: { kind: "exponential", base: "500ms", cap: "1m" } },
  timeout: "1m",
  async handle(given, ctx) {
    const sent = await sendSummary(given);
    ctx.log.info(sent ? "sent the summary by mail" : "the mail was sent before");
    return { sent };
  },
});

async function manifestOf(given: Case): Promise<Manifest> {
  const files: FileLine[] = [];
  for await (const run of duckdive.list({ job: copyFile, tag: given.name })) {
    if (!copyFile.is(run)) continue;
    const { state, attempt, input, output, error } = run;
    files.push({
      path: input.path,
      size: output?.size ?? input.size,
      ...(output === undefined ? {} : { sha256: output.sha256 }),
      attempts: attempt,
      state,
      ...(error === undefined || state === "succeeded" ? {} : { error: error.message }),
    });
  }
  files.sort((one, other) => (one.path < other.path ? -1 : 1));
  const recorded: { skipped: { path: string; why: string }[] } = JSON.parse(
    await readFile(placesOf(given).recorded, "utf8"),
  );
  const skipped = recorded.skipped.map(({ path, why }) => ({ path, why }));
  return { case: given.name, folder: given.folder, files, skipped };
}
