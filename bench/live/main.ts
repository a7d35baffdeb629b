import { Client, credentials } from "@grpc/grpc-js";

import { Remote } from "../../src/client/remote.js";
import { obeyParent } from "../child.js";
import { machineMs, type Order } from "./distant-enforcer.js";
import { Enforcer } from "./enforcer.js";
import { pushPath } from "./push.js";
import { guestHolds, guests, staffHolds } from "./world.js";

/** An enforcement point in a process of its own: see `distant-enforcer.ts`. */

let arrivals = new Map<number, number>();
let end: () => Promise<unknown> = () => Promise.resolve();

obeyParent(undefined, obey, () => end());

async function obey(order: Order): Promise<unknown> {
  switch (order.order) {
    case "hold":
      return hold(order.address, order.held, order.users);
    case "listen":
      return listen(order.address);
    case "arrivals": {
      const taken = arrivals;
      arrivals = new Map();
      return taken;
    }
  }
}

async function hold(address: string, held: number, users: number): Promise<number> {
  const remote = new Remote(address);
  const enforcer = Enforcer.open(remote);
  end = () => remote.close();
  enforcer.hold(guestHolds());
  enforcer.hold(staffHolds(guests + 1, held - guests, users));
  await enforcer.covered();
  // What is given back afterwards arrives too.
  enforcer.onFlip = ({ id, allowed: now }) => void (now || arrivals.set(id, machineMs()));
  return enforcer.allowed;
}

function listen(address: string): void {
  const client = new Client(address, credentials.createInsecure());
  const stream = client.makeServerStreamRequest(pushPath, asIs, asIs, Buffer.from("listen"));
  stream.on("data", (bytes: Buffer) => void arrivals.set(bytes.readUInt32LE(0), machineMs()));
  stream.on("error", () => undefined);
  end = async () => {
    stream.cancel();
    client.close();
  };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
