// The table that people read in the end: faults by kind, what was seen, what was not kept.

/** @typedef {{ planned: number, done: number, notDone: Record<string, number>, shortest: number }} Struck */

/**
 * @param {object} report
 * @param {Record<string, Struck>} report.faults by name
 * @param {Record<string, number>} report.seen
 * @param {Record<string, number>} report.states runs by state
 * @param {Record<string, string>} report.notes
 * @param {readonly import("./audit.mjs").Violation[]} report.violations
 * @param {string} report.replay
 * @returns {string}
 */
export function tableOf({ faults, seen, states, notes, violations, replay }) {
  const rows = Object.entries(faults).map(([name, { planned, done, notDone, shortest }]) => {
    const reasons = Object.entries(notDone).map(([reason, times]) => `${times} not: ${reason}`);
    const room = shortest === 0 ? "" : `; it needs ${shortest} s`;
    return [
      name,
      String(done),
      planned === 0 ? `did not happen: no room in the plan${room}` : reasons.join("; "),
    ];
  });
  return [
    ...aligned([["fault", "done", ""], ...rows]),
    "",
    ...aligned([...Object.entries({ ...seen, ...states }).map(([name, number]) => [name, String(number)])]),
    "",
    ...Object.entries(notes).map(([name, note]) => `${name}: ${note}`),
    `replay: ${replay}`,
    "",
    ...shown(violations),
    `violations ${violations.length}`,
  ].join("\n");
}

const most = 30;

/** @param {readonly import("./audit.mjs").Violation[]} violations */
function shown(violations) {
  /** @type {Record<string, number>} */
  const byRule = {};
  for (const { rule } of violations) byRule[rule] = (byRule[rule] ?? 0) + 1;
  return [
    ...Object.entries(byRule).map(([rule, times]) => `${times} times it does not hold that ${rule}`),
    ...violations.slice(0, most).map(({ run = "", what }) => `  ${run} ${what}`),
    ...(violations.length > most ? [`  and ${violations.length - most} more`] : []),
  ];
}

/** @param {readonly (readonly string[])[]} rows */
function aligned(rows) {
  const widths = [0, 1].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map(([name = "", number = "", note = ""]) =>
    `  ${name.padEnd(widths[0] ?? 0)}  ${number.padStart(widths[1] ?? 0)}  ${note}`.trimEnd(),
  );
}
