// What a case is on disk: a folder of its own, named after the folder it records, with the same names inside each time.
//
// The id of a case is made of the path of its folder and of where it is kept, so that starting again is the same case,
// and asking for the same runs. Everything that jobs and the demo agree on about files stands here.
//
//   <out>/<case>/duckdive.db      the store of the runs
//                files/…          the copies
//                incoming/…       copies under way
//                recorded.json    what was found in the folder
//                case.json        the manifest, with checksums
//                summary.txt      for people
//                mail-sent.json   the marker: the mail was accepted
//                mailbox/…        what the local catcher received
import { createHash } from "node:crypto";
import { realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";

/** What every job of a case is given: where it reads, and where it writes. */
export const caseInput = z.object({
  /** The name of the case, also the tag of all its runs. */
  name: z.string(),
  folder: z.string(),
  /** The folder of the case. */
  kept: z.string(),
});

export type Case = z.infer<typeof caseInput>;

/** The case of a folder. @throws when there is no such folder, or something else stands there */
export function caseOf(folder: string, out: string): Case {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`There is no folder ${folder}. Name one that is there.`);
  if (!found.isDirectory())
    throw new Error(`${folder} is not a folder. Name the folder it is in: ${dirname(folder)}`);
  const real = realpathSync(folder);
  const slug = basename(real).replaceAll(/[^\p{L}\p{N}._-]+/gu, "-") || "root";
  const name = `${slug.slice(0, 40)}-${digestOf(real).slice(0, 8)}`;
  return { name, folder: real, kept: join(resolve(out), name) };
}

/** The id of the run that records this case: a UUID made of where the case is, so that asking twice is asking once. */
export function recordingId({ folder, kept }: Case): string {
  const digits = digestOf(`${folder}\0${kept}`);
  const variant = (0x8 | (Number.parseInt(digits.charAt(16), 16) & 0x3)).toString(16);
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    `8${digits.slice(13, 16)}`,
    `${variant}${digits.slice(17, 20)}`,
    digits.slice(20, 32),
  ].join("-");
}

/** The places of a case. */
export function placesOf({ kept }: Pick<Case, "kept">) {
  return {
    store: `sqlite:${join(kept, "duckdive.db")}`,
    files: join(kept, "files"),
    incoming: join(kept, "incoming"),
    recorded: join(kept, "recorded.json"),
    manifest: join(kept, "case.json"),
    summary: join(kept, "summary.txt"),
    mailSent: join(kept, "mail-sent.json"),
    mailbox: join(kept, "mailbox"),
  };
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
