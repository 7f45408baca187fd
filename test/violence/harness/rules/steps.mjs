// Steps: each is done by a run that succeeded, and done again only after an execution that was cut short.
import { linesBy } from "../evidence.mjs";
import { kinds } from "../kinds.mjs";

/** @typedef {import("../evidence.mjs").Evidence} Evidence */
/** @typedef {import("../audit.mjs").Found} Found */

/** @param {Evidence} evidence @returns {Generator<Found>} */
export function* undone({ lines, runs }) {
  const stepped = linesBy(lines, "stepped");
  for (const [id, { run }] of runs) {
    if (run.state !== "succeeded") continue;
    const done = new Set((stepped.get(id) ?? []).map(({ name }) => name));
    for (const name of kinds[run.job]?.steps ?? [])
      if (!done.has(name)) yield { run: id, what: `it has succeeded, and "${name}" was never done` };
  }
}

/**
 * An execution that was suspended, or ended its run, has all on record that it did.
 * @param {Evidence} evidence
 * @returns {Generator<Found>}
 */
export function* repeated({ lines }) {
  const settled = linesBy(lines, "settled");
  for (const [run, steps] of linesBy(lines, "stepped")) {
    const whole = new Set(
      (settled.get(run) ?? [])
        .filter(({ state, waits }) => state === "succeeded" || waits === "entries")
        .map(({ token }) => token),
    );
    for (const { name, token, at } of steps) {
      const again = steps.find((other) => other.name === name && other.token > token && other.at > at);
      if (again !== undefined && whole.has(token))
        yield {
          run,
          what: `token ${token} has recorded "${name}", and token ${again.token} has done it again`,
        };
    }
  }
}
