import { Client, credentials, Metadata, type ServiceError, type StatusObject } from "@grpc/grpc-js";
import { once } from "node:events";

/** What a bare client sees of one call: its answer, its headers and its trailers. */
export interface Answered {
  readonly bytes: Buffer | undefined;
  readonly error: ServiceError | null;
  readonly trailers: Metadata;
}

/** A connection without the client of Usher, for what that does not show. */
export class Wire {
  readonly client: Client;

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure());
  }

  async call(path: string, request: Buffer, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    const metadata = new Metadata();
    for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
    let settle: (answered: Pick<Answered, "bytes" | "error">) => void = () => undefined;
    const answered = new Promise<Pick<Answered, "bytes" | "error">>((resolve) => (settle = resolve));
    const sent = this.client.makeUnaryRequest(path, asIs, asIs, request, metadata, { deadline: Date.now() + 20_000 }, (error, bytes) => settle({ error, bytes }));
    const [{ metadata: trailers }] = (await once(sent, "status")) as [StatusObject];
    return { ...(await answered), trailers };
  }

  close(): void {
    this.client.close();
  }
}

export function asIs(bytes: Buffer): Buffer {
  return bytes;
}

export async function eventually(assertion: () => void | Promise<void>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await assertion();
    } catch (error) {
      if (attempt === 500) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
