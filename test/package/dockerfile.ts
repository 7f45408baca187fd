// As much of a Dockerfile as can be judged without Docker: its instructions, one a line, and what they hold.

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

const known = new Set(["FROM", "ENV", "WORKDIR", "COPY", "RUN", "VOLUME", "USER", "HEALTHCHECK", "CMD"]);

/** The instructions of a Dockerfile. Throws for a line that is none, and for one before `FROM`. */
export function instructionsOf(dockerfile: string): Instruction[] {
  const lines = dockerfile.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  const instructions = lines.map((line) => {
    const [, name = "", text = ""] = /^([A-Z]+) (\S.*)$/.exec(line) ?? [];
    if (!known.has(name)) throw new Error(`Not an instruction: ${line}`);
    return { name, text };
  });
  if (instructions[0]?.name !== "FROM") throw new Error("An image begins with FROM.");
  return instructions;
}

/** What follows an instruction that is there once. */
export function textOf(instructions: readonly Instruction[], name: string): string {
  const [only, ...others] = instructions.filter((instruction) => instruction.name === name);
  if (only === undefined || others.length > 0)
    throw new Error(`${name} is there ${others.length === 0 ? "never" : "twice"}.`);
  return only.text;
}

/** A command without a shell, as it has to be for process 1: a list of words in JSON, after the options. */
export function commandIn(text: string): string[] {
  const words: unknown = JSON.parse(text.slice(text.indexOf("[")));
  if (!Array.isArray(words) || !words.every((word) => typeof word === "string"))
    throw new Error(`Not a list of words: ${text}`);
  return words;
}
