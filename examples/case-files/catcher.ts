// cspell:ignore STARTTLS
// A mail server for one demo: takes what comes over SMTP and keeps it in files instead of sending it on.
//
// It answers "250" only when the mail is on the disk, so that a mail it accepted is never lost; and it keeps mails by
// their Message-ID, as mailboxes do, so that one delivered twice is there once.
//
// Before this file comes mail.ts, over a socket. After it comes the demo, which prints what was caught.
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type ParsedMail, simpleParser } from "mailparser";
import { SMTPServer, type SMTPServerDataStream } from "smtp-server";
import { writeWhole } from "./copy.js";

export interface Catcher {
  /** `smtp://127.0.0.1:PORT` */
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts a catcher on a free port of this machine; it keeps what it catches in `folder`. */
export async function startCatcher(folder: string): Promise<Catcher> {
  await mkdir(folder, { recursive: true });
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    onData: (stream, _session, answer) => void keep(stream, folder).then(() => answer(), answer),
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  // What goes wrong in one connection is told to that client, who tries again.
  server.on("error", () => {});
  const address = server.server.address();
  if (address === null || typeof address === "string") throw new Error("The mail catcher has no port.");
  return {
    address: `smtp://127.0.0.1:${address.port}`,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}

async function keep(stream: SMTPServerDataStream, folder: string): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece as Buffer);
  const content = Buffer.concat(pieces);
  const { messageId } = await simpleParser(content);
  const key = createHash("sha256")
    .update(messageId ?? content)
    .digest("hex");
  await writeWhole(join(folder, `${key.slice(0, 16)}.eml`), content);
}

/** The mails in a folder of the catcher. */
export async function caughtIn(folder: string): Promise<ParsedMail[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".eml")).sort();
  return Promise.all(names.map(async (name) => simpleParser(await readFile(join(folder, name)))));
}
