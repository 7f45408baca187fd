// The pipe to the runner: written to at once, because whoever writes there may be gone before the next turn.
//
// Before this file come the protocol's lines. After it comes the runner, which reads them even after this process died.
import { writeSync } from "node:fs";
import { type FromPipe, pipeDescriptor } from "../index.js";

/** Never throws: when nobody reads any more, nobody is left to be told. */
export function tellPipe(line: FromPipe): void {
  try {
    writeSync(pipeDescriptor, `${JSON.stringify(line)}\n`);
  } catch {
    // The runner is gone, or its pipe is full because it stands still itself.
  }
}
