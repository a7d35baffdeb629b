import { parentPort } from "node:worker_threads";

import { LogServer } from "./log-server.js";
import type { ToLog } from "./protocol.js";
import { openClassicLog } from "./raw.js";

/** The thread of the decision log. It ends once it is told to close, and has. */
const port = parentPort;
const server = new LogServer(openClassicLog, (message) => port?.postMessage(message));
port?.on("message", (message: ToLog) => {
  void server.take(message).then(() => {
    if (message.name === "close") port.close();
  });
});
