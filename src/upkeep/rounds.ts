// One at a time, and never too few: work that is asked for by wake-ups.
//
// A wake-up that comes while the work is under way may be about something the work has read past already, so it is not
// dropped and not run beside it: it asks for one more round, however many of them come. The promise of every call is
// that of the last round it may need.
export function rounds(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let again = false;

  async function runAll(): Promise<void> {
    try {
      do {
        again = false;
        await work();
      } while (again);
    } finally {
      // In the same step as the last look at `again`: a call in between would be lost.
      running = undefined;
    }
  }

  return () => {
    again = true;
    running ??= runAll();
    return running;
  };
}
