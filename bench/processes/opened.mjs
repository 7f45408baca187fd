// A process of an application that starts: from the first line of its main module until the first run is on record.
// Arguments: store. Tells how long loading duckdive took as well.
const began = performance.now();
const { job, open, storeAt } = await import("../duckdive.mjs");
const loaded = performance.now() - began;
const duckdive = open(storeAt(process.argv[2] ?? ""));
await duckdive.enqueue(job({ name: "nothing", handle: () => {} }));
process.send?.({ milliseconds: performance.now() - began, loaded });
await duckdive.close();
process.disconnect?.();
