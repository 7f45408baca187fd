// What is measured: the package as users get it, built by `npm ci` or `npm run build`.
import { storeOf } from "../dist/address.js";
import { systemClock } from "../dist/kernel/index.js";
import { assemble } from "../dist/open.js";
import { attend } from "../dist/runner/child/index.js";
import { attendedBy } from "../dist/runner/index.js";
import { postgres } from "../dist/store/postgres/index.js";

export { job, open } from "../dist/index.js";
export { pg as withPg } from "../dist/with/pg.js";
export { sqlite as withSqlite } from "../dist/with/sqlite.js";
export { attendedBy, postgres };

/**
 * What `open` is given for an address that went through the arguments of a process.
 * @param {string} address of PostgreSQL with `#quiet` behind it: without notices
 */
export function storeAt(address) {
  if (!address.startsWith("postgres:")) return address;
  const [database = "", how] = address.split("#");
  return postgres({ database, notify: how !== "quiet" });
}

/**
 * `open` for a process that may have a runner: then its worker is looked after, as one of `duckdive work` is.
 * @param {string} address
 * @param {import("../dist/index.js").OpenOptions} options
 */
export function openWorker(address, options) {
  const given = storeAt(address);
  const store = (/** @type {(error: unknown) => void} */ onError) => storeOf(given, options, onError);
  const { duckdive, work } = assemble({ clock: systemClock, options, store });
  const attendant = attend();
  return {
    duckdive,
    /** @param {import("../dist/index.js").WorkOptions} [asked] */
    work(asked) {
      const worker = work(asked, attendant?.attendance);
      const stop = (/** @type {number | undefined} */ drain) => void worker.stop({ drain: drain ?? 0 });
      attendant?.speakFor(worker, { stop, onError: console.error });
      return worker;
    },
  };
}
