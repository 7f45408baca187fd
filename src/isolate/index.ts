// The door of `isolate/`: handlers that run where they can be killed.
//
//   protocol.ts   what a worker and its isolates say to each other
//   thread.ts     an isolate in a thread; process.ts: one in a process of its own; host.ts: what both are
//   one.ts        one isolate, from its start to its end
//   pool.ts       all of them: kept warm, reused, replaced
//   serve.ts      what a handler may ask of the store
//   stack.ts      what holds the event loop of a thread
//   inside/       the other side: what runs in the thread, or the process
//
// The loop knows executions elsewhere as `Isolation`; the worker brings this one.
export {
  IsolateCrashedError,
  IsolateExitedError,
  IsolateNotStartedError,
  IsolateOutOfMemoryError,
} from "./errors.js";
export { createIsolates, fromModules, type IsolateSource, type Isolates } from "./pool.js";
export {
  type Beginning,
  type FromIsolate,
  isolateMark,
  receivedError,
  type SentEvent,
  sentError,
  sentFields,
  type ToIsolate,
} from "./protocol.js";
export { flushNotes, servedVerbs } from "./serve.js";
