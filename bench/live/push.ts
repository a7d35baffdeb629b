import { Server, ServerCredentials, type ServerWritableStream } from "@grpc/grpc-js";

export const pushPath = "/usher.bench/Push";
/** As long as what tells of one flip. */
const messageBytes = 100;

export interface Pusher {
  readonly address: string;
  push(id: number): void;
  close(): void;
}

/** The least that a revocation needs beside its commit: one message over a gRPC stream that is open. */
export async function startPusher(): Promise<Pusher> {
  const server = new Server();
  let listener: ServerWritableStream<Buffer, Buffer> | undefined;
  const [requestSerialize, requestDeserialize, responseSerialize, responseDeserialize] = [asIs, asIs, asIs, asIs];
  server.addService(
    { push: { path: pushPath, requestStream: false, responseStream: true, requestSerialize, requestDeserialize, responseSerialize, responseDeserialize } },
    { push: (call: ServerWritableStream<Buffer, Buffer>) => void (listener = call) },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => (error === null ? resolve(bound) : reject(error)));
  });
  return {
    address: `127.0.0.1:${port}`,
    push(id) {
      const message = Buffer.alloc(messageBytes);
      message.writeUInt32LE(id, 0);
      listener?.write(message);
    },
    close: () => server.forceShutdown(),
  };
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}
