import { Session } from "node:inspector/promises";

import { obeyParent } from "../child.js";
import { startEcho } from "./echo.js";
import { startFixed } from "./fixed.js";
import type { Order } from "./process.js";
import type { Running } from "./running.js";
import { startUsher, startUsherWithHttp } from "./usher.js";

/** A server in a process of its own, told what to do by messages: see `process.ts`. `main.js echo`, `main.js fixed`, `main.js usher FOLDER`, and with a decision log in that mode `main.js buffer FOLDER`, `main.js block FOLDER`. */

const [kind, folder = ""] = process.argv.slice(2);
const running = await start();
const inspector = new Session();

obeyParent(running.address, obey, () => running.close());

function start(): Promise<Running> {
  if (kind === "echo") return startEcho();
  if (kind === "fixed") return startFixed();
  if (kind === "usher") return startUsher(folder);
  if (kind === "openfga") return startUsherWithHttp(folder);
  if (kind === "buffer" || kind === "block") return startUsher(folder, kind);
  throw new Error(`there is no server \`${kind}\``);
}

async function obey(order: Order): Promise<unknown> {
  switch (order) {
    case "processor time": {
      const { user, system } = process.cpuUsage();
      return user + system;
    }
    case "http address":
      return running.httpAddress;
    case "resident":
      return process.memoryUsage().rss;
    case "start profile":
      inspector.connect();
      await inspector.post("Profiler.enable");
      return inspector.post("Profiler.start");
    case "stop profile": {
      const { profile } = await inspector.post("Profiler.stop");
      inspector.disconnect();
      return profile;
    }
  }
}
