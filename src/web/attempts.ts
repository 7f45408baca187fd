// Wrong tokens, counted by whence they came: too many within a time, and none is looked at from there for the rest of it.
//
// Bounded: of the addresses that guess, the last ones are remembered. An address that is not known is one like others.
//
// Before this file comes the clock. After it comes access.

/** So many wrong ones within so many milliseconds. */
export const attemptLimit = { wrong: 10, within: 60_000 } as const;
const mostAddresses = 10_000;

export interface Attempts {
  /** How long nothing is looked at from there, in milliseconds; 0: it is. */
  blockedFor(address: string): number;
  wrong(address: string): void;
  right(address: string): void;
}

export function createAttempts(now: () => number): Attempts {
  const counts = new Map<string, { since: number; wrong: number }>();
  const current = (address: string): { since: number; wrong: number } | undefined => {
    const count = counts.get(address);
    if (count !== undefined && now() - count.since < attemptLimit.within) return count;
    counts.delete(address);
    return undefined;
  };
  return {
    blockedFor(address) {
      const count = current(address);
      if (count === undefined || count.wrong < attemptLimit.wrong) return 0;
      return count.since + attemptLimit.within - now();
    },
    wrong(address) {
      const count = current(address) ?? { since: now(), wrong: 0 };
      count.wrong += 1;
      counts.set(address, count);
      if (counts.size <= mostAddresses) return;
      for (const oldest of counts.keys()) return void counts.delete(oldest);
    },
    right(address) {
      counts.delete(address);
    },
  };
}
