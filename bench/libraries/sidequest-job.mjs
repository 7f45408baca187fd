// The job of Sidequest, which imports this file by itself where it executes it.

/** By a name in a variable: it is not installed where types are checked. */
const library = "sidequest";
const { Job, Sidequest } = await import(library);

/** @type {(input: any) => unknown} */
let handler = () => {};

/** @param {(input: any) => unknown} handle */
export function setHandler(handle) {
  handler = handle;
}

export class ParcelJob extends Job {
  /** @param {unknown} input */
  run(input) {
    return handler(input);
  }
}

export { Sidequest };
