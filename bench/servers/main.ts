import { Session } from "node:inspector/promises";

import { startEcho } from "./echo.js";
import { startFixed } from "./fixed.js";
import type { Order, Report } from "./process.js";
import type { Running } from "./running.js";
import { startUsher } from "./usher.js";

/** A server in a process of its own, told what to do by messages: see `process.ts`. `main.js echo`, `main.js fixed`, `main.js usher FOLDER`. */

const [kind, folder = ""] = process.argv.slice(2);
const running = await start();
const inspector = new Session();

process.on("message", (order: Order) => void obey(order));
// Without the one who measures it there is nothing to serve for.
process.on("disconnect", () => process.exit());
report({ address: running.address });

function start(): Promise<Running> {
  if (kind === "echo") return startEcho();
  if (kind === "fixed") return startFixed();
  if (kind === "usher") return startUsher(folder);
  throw new Error(`there is no server \`${kind}\``);
}

async function obey(order: Order): Promise<void> {
  switch (order) {
    case "processor time": {
      const { user, system } = process.cpuUsage();
      return report({ cpuUs: user + system });
    }
    case "start profile":
      inspector.connect();
      await inspector.post("Profiler.enable");
      await inspector.post("Profiler.start");
      return report({});
    case "stop profile": {
      const { profile } = await inspector.post("Profiler.stop");
      inspector.disconnect();
      return report({ profile });
    }
    case "close":
      await running.close();
      return process.disconnect();
  }
}

function report(message: Report): void {
  process.send?.(message);
}
