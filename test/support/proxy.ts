import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A network in between, which can hold everything back, release it, and cut. */
export interface Proxy {
  /** `host:port` */
  readonly address: string;
  /** Where it leads from now on. */
  to(address: string): void;
  /** Nothing passes in either direction; it is kept. */
  freeze(): void;
  /** What was kept passes, in its order. */
  thaw(): void;
  cut(): void;
  close(): Promise<void>;
}

export async function proxyTo(address: string): Promise<Proxy> {
  let target = address;
  let frozen = false;
  const pairs = new Set<readonly [Socket, Socket]>();
  const server = createServer((near) => {
    const [host, port] = target.split(":");
    const far = connect(Number(port), host);
    const pair = [near, far] as const;
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const [from, into] of [pair, [far, near] as const]) {
      from.on("data", (bytes) => into.write(bytes));
      from.on("error", end);
      from.on("close", end);
      if (frozen) from.pause();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const each = (act: (socket: Socket) => void) => [...pairs].flat().forEach(act);
  return {
    address: `127.0.0.1:${port}`,
    to: (next) => void (target = next),
    freeze: () => {
      frozen = true;
      each((socket) => socket.pause());
    },
    thaw: () => {
      frozen = false;
      each((socket) => socket.resume());
    },
    cut: () => each((socket) => socket.destroy()),
    close: async () => {
      each((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
