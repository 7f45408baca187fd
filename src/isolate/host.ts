// What an isolate lives in, as its worker sees it: something to send to, and that ends.
//
// A thread and a process are the same from here. Each says how it ended, and whether that was for want of memory.
//
// Before this file comes the protocol. After it come thread.ts and process.ts, which start one.
import type { FromIsolate, ToIsolate } from "./protocol.js";

/** How it ended. */
export interface HostEnd {
  readonly reason: "out-of-memory" | "exited" | "crashed";
  /** As a sentence without its subject: "called process.exit(7)". */
  readonly how: string;
}

export interface HostParts {
  /** What one execution may use, in bytes. */
  readonly memory: number;
  readonly onMessage: (message: FromIsolate) => void;
  /** Called once; nothing is said after it. */
  readonly onEnd: (end: HostEnd) => void;
  /** Its event loop has stood still for so many milliseconds; `stack`: what holds it, where that could be told. */
  readonly onBlocked: (milliseconds: number, stack: string | undefined) => void;
}

export interface Host {
  send(message: ToIsolate): void;
  /** An execution begins, or has ended: what is watched only meanwhile. */
  watch(isExecuting: boolean): void;
  /** Resolves when it is gone. */
  kill(): Promise<void>;
}

/** A file of what runs inside. Sources are run by tests, and no thread of Node could load them: then it is what was built. */
export function insideFile(name: string): URL {
  const isSource = import.meta.url.endsWith(".ts");
  return new URL(`${isSource ? "../../dist/isolate" : "."}/inside/${name}`, import.meta.url);
}
