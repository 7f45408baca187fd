// Live streams: server-sent events, bounded in number, in size and in time.
//
//   how many    in all, and from one address; one more is told to come later
//   how much    whoever does not read is let go of, and resumes where it was when it comes back
//   how long    some minutes, and then the browser comes again by itself: so whoever may not look any more is found out
//
// Before this file come the news. After it comes the route.
import { refused } from "./problem.js";

export const streamLimits = {
  /** From one address. */
  each: 20,
  /** Texts that wait to be read. */
  unread: 500,
  /** Milliseconds. */
  age: 600_000,
  /** A sign of life comes this often, in milliseconds, for what would close a silent connection. */
  beat: 15_000,
} as const;

interface Stream {
  write(text: string): void;
  end(): void;
}

export interface Streams {
  /**
   * A response that is written to until somebody ends it. `begin` is given the stream, and gives back what to do at its end.
   *
   * @throws Refusal: there are too many
   */
  open(
    address: string | undefined,
    caller: AbortSignal,
    begin: (stream: Stream) => Promise<() => void>,
  ): Response;
  /** Ends all of them; none is opened any more. */
  close(): void;
  readonly size: number;
}

export function createStreams(mostStreams: number, onError: (error: unknown) => void): Streams {
  const ends = new Set<() => void>();
  const addresses = new Map<string, number>();
  let isClosed = false;

  function enter(address: string | undefined): () => void {
    const key = address ?? "";
    const before = addresses.get(key) ?? 0;
    const isTooMany = ends.size >= mostStreams || (address !== undefined && before >= streamLimits.each);
    if (isClosed || isTooMany) {
      throw refused("TOO_MANY_STREAMS", "Too many live streams are open. Close some, or come again later.", {
        headers: { "retry-after": "10" },
      });
    }
    addresses.set(key, before + 1);
    return () => {
      const now = (addresses.get(key) ?? 1) - 1;
      if (now === 0) addresses.delete(key);
      else addresses.set(key, now);
    };
  }

  return {
    get size() {
      return ends.size;
    },
    open(address, caller, begin) {
      const exit = enter(address);
      const encoder = new TextEncoder();
      let finish: (() => void) | undefined;
      let isOver = false;
      let end: () => void = () => {};
      const body = new ReadableStream<Uint8Array>(
        {
          start(controller) {
            const write = (text: string): void => {
              if (isOver) return;
              controller.enqueue(encoder.encode(text));
              if ((controller.desiredSize ?? 0) < -streamLimits.unread) end();
            };
            const beat = setInterval(() => write(": still here\n\n"), streamLimits.beat);
            const age = setTimeout(() => end(), streamLimits.age);
            end = () => {
              if (isOver) return;
              isOver = true;
              clearInterval(beat);
              clearTimeout(age);
              ends.delete(end);
              exit();
              finish?.();
              caller.removeEventListener("abort", end);
              controller.close();
            };
            ends.add(end);
            caller.addEventListener("abort", end, { once: true });
            begin({ write, end }).then(
              (after) => {
                finish = after;
                if (isOver) after();
              },
              (error) => {
                onError(error);
                end();
              },
            );
            if (caller.aborted) end();
          },
          cancel: () => end(),
        },
        { highWaterMark: 16 },
      );
      return new Response(body, {
        headers: {
          "content-type": "text/event-stream; charset=utf-8",
          "cache-control": "no-store, no-transform",
          // For a proxy that would gather what comes.
          "x-accel-buffering": "no",
        },
      });
    },
    close() {
      isClosed = true;
      for (const end of ends) end();
    },
  };
}
