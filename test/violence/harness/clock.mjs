// Loaded into a worker before anything else: its wall clock, which a fault may move.
//
// `Date` reads the computer's clock plus an offset that stands in a file named after the process. Only what people call
// the time is moved, as by an administrator or a time server; timers and the monotonic clock go on as they did.
//
// Before this file comes NODE_OPTIONS. After it comes the product, which knows nothing of it.
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** How soon a change is seen, in milliseconds. */
const every = 200;

const folder = process.env.VIOLENCE_CLOCKS;
if (folder !== undefined) moveWith(join(folder, String(process.pid)), join(folder, "all"));

/**
 * The offset of this process, else that of all.
 * @param {...string} files
 */
function moveWith(...files) {
  const RealDate = Date;
  const realNow = Date.now;
  let offset = 0;
  class MovedDate extends RealDate {
    /** @param {...unknown} parts */
    constructor(...parts) {
      if (parts.length === 0) super(realNow() + offset);
      // @ts-expect-error: whatever is given goes on as it is
      else super(...parts);
    }
    /** @override */
    static now() {
      return Math.floor(realNow() + offset);
    }
  }
  globalThis.Date = /** @type {DateConstructor} */ (/** @type {any} */ (MovedDate));
  const look = () => {
    offset = files.map(offsetIn).find((found) => found !== undefined) ?? 0;
  };
  look();
  setInterval(look, every).unref();
}

/** @param {string} file */
function offsetIn(file) {
  try {
    return Number(readFileSync(file, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}
