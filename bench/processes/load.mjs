// A client process. Arguments: what to do, store, how much. `bulk`: so many runs, 1,000 a call; `enqueue64`: 64 callers
// that enqueue so many each.
import { open, storeAt } from "../duckdive.mjs";
import { parcel, parcelInput, together } from "../measure.mjs";

const [action = "", store = "", given = "0"] = process.argv.slice(2);
const amount = Number(given);
const duckdive = open(storeAt(store));
await duckdive.ready();
const before = process.cpuUsage();
const answer = action === "bulk" ? await bulk() : await enqueue64();
const { user, system } = process.cpuUsage(before);
await duckdive.close();
process.send?.({ ...answer, cpu: user + system });
process.disconnect?.();

async function bulk() {
  const inputs = Array.from({ length: 1_000 }, () => parcelInput);
  const start = performance.now();
  for (let asked = 0; asked < amount; asked += inputs.length) await duckdive.enqueueMany(parcel, inputs);
  return { rate: amount / ((performance.now() - start) / 1000) };
}

function enqueue64() {
  return together(64, amount, () => duckdive.enqueue(parcel, parcelInput));
}
