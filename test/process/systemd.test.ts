// What systemd hears of the real program, through its own tool and a real socket.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { folder } from "../cli/duckdive.js";
import { eventually } from "../violence/processes.js";

/** Longer than anything here takes, in milliseconds. */
const patience = 30_000;
const has = (tool: string, ...args: string[]): boolean => spawnSync(tool, args).status === 0;
const canListen = has("systemd-notify", "--version") && has("python3", "-c", "import socket");

/** Takes datagrams at a path and prints each of their lines. Descriptors that come with them are closed by the system. */
const receiver = `
import socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1])
print("listening", flush=True)
while True:
    for line in heard.recv(65536).decode().splitlines():
        print(line, flush=True)
`;

async function listen(path: string): Promise<string[]> {
  const child = spawn("python3", ["-c", receiver, path], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  await eventually(async () => lines.includes("listening"), patience);
  return lines;
}

const ways: [string, string[]][] = [
  ["workers that are looked after", ["--processes", "1"]],
  ["a worker in the process itself", ["--processes", "0"]],
];

test.skipIf(!canListen).each(ways)(
  "systemd is told of %s that they are ready, alive, and stop",
  { timeout: 60_000 },
  async (_title, args) => {
    const here = folder();
    onTestFinished(() => here.remove());
    here.write(
      "jobs.mjs",
      'import { job } from "duckdive"; export const note = job({ name: "note", handle() {} });',
    );
    const socket = join(here.path, "notify");
    const heard = await listen(socket);
    const env = { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "1000000" };
    const program = here.start(["work", "jobs.mjs", ...args], { env });
    await eventually(async () => heard.filter((line) => line === "WATCHDOG=1").length >= 2, patience);

    expect(heard.indexOf("READY=1")).toBeLessThan(heard.indexOf("WATCHDOG=1"));
    expect(heard).toContain("READY=1");
    program.child.kill("SIGTERM");
    expect(await program.ended).toMatchObject({ code: 0 });
  },
);

test("a socket without the tool is said, and nothing else comes of it", { timeout: 60_000 }, async () => {
  const here = folder();
  onTestFinished(() => here.remove());
  here.write(
    "jobs.mjs",
    'import { job } from "duckdive"; export const note = job({ name: "note", handle() {} });',
  );
  const env = { NOTIFY_SOCKET: join(here.path, "nobody"), PATH: "" };
  const program = here.start(["work", "jobs.mjs", "--processes", "0"], { env });
  await program.said(/systemd cannot be told .*systemd-notify/);
  program.child.kill("SIGTERM");
  expect(await program.ended).toMatchObject({ code: 0 });
});
