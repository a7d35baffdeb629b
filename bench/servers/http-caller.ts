import { Agent, request } from "node:http";

/** Connections over which bodies written beforehand are posted; answers are read, and not looked into. */
export class HttpCaller {
  readonly #agent: Agent;
  readonly #host: string;
  readonly #port: number;

  /** @param inFlight how many calls are under way at most */
  constructor(address: string, inFlight: number) {
    const [host = "", port = ""] = address.split(":");
    this.#agent = new Agent({ keepAlive: true, maxSockets: inFlight });
    this.#host = host;
    this.#port = Number(port);
  }

  post(path: string, body: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "content-length": body.length };
      const call = request({ agent: this.#agent, host: this.#host, port: this.#port, method: "POST", path, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () => {
          const answer = Buffer.concat(parts);
          if (response.statusCode !== undefined && response.statusCode < 300) resolve(answer);
          else reject(new Error(`${response.statusCode} ${answer.toString()}`));
        });
        response.on("error", reject);
      });
      call.on("error", reject);
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
