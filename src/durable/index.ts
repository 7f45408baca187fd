// Durable work: a handler that waits is readable top to bottom, and crash-proof at every line.
//
//   engine    one execution against the record of its run: calls, turns, delivery in recorded order, suspension
//   steps     work that is done once, and work that is asked for until it gives something back
//   children  runs that a handler starts and waits for
//   waits     time and signals
//   calls     all of it as `ctx` offers it, by name, under a prefix
//
// A suspended handler is never resumed half-way: another execution replays it from its record. The loop knows nothing of
// this but that an execution may end as suspended.
export { createDurable } from "./calls.js";
