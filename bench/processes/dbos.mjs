// A process of DBOS that does durable work, from asking for the workflows to the last result. Arguments: what to do, address,
// how much. `steps`: so many workflows of ten steps, a hundred of them at once; `fan`: one workflow with so many children.
// Workflows are started in the process that executes them, which spares them the queue.

/** By a name in a variable: it is not installed where types are checked. */
const library = "@dbos-inc/dbos-sdk";
const { DBOS } = await import(library);
const [action = "", url = "", given = "0"] = process.argv.slice(2);
const amount = Number(given);

const tenSteps = DBOS.registerWorkflow(
  async () => {
    for (let number = 0; number < 10; number += 1)
      await DBOS.runStep(async () => number, { name: `step ${number}` });
  },
  { name: "ten-steps" },
);
const leaf = DBOS.registerWorkflow(async () => 1, { name: "leaf" });
const fan = DBOS.registerWorkflow(
  async () => {
    const handles = [];
    for (let number = 0; number < amount; number += 1) handles.push(await DBOS.startWorkflow(leaf)());
    let length = 0;
    for (const handle of handles) length += await handle.getResult();
    return length;
  },
  { name: "fan" },
);

DBOS.setConfig({
  name: "bench",
  systemDatabaseUrl: url,
  systemDatabasePoolSize: 20,
  logLevel: "error",
  runAdminServer: false,
});
await DBOS.launch();
const before = process.cpuUsage();
const start = performance.now();
if (action === "steps") await steps();
else if ((await (await DBOS.startWorkflow(fan)()).getResult()) !== amount)
  throw new Error("Children are missing.");
const milliseconds = performance.now() - start;
const { user, system } = process.cpuUsage(before);
await DBOS.shutdown();
process.send?.({ milliseconds, cpu: user + system });
process.disconnect?.();

async function steps() {
  let asked = 0;
  const caller = async () => {
    while (asked < amount) {
      asked += 1;
      await (await DBOS.startWorkflow(tenSteps)()).getResult();
    }
  };
  await Promise.all(Array.from({ length: 100 }, caller));
}
