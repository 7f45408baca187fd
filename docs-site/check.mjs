// Follows every link of the built site, pictures and scripts as well: each leads to a file of it, and each anchor to a place in
// that file. VitePress itself looks at links between pages only, and at no anchor.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const site = fileURLToPath(new URL(".vitepress/dist", import.meta.url));
const files = readdirSync(site, { recursive: true, encoding: "utf8" }).filter((path) =>
  path.endsWith(".html"),
);
/** @type {Map<string, string>} */
const texts = new Map(files.map((file) => [join(site, file), readFileSync(join(site, file), "utf8")]));

/**
 * The file that an address of the site leads to.
 * @param {string} from
 * @param {string} path
 */
function fileAt(from, path) {
  if (path === "") return from;
  const at = path.startsWith("/") ? join(site, path) : join(dirname(from), path);
  const tried = [at, `${at}.html`, join(at, "index.html")];
  return tried.find((one) => existsSync(one) && statSync(one).isFile());
}

/**
 * What is wrong with a link, or nothing.
 * @param {string} from
 * @param {string} address
 */
function fault(from, address) {
  const [path = "", anchor = ""] = decodeURIComponent(address).split("#");
  const file = fileAt(from, path);
  const where = `${relative(site, from)}: ${address}`;
  if (file === undefined) return `${where} leads nowhere`;
  const isThere = anchor === "" || (texts.get(file) ?? "").includes(`id="${anchor}"`);
  return isThere ? undefined : `${where} has no such place`;
}

const faults = [...texts].flatMap(([file, text]) => {
  const addresses = [...text.matchAll(/ (?:href|src)="([^"]+)"/g)].map(([, address = ""]) => address);
  const own = addresses.filter((address) => !/^([a-z]+:|\/\/)/.test(address));
  return own.flatMap((address) => fault(file, address) ?? []);
});
for (const one of faults) console.error(one);
console.log(`${texts.size} pages, ${faults.length} links that lead nowhere`);
if (faults.length > 0 || texts.size < 60) process.exitCode = 1;
