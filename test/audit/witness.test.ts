import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

import { checkWitnessUrl, pauseAfter, Witness } from "../../src/audit/witness.js";
import { limits } from "../../src/base/limits.js";

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function withServer(answer: Answer, body: (url: string) => Promise<void>): Promise<void> {
  const server: Server = createServer((request, response) => void text(request).then((received) => answer(request, response, received)));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await body(`http://127.0.0.1:${(server.address() as AddressInfo).port}/checkpoints`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

describe("a witness", () => {
  it("is posted each checkpoint as it is", () => {
    const received: string[] = [];
    return withServer(
      (request, response, body) => {
        received.push(`${request.method} ${request.url} ${request.headers["content-type"]} ${body}`);
        response.writeHead(204).end();
      },
      async (url) => {
        const failures: Error[] = [];
        const witness = new Witness({ url, onFailure: (error) => failures.push(error) });
        witness.send("— one\n");
        await witness.close(5_000);
        witness.send("after the end");
        assert.deepEqual(received, ["POST /checkpoints text/plain; charset=utf-8 — one\n"]);
        assert.deepEqual(failures, []);
      },
    );
  });

  it("gets one at a time, and of those that came meanwhile the newest", () => {
    const received: string[] = [];
    const waiting: ServerResponse[] = [];
    return withServer(
      (_, response, body) => {
        received.push(body);
        if (received.length === 1) waiting.push(response);
        else response.end();
      },
      async (url) => {
        const witness = new Witness({ url, onFailure: assert.fail });
        witness.send("1");
        while (waiting.length === 0) await new Promise(setImmediate);
        for (const each of ["2", "3", "4"]) witness.send(each);
        waiting[0]!.end();
        await witness.close(5_000);
        assert.deepEqual(received, ["1", "4"]);
      },
    );
  });

  it("is tried again, and then it is told", () => {
    let calls = 0;
    return withServer(
      (_, response) => response.writeHead(++calls <= limits.witnessAttemptsMax + 2 ? 503 : 200).end(),
      async (url) => {
        const failures: string[] = [];
        const witness = new Witness({ url, onFailure: ({ message }) => failures.push(message), delayMs: 1 });
        witness.send("1");
        await until(() => failures.length === 1);
        assert.equal(calls, limits.witnessAttemptsMax);
        assert.match(failures[0]!, /has not taken a checkpoint, tried 5 times: it answered 503/);
        witness.send("2");
        await witness.close(5_000);
        assert.equal(calls, limits.witnessAttemptsMax + 3);
        assert.equal(failures.length, 1);
      },
    );
  });

  it("that does not answer holds up nobody, nor does one who is not there or sends on", async () => {
    const failures: string[] = [];
    const options = { onFailure: ({ message }: Error) => failures.push(message), delayMs: 1, timeoutMs: 20 };
    await withServer(
      () => undefined,
      async (url) => {
        const witness = new Witness({ url, ...options });
        witness.send("1");
        await until(() => failures.length === 1);
        witness.send("2");
        await witness.close(0);
      },
    );
    await withServer(
      (_, response) => response.writeHead(302, { location: "http://127.0.0.1:9/" }).end(),
      async (url) => {
        const witness = new Witness({ url, ...options, timeoutMs: 5_000 });
        witness.send("1");
        await witness.close(5_000);
      },
    );
    const gone = new Witness({ url: "http://127.0.0.1:9/", ...options, timeoutMs: 5_000 });
    gone.send("1");
    await gone.close(5_000);
    assert.equal(failures.length, 4);
    assert.match(failures[0]!, /timeout/);
    assert.match(failures[2]!, /redirect/);
    assert.match(failures[3]!, /bad port|ECONNREFUSED/);
  });

  it("is left alone for longer each time, up to the bound", () => {
    const { witnessDelayMsMin: first, witnessDelayMsMax: most } = limits;
    assert.deepEqual([1, 2, 3].map((attempt) => pauseAfter(attempt, first)), [first, 2 * first, 4 * first]);
    assert.deepEqual([pauseAfter(1, most), pauseAfter(2, most / 2), pauseAfter(2, most / 2 + 1), pauseAfter(2, most)], [most, most, most, most]);
  });

  it("has an address of http or https", () => {
    checkWitnessUrl("https://witness.example/log");
    for (const url of ["", "witness.example", "ftp://witness.example", "file:///etc/passwd"]) {
      assert.throws(() => new Witness({ url, onFailure: assert.fail }), { code: "invalid_configuration" });
    }
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}
