// A scale for times: steps that grow by the square root of two, so that a few dozen counters hold how long millions of
// things took, and half and most of them can be told to within a fifth.
//
// Before this file comes nothing. After it come the counts of workers, by step, and the charts that read them.

/** The step that a time in milliseconds is on: the first that reaches it. Step 0 is up to one millisecond. */
export function scaleStep(milliseconds: number): number {
  return milliseconds <= 1 ? 0 : Math.ceil(2 * Math.log2(milliseconds) - 1e-9);
}

/** How far a step reaches, in milliseconds. */
export function scaleReach(step: number): number {
  return 2 ** (step / 2);
}

/**
 * The time within which this part of all things were, from how many were on each step; undefined where there were none.
 *
 * @param part from 0 to 1: 0.5 is the median
 */
export function scaleQuantile(counts: ReadonlyMap<number, number>, part: number): number | undefined {
  const steps = [...counts].filter(([, count]) => count > 0).sort(([one], [other]) => one - other);
  const total = steps.reduce((sum, [, count]) => sum + count, 0);
  let below = 0;
  for (const [step, count] of steps) {
    if (below + count >= part * total) {
      const inside = (part * total - below) / count;
      return step === 0 ? inside : scaleReach(step - 1) * (scaleReach(step) / scaleReach(step - 1)) ** inside;
    }
    below += count;
  }
  return undefined;
}
