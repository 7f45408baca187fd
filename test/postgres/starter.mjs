// Starts a server and says where it is, then waits to be killed. Node 20 does not read TypeScript, so jiti does.
import { createJiti } from "jiti";

/** @type {typeof import("./server.js")} */
const { startServer } = await createJiti(import.meta.url).import("./server.ts");
const { folder, pid } = await startServer();
console.log(JSON.stringify({ folder, pid }));
setInterval(() => {}, 60_000);
