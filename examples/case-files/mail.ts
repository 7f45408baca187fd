// Sends the summary of a case by SMTP, once as far as that can be had.
//
// A marker beside the case says that a server accepted the mail; with it there, nothing is sent. That leaves one gap: a
// worker that dies after the server's "250" and before the marker is on the disk sends again. SMTP has no way to ask
// "do you have this one?", so no program can close it: at least once is what mail gives. What helps is that both mails
// are the same mail, with the same Message-ID made of the case, by which mailboxes recognise a repeat (the catcher of
// this demo does).
//
// Before this file comes `mail-summary`. After it comes catcher.ts, or any other mail server.
import { readFile, stat } from "node:fs/promises";
import { createTransport } from "nodemailer";
import { type Case, placesOf } from "./case.js";
import { isMissing, writeWhole } from "./copy.js";
import type { Manifest } from "./summary.js";

/** Sends the summary. False: it was sent before. */
export async function sendSummary(given: Case): Promise<boolean> {
  const places = placesOf(given);
  if (await exists(places.mailSent)) return false;
  const manifest: Manifest = JSON.parse(await readFile(places.manifest, "utf8"));
  const missing = manifest.files.filter(({ state }) => state !== "succeeded").length;
  const messageId = messageIdOf(given);
  const transport = createTransport(process.env.CASE_FILES_SMTP ?? "smtp://127.0.0.1:1025");
  try {
    const { response } = await transport.sendMail({
      messageId,
      from: "Case files <case-files@duckdive.example>",
      to: "Archive <archive@duckdive.example>",
      subject: `${given.name}: ${manifest.files.length} files, ${missing === 0 ? "all copied" : `${missing} missing`}`,
      text: await readFile(places.summary, "utf8"),
      attachments: [{ filename: "case.json", path: places.manifest }],
    });
    await writeWhole(places.mailSent, `${JSON.stringify({ messageId, response })}\n`);
    return true;
  } finally {
    transport.close();
  }
}

/** The same for the same case, for ever. */
export function messageIdOf({ name }: Case): string {
  return `<summary.${Buffer.from(name).toString("hex")}@duckdive.example>`;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}
