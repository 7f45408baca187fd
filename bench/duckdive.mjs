// What is measured: the package as users get it, built by `npm ci` or `npm run build`.
import { postgres } from "../dist/store/postgres/index.js";

export { job, open } from "../dist/index.js";
export { postgres };

/**
 * What `open` is given for an address that went through the arguments of a process.
 * @param {string} address of PostgreSQL with `#quiet` behind it: without notices
 */
export function storeAt(address) {
  if (!address.startsWith("postgres:")) return address;
  const [database = "", how] = address.split("#");
  return postgres({ database, notify: how !== "quiet" });
}
