// What a process allocates while something is done, as V8 samples it: garbage is the largest part of what a run costs its worker,
// and unlike time it is the same on a busy machine.
//
// Before this file come the processes. After it comes the inspector of Node.
import { Session } from "node:inspector/promises";

/** One allocation in so many bytes is looked at. */
const samplingInterval = 16_384;

/**
 * How many bytes are allocated while something is done, also what is gone by its end.
 * @param {() => Promise<unknown>} act
 */
export async function allocatedWhile(act) {
  const session = new Session();
  session.connect();
  await session.post("HeapProfiler.startSampling", {
    samplingInterval,
    includeObjectsCollectedByMajorGC: true,
    includeObjectsCollectedByMinorGC: true,
  });
  await act();
  const { profile } = await session.post("HeapProfiler.stopSampling");
  session.disconnect();
  return sizeOf(profile.head);
}

/**
 * @param {import("node:inspector").HeapProfiler.SamplingHeapProfileNode} node
 * @returns {number}
 */
function sizeOf({ selfSize, children }) {
  return children.reduce((sum, child) => sum + sizeOf(child), selfSize);
}
