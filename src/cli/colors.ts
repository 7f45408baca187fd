// Whether to colour, decided for each stream by itself.
//
// The library's own decision is for the whole process and counts a build server as a terminal; a worker whose output
// goes into a log there must not be coloured. `NO_COLOR` and `FORCE_COLOR` are obeyed, in this order.
//
// Before this file comes picocolors. After it come words, tables and output.
import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Whether a stream gets colour: what the environment says, else whether it is a terminal. */
function hasColor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "") return !/^(0|false)$/.test(env.FORCE_COLOR);
  return stream.isTTY === true && env.TERM !== "dumb";
}

/** The colours for a stream; when it gets none they leave the text as it is. */
export function colorsFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): Colors {
  return picocolors.createColors(hasColor(stream, env));
}
