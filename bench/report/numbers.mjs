// Numbers as people read them: three digits that mean something, and their unit.
//
// Before this file come results. After it come tables and charts.

/** @param {number} value */
export function number(value) {
  if (value === 0) return "0";
  return Number(value.toPrecision(3)).toLocaleString("en", { maximumFractionDigits: 20 });
}

/**
 * With its unit, and from a second on in seconds.
 * @param {number} value
 * @param {string} unit
 */
export function amount(value, unit) {
  if (unit === "ms" && Math.abs(value) >= 1_000) return amount(value / 1_000, "s");
  if (unit === "s" && value >= 120)
    return value >= 7_200 ? `${number(value / 3_600)} h` : `${number(value / 60)} min`;
  return unit === "x" ? number(value) : `${number(value)} ${unit}`;
}

/**
 * The median, and behind it the lowest and the highest of the rounds.
 * @param {import("./results.mjs").Figure} figure
 */
export function spread({ median, least, most, unit, values }) {
  if (values.length < 2) return amount(median, unit);
  return `${amount(median, unit)} (${plain(least, median, unit)}–${plain(most, median, unit)})`;
}

/**
 * In the unit in which the median is said.
 * @param {number} value
 * @param {number} median
 * @param {string} unit
 */
function plain(value, median, unit) {
  return number(unit === "ms" && Math.abs(median) >= 1_000 ? value / 1_000 : value);
}

/** @param {number} share from 0 to 1 */
export function percent(share) {
  return `${Math.round(share * 100)} %`;
}

/** @param {number} ratio */
export function times(ratio) {
  return `${number(ratio)} ×`;
}
