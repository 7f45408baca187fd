// The tutorial, held to its word: an empty folder, the packed package beside it, and then every block in its order, as somebody
// would type it. A file is written, a command is run to its end, and what stands in the text block below it has to be
// what it prints. A command that stays (```sh stays) has a terminal of its own, in which ```text stays is waited for, and
// ```text ctrl-c after that key was pressed. ```sh fails ends with an error.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { pack, root } from "../package/npm.js";

const page = readFileSync(join(root, "docs/tutorial/index.md"), "utf8");
/** Longer than npm takes on a machine that does other things, in milliseconds. */
const patience = 300_000;

interface Block {
  readonly line: number;
  readonly kind: string;
  readonly information: string;
  readonly text: string;
}

const blocks: Block[] = [...page.matchAll(/^```(\w+)(?: ([^\n]*))?\n(.*?)^```$/gms)].map((found) => {
  const [, kind = "", information = "", text = ""] = found;
  return { line: page.slice(0, found.index).split("\n").length, kind, information, text };
});

/** What a text block stands for. How wide a column is depends on what is in it, so blanks are any number of blanks. */
function pattern(text: string): string {
  const lines = text.trimEnd().split("\n");
  const escaped = (line: string): string => line.replaceAll(/[$()*+.?[\\\]^{|}]/g, "\\$&");
  const parts = lines.map((line) =>
    line === "…" ? "(?:.*\n)*?" : `${escaped(line).replaceAll(/ *… */g, ".*").replaceAll(/ +/g, " +")}[ ]*\n`,
  );
  return parts.join("");
}

/** The reader's environment: not that of this test, nor of the npm that started it. */
function environment(): NodeJS.ProcessEnv {
  const foreign = /^(VITEST|NODE_(ENV|OPTIONS)|npm_(package|lifecycle|command|config_local_prefix)|TEST$)/;
  const own = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  const npm = { npm_config_prefer_offline: "true", npm_config_audit: "false", npm_config_fund: "false" };
  return { ...Object.fromEntries(own), ...npm, NO_COLOR: "1" };
}

/** A terminal in a folder: one command, and all that it prints. */
class Terminal {
  printed = "";
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #heard: () => void = () => {};
  #hasEnded = false;

  constructor(command: string, cwd: string) {
    this.#child = spawn("bash", ["-euo", "pipefail", "-c", command], {
      cwd,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const hear = (data: Buffer): void => {
      this.printed += data.toString();
      this.#heard();
    };
    this.#child.stdout?.on("data", hear);
    this.#child.stderr?.on("data", hear);
    this.ended = new Promise((resolve) => this.#child.on("close", resolve));
    void this.ended.then(() => {
      this.#hasEnded = true;
      this.#heard();
    });
  }

  /** Resolves when this was printed; rejects when the command ends without it. */
  async says(text: string): Promise<void> {
    const wanted = new RegExp(`(?:^|\n)${pattern(text)}`);
    while (!wanted.test(this.printed)) {
      if (this.#hasEnded) expect(this.printed).toMatch(wanted);
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
  }

  /** As the key does it: the whole group hears of it. */
  send(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined || this.#hasEnded) return;
    process.kill(-this.#child.pid, signal);
  }
}

/** Where the blocks are executed: in a folder that is empty, beside the package. */
class Desk {
  readonly folder: string;
  readonly #above = mkdtempSync(join(tmpdir(), "duckdive-tutorial-"));
  #second: Terminal | undefined;
  #printed = "";

  constructor() {
    this.folder = join(this.#above, "shop");
    mkdirSync(this.folder);
    onTestFinished(async () => {
      this.#second?.send("SIGKILL");
      await this.#second?.ended;
      rmSync(this.#above, { recursive: true, force: true });
    });
  }

  async putPackageBeside(): Promise<void> {
    await pack(this.#above);
  }

  async execute({ kind, information, text }: Block): Promise<void> {
    const [, file] = /\bfile=(\S+)/.exec(information) ?? [];
    if (file !== undefined) writeFileSync(join(this.folder, file), text);
    else if (kind === "sh" && information === "stays") this.#second = new Terminal(text, this.folder);
    else if (kind === "sh") this.#printed = await this.#run(text, information === "fails");
    else if (information === "") expect(this.#printed).toMatch(new RegExp(`^${pattern(text)}$`));
    else await this.#hear(text, information === "ctrl-c");
  }

  async #run(text: string, fails: boolean): Promise<string> {
    const terminal = new Terminal(text, this.folder);
    const code = await terminal.ended;
    expect(code === 0, terminal.printed).toBe(!fails);
    return terminal.printed;
  }

  async #hear(text: string, stops: boolean): Promise<void> {
    if (this.#second === undefined) throw new Error("There is no command that this could be the output of.");
    if (stops) this.#second.send("SIGINT");
    await this.#second.says(text);
    if (stops) await this.#second.ended;
  }
}

test(
  "the tutorial, block by block, ends with a green test and a worker that was replaced",
  async () => {
    const desk = new Desk();
    await desk.putPackageBeside();
    expect(blocks.length).toBeGreaterThan(15);
    for (const block of blocks) {
      try {
        await desk.execute(block);
      } catch (error) {
        throw new Error(`docs/tutorial/index.md:${block.line}: ${String(error)}`, { cause: error });
      }
    }
  },
  patience,
);
