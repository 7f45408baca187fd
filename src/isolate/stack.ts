// What a thread executes right now, asked from outside of it: the engine interrupts it for a moment, wherever its JavaScript
// is, and has it say where it stands.
//
// It is not stopped for that, as a debugger would: a thread that is ended while it is stopped never ends. In native code
// there is nothing to interrupt, and no answer comes: then it is not known.
//
// Before this file comes a thread that stands still. After it comes the log of its run.
import type { Session } from "node:inspector";

/** How long an answer is waited for, in milliseconds. */
const patience = 2_000;
const question = "Error.stackTraceLimit = 20, new Error().stack";

/** The stack of a thread of this process; undefined: it cannot be told. */
export async function stackOf(threadId: number): Promise<string | undefined> {
  const inspector = await import("node:inspector");
  const session = new inspector.Session();
  try {
    session.connect();
    return await ask(session, threadId);
  } catch {
    // Somebody has taken the inspector away.
    return undefined;
  } finally {
    session.disconnect();
  }
}

function ask(session: Session, threadId: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), patience);
    session.on("NodeWorker.attachedToWorker", ({ params: { sessionId, workerInfo } }) => {
      // Its id is the inspector's own; the thread's stands in the title.
      if (!workerInfo.title.startsWith(`[worker ${threadId}]`)) return;
      const params = { expression: question, returnByValue: true };
      const message = JSON.stringify({ id: 1, method: "Runtime.evaluate", params });
      session.post("NodeWorker.sendMessageToWorker", { sessionId, message });
    });
    session.on("NodeWorker.receivedMessageFromWorker", ({ params: { message } }) => {
      const { id, result } = JSON.parse(message);
      if (id !== 1) return;
      clearTimeout(timer);
      resolve(stackIn(result?.result?.value));
    });
    session.post("NodeWorker.enable", { waitForDebuggerOnStart: false });
  });
}

/** Without the first two lines, which are those of the question. */
function stackIn(text: unknown): string | undefined {
  if (typeof text !== "string") return undefined;
  const lines = text.split("\n").map((line) => line.trim());
  return lines.slice(2).join("\n");
}
