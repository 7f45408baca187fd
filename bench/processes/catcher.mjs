// A mail server of the loopback interface that takes 50 ms to accept a mail, as one across the network does, and throws it
// away. Tells its port, and on `count` how many it has accepted.
import { setTimeout as wait } from "node:timers/promises";
import { SMTPServer } from "smtp-server";

let accepted = 0;
const server = new SMTPServer({
  disabledCommands: ["STARTTLS", "AUTH"],
  disableReverseLookup: true,
  maxClients: 500,
  async onData(stream, _session, callback) {
    stream.resume();
    await new Promise((resolve) => stream.once("end", resolve));
    await wait(50);
    accepted += 1;
    callback();
  },
});
server.on("error", () => {});
const listener = server.listen(0, "127.0.0.1", () => {
  const address = listener.address();
  if (address !== null && typeof address === "object") process.send?.({ port: address.port });
});
process.on("message", (message) => {
  if (message === "count") process.send?.({ accepted });
});
process.on("disconnect", () => process.exit(0));
