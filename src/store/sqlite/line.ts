// A line of runs: which is next, read a page at a time, so that several lines can be merged whatever is in them.
//
// Before this file come lanes and shares, which draw from lines. After it come the statements that read them.

export interface Lane {
  readonly queue: string;
  readonly priority: number;
  readonly route: string;
  /** Its longest-due run; undefined in a lane of runs with shares, which has one of each. */
  readonly first: Position | undefined;
}

/** A run by its place, and when it became due. */
export type Position = readonly [seq: number, runAt: number];

export function placeOf({ queue, priority, route }: Lane): Pick<Lane, "queue" | "priority" | "route"> {
  return { queue, priority, route };
}

/** Runs of which the next is known. */
export interface Line {
  readonly priority: number;
  /** The longest due of them: what the line is compared by. */
  front(): Position | undefined;
  /** Takes the next one, which need not be the longest due, and answers its place. */
  take(): number | undefined;
}

export function isBefore(one: Position, other: Position): boolean {
  return one[1] < other[1] || (one[1] === other[1] && one[0] < other[0]);
}

/** A line that is read page by page, of which the first is known. */
export function pagedLine(
  priority: number,
  first: Position,
  pageSize: number,
  readPage: (after: { seq: number; runAt: number; limit: number }) => readonly Position[],
): Line {
  let page: readonly Position[] = [first];
  let next = 0;
  let isLast = false;
  return {
    priority,
    front() {
      if (next >= page.length && !isLast) {
        const [seq, runAt] = page.at(-1) ?? first;
        page = readPage({ seq, runAt, limit: pageSize });
        next = 0;
        isLast = page.length < pageSize;
      }
      return page[next];
    },
    take: () => page[next++]?.[0],
  };
}
