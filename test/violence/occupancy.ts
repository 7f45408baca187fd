// Who was in at the same time: executions as intervals on one clock, and how many of them overlapped at each gate.
//
// Pure. A worker that is killed writes no end: its executions end when it was killed. Times are nanoseconds of the
// monotonic clock, which all processes of a machine share.
export interface Interval {
  readonly run: string;
  readonly gates: readonly string[];
  readonly from: bigint;
  readonly to: bigint;
}

/** A line that a worker has written about one of its executions. */
export interface Line {
  readonly what: "begin" | "end";
  readonly run: string;
  readonly token: number;
  readonly at: string;
  readonly gates: readonly string[];
}

/** The executions of one process. What has no end ended at `death`. */
export function intervalsOf(lines: readonly Line[], death: bigint | undefined): Interval[] {
  const ends = new Map(
    lines.filter(({ what }) => what === "end").map((line) => [`${line.run} ${line.token}`, BigInt(line.at)]),
  );
  return lines
    .filter(({ what }) => what === "begin")
    .map(({ run, token, at, gates }) => {
      const to = ends.get(`${run} ${token}`) ?? death;
      if (to === undefined) throw new Error(`Run ${run} has no end in a process that was not killed.`);
      return { run, gates, from: BigInt(at), to };
    });
}

/** The most that were in at once, at each gate, and which those were. */
export function busiest(intervals: readonly Interval[]): Map<string, readonly string[]> {
  const byGate = new Map<string, Interval[]>();
  for (const interval of intervals) {
    for (const gate of interval.gates) {
      const known = byGate.get(gate);
      if (known === undefined) byGate.set(gate, [interval]);
      else known.push(interval);
    }
  }
  return new Map([...byGate].map(([gate, some]) => [gate, mostAtOnce(some)]));
}

function mostAtOnce(intervals: readonly Interval[]): readonly string[] {
  const moments = intervals
    .flatMap(({ run, from, to }) => [
      { at: from, run, isBegin: true },
      { at: to, run, isBegin: false },
    ])
    // One that begins at the very time at which another ends does not overlap it.
    .sort((one, other) =>
      one.at < other.at ? -1 : one.at > other.at ? 1 : Number(one.isBegin) - Number(other.isBegin),
    );
  const inside: string[] = [];
  let most: readonly string[] = [];
  for (const { run, isBegin } of moments) {
    if (isBegin) inside.push(run);
    else inside.splice(inside.indexOf(run), 1);
    if (inside.length > most.length) most = [...inside];
  }
  return most;
}

/** The most moments that lie in any window of this length, its end left out. */
export function mostInWindow(moments: readonly number[], length: number): number {
  const sorted = [...moments].sort((one, other) => one - other);
  let most = 0;
  let first = 0;
  sorted.forEach((moment, index) => {
    while (moment - (sorted[first] ?? moment) >= length) first += 1;
    most = Math.max(most, index - first + 1);
  });
  return most;
}
