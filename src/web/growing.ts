// Counters that only grow, from counts by the minute that are forgotten again.
//
// The store keeps minutes for some hours, and workers tell of a minute while it lasts and a little later. What a scraper wants is a
// number that grows from the start of this process. So it is remembered how much of each minute was seen, and what has come
// since is added. The first reading adds nothing: what was counted before this process began was not counted by it, and after
// a restart a scraper takes every number below the one before for growth.
//
// Pure but for what it remembers. Before this file come the counts. After it come the families.

/** Amounts of one minute, under names. */
interface Amounts {
  readonly at: Date;
  /** What they are of: its labels, as one text. */
  readonly key: string;
  readonly amounts: Readonly<Record<string, number>>;
}

export interface Growing {
  /** Takes in what was read. */
  add(read: readonly Amounts[]): void;
  /** What has grown, by key. */
  readonly totals: ReadonlyMap<string, Readonly<Record<string, number>>>;
  /** Minutes before this one will not be read again. */
  forget(before: Date): void;
}

export function createGrowing(): Growing {
  const seen = new Map<string, { readonly at: Date; readonly amounts: Record<string, number> }>();
  const totals = new Map<string, Record<string, number>>();
  let isFirst = true;

  function grow(key: string, name: string, by: number): void {
    const total = totals.get(key) ?? {};
    total[name] = (total[name] ?? 0) + by;
    totals.set(key, total);
  }

  return {
    totals,
    add(read) {
      for (const { at, key, amounts } of read) {
        const place = `${at.getTime()} ${key}`;
        const before = seen.get(place)?.amounts ?? {};
        const now = { ...before };
        for (const [name, amount] of Object.entries(amounts)) {
          // Two scrapes at once may be answered in the other order.
          const more = Math.max(0, amount - (before[name] ?? 0));
          grow(key, name, isFirst ? 0 : more);
          now[name] = (before[name] ?? 0) + more;
        }
        seen.set(place, { at, amounts: now });
      }
      isFirst = false;
    },
    forget(before) {
      for (const [place, { at }] of seen) if (at < before) seen.delete(place);
    },
  };
}
