// Of what was used while measuring: servers tell their versions when they have started; the libraries' stand in what is
// installed.
//
// Before this file come servers and bench/package.json. After it come the results.
import { readFileSync } from "node:fs";

/** @type {Map<string, string>} */
const told = new Map();

/**
 * What a server is.
 * @param {string} name
 * @param {string} version
 */
export function used(name, version) {
  told.set(name, version);
}

/** Every version that says something about a figure, by the name of what has it. */
export function versions() {
  const libraries = Object.keys(read("./package.json").dependencies);
  const installed = libraries.flatMap((name) => {
    const version = read(`./node_modules/${name}/package.json`)?.version;
    return version === undefined ? [] : [[name, version]];
  });
  const duckdive = read("../package.json").version;
  return { duckdive, node: process.versions.node, ...Object.fromEntries([...told, ...installed]) };
}

/** @param {string} path */
function read(path) {
  try {
    return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
  } catch {
    return undefined;
  }
}
