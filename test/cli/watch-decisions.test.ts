import assert from "node:assert/strict";
import { Output } from "../../src/cli/output.js";
import { readQuestions, watchDecisions } from "../../src/cli/watch-decisions.js";
import { touch } from "../../src/client/references.js";
import { Usher } from "../../src/client/usher.js";
import { UsherError } from "../../src/base/errors.js";
import type { LiveRequest, LiveResponse } from "../../src/model/live.js";
import type { Service } from "../../src/model/service.js";
import { Readable, Writable } from "node:stream";
import { Place, usher } from "./command-line.js";

const schema = `caveat on_call(hour int) { hour < 18 }
definition user {}
definition team { relation member: user }
definition node {
  relation operator: user | team#member | user with on_call
  permission restart = operator
}
`;

/** Without the instant. */
const said = (lines: readonly string[]) => lines.map((line) => line.replace(/^\d{4}-\S+ {2}/, ""));

describe("usher watch --decisions", () => {
  let place: Place;

  beforeEach(async () => {
    place = await Place.open();
    assert.equal((await place.usher("schema", "write", await place.file("schema.zed", schema))).code, 0);
    assert.equal((await place.usher("tuple", "write", "node:n1#operator@team:sre#member", "team:sre#member@user:ana", "node:n1#operator@user:cy[on_call]")).code, 0);
  });

  afterEach(async () => place.close());

  it("prints how each stands, and each flip with its cause", async () => {
    const watch = place.start(["watch", "--decisions", "node:n1", "restart", "user:ana", "user:bo", "user:cy"]);
    assert.deepEqual(said(await watch.lines(3)).sort(), ["allowed      node:n1#restart@user:ana", "conditional  node:n1#restart@user:cy  needs hour", "denied       node:n1#restart@user:bo"]);
    const deleted = await place.usher("tuple", "delete", "team:sre#member@user:ana", "--reason", "off \"boarded\"", "--await");
    assert.match(deleted.stdout, /\nenforced {3}1 of 1 enforcement point, /);
    assert.equal(said(await watch.lines(4))[3], 'denied       node:n1#restart@user:ana  cause tuple  reason="off \\"boarded\\""');
    await place.usher("tuple", "touch", "team:sre#member@user:bo");
    assert.equal(said(await watch.lines(5))[4], "allowed      node:n1#restart@user:bo  cause tuple");
    const { code, stdout, stderr } = await watch.interrupt();
    assert.deepEqual([code, stdout.split("\n").length, stderr], [0, 6, ""]);
  });

  it("prints JSON lines, of questions from stdin, each with its context", async () => {
    const watch = place.start(["watch", "--decisions", "--json"], '// who is on call\nnode:n1#restart@user:cy with {"hour": 9}\r\n\nnode:n1#restart@user:ana\n');
    const first = (await watch.lines(2)).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(first.map((line) => [line["question"], line["result"], line["allowed"]]).sort(), [["node:n1#restart@user:ana", "allowed", true], ["node:n1#restart@user:cy", "allowed", true]]);
    const { zookie } = JSON.parse((await place.usher("tuple", "delete", "team:sre#member@user:ana", "--reason", "gone", "--json")).stdout) as { zookie: string };
    const flip = JSON.parse((await watch.lines(3))[2] ?? "") as Record<string, unknown>;
    assert.deepEqual([flip["question"], flip["result"], flip["allowed"], flip["cause"]], ["node:n1#restart@user:ana", "denied", false, { kind: "tuple", zookie, metadata: { reason: "gone" } }]);
    assert.equal((await watch.interrupt()).code, 0);
  });

  it("comes back after a server that went, and prints only what is otherwise", async () => {
    const watch = place.start(["watch", "--decisions", "node:n1#restart@user:ana", "node:n1#restart@user:bo"]);
    await watch.lines(2);
    await place.restartServer((database) => new Usher(database).write([touch("team:sre#member@user:bo")]));
    const [, , back] = said(await watch.lines(3));
    assert.equal(back, "allowed      node:n1#restart@user:bo  cause resume");
    const { code, stdout } = await watch.interrupt();
    assert.deepEqual([code, stdout.split("\n").length], [0, 4]);
  });

  it("denies what cannot be decided, and says why", async () => {
    const watch = place.start(["watch", "--decisions", "node:n1#fly@user:ana", "node:n1#restart@user:*", "--json"]);
    const lines = (await watch.lines(2)).map((line) => JSON.parse(line) as { question: string; allowed: boolean; error: { code: string } });
    assert.deepEqual(lines.map(({ question, allowed, error }) => [question, allowed, error.code]).sort(), [
      ["node:n1#fly@user:ana", false, "unknown_relation"],
      ["node:n1#restart@user:*", false, "invalid_request"],
    ]);
    assert.equal((await watch.interrupt()).code, 0);
  });

  it("refuses what is no question, and options of the other watch", async () => {
    for (const [words, code, message] of [
      [["watch", "--decisions"], 4, /^usher: invalid_request: there is no decision to watch/],
      [["watch", "--decisions", "node:n1", "restart"], 4, /^usher: invalid_request: there is no subject/],
      [["watch", "--decisions", "node:n1"], 4, /^usher: invalid_tuple: /],
      [["watch", "node:n1", "restart", "user:ana"], 2, /a question needs --decisions/],
      [["watch", "--decisions", "node:n1#restart@user:ana", "--earliest"], 2, /cannot be used with/],
      [["watch", "--decisions", "node:n1#restart@user:ana", "--object-type", "node"], 2, /cannot be used with/],
      [["watch", "--decisions", "node:n1#restart@user:ana", "--tenant", "nowhere"], 4, /^usher: tenant_unknown: /],
    ] as const) {
      const ran = await place.usher(...words);
      assert.equal(ran.code, code, `${words.join(" ")}: ${ran.stderr}`);
      assert.match(ran.stderr, message);
      assert.equal(ran.stdout, "");
    }
    const nowhere = await usher(["watch", "--decisions", "node:n1#restart@user:ana", "--address", "127.0.0.1:1"]);
    assert.equal(nowhere.code, 4);
    assert.match(nowhere.stderr, /^usher: server_unreachable: /);
  });
});

describe("watching decisions of a server that goes its own way", () => {
  const instant = Date.parse("2030-01-01T00:00:00Z");
  const opened = (stream: string, leaseMs = 30_000): LiveResponse => ({ kind: "opened", stream, leaseMs });
  const allowed: LiveResponse = { kind: "states", zookie: "Z1", instant, states: [{ id: 1, allowed: true, missingFields: [] }] };
  const checkpoint: LiveResponse = { kind: "checkpoint", zookie: "Z1", instant };

  interface Heard {
    readonly streams: LiveRequest[][];
    readonly stdout: string;
    readonly stderr: string;
    readonly error: unknown;
  }

  /** Watches one decision; each stream answers as one of the scripts says and then, where that returns no error, nothing more. The last one's end ends the watch. */
  async function watch(...scripts: readonly { readonly says: readonly LiveResponse[]; readonly fails?: UsherError }[]): Promise<Heard> {
    const stop = new AbortController();
    const streams: LiveRequest[][] = [];
    const live: Service["live"] = async function* (requests, { signal }) {
      const heard: LiveRequest[] = [];
      const script = scripts[streams.length];
      streams.push(heard);
      const reading = (async () => {
        for await (const request of requests) heard.push(request);
      })();
      for (const response of script?.says ?? []) yield response;
      // What the client has to say to that, it says at once.
      await new Promise(setImmediate);
      if (script?.fails) throw script.fails;
      if (streams.length === scripts.length) stop.abort();
      else await new Promise((resolve) => signal?.addEventListener("abort", resolve));
      void reading;
      throw signal?.reason instanceof UsherError ? signal.reason : new UsherError("cancelled", "the call was cancelled");
    };
    const written = { stdout: "", stderr: "" };
    const into = (name: keyof typeof written) =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          written[name] += chunk.toString();
          done();
        },
      });
    const terminal = { stdin: Readable.from([]), stdout: into("stdout"), stderr: into("stderr"), environment: {}, onSignal: () => () => undefined, onHangup: () => () => undefined };
    const questions = await readQuestions(["node:n1#restart@user:ana"], terminal.stdin);
    const watching = watchDecisions(new Usher({ live } as Service), questions, { output: new Output(terminal, { json: false, colour: false }), signal: stop.signal });
    const error = await watching.then(() => undefined, (thrown: unknown) => thrown);
    return { streams, ...written, error };
  }

  const kinds = (requests: readonly LiveRequest[] | undefined) => requests?.map(({ kind }) => kind);
  const lastOf = (requests: readonly LiveRequest[] | undefined) => requests?.flatMap((request) => (request.kind === "hold" ? request.holds.map(({ last }) => last) : []));

  it("acknowledges what it has printed, and says what it held when it is sent away", async () => {
    const { streams, stdout, stderr, error } = await watch({ says: [opened("a"), allowed, checkpoint, { kind: "draining", reconnectAfterMs: 1 }] }, { says: [opened("b"), allowed] });
    assert.deepEqual(kinds(streams[0]), ["open", "hold", "ping", "acknowledge"]);
    assert.deepEqual(streams[1]?.[0], { kind: "open", resumeStream: "a" });
    assert.deepEqual([lastOf(streams[0]), lastOf(streams[1])], [[undefined], ["allowed"]]);
    assert.deepEqual([stdout, stderr, error], ["2030-01-01T00:00:00.000Z  allowed      node:n1#restart@user:ana\n", "", undefined]);
  });

  it("opens another stream where one breaks, and says so", async () => {
    const fails = new UsherError("server_unreachable", "the connection broke");
    const { streams, stderr, error } = await watch({ says: [opened("a"), allowed], fails }, { says: [], fails }, { says: [opened("c")] });
    assert.deepEqual(streams.slice(1).map(([open]) => open), [{ kind: "open", resumeStream: "a" }, { kind: "open", resumeStream: "a" }]);
    assert.deepEqual(lastOf(streams[2]), ["allowed"]);
    assert.equal(stderr, "usher: server_unreachable: the connection broke; connecting anew\n".repeat(2));
    assert.equal(error, undefined);
  });

  it("leaves a server that answers nothing for a lease", async () => {
    const { streams, stderr } = await watch({ says: [opened("a", 30), allowed] }, { says: [opened("b")] });
    assert.deepEqual(kinds(streams[0]), ["open", "hold", "ping", "ping", "ping"]);
    assert.match(stderr, /^usher: deadline_exceeded: nothing was heard of the server for the length of a lease/);
  });

  it("ends with what does not pass, and where no stream was ever opened", async () => {
    const fails = new UsherError("tenant_unknown", "the tenant was deleted");
    assert.equal((await watch({ says: [opened("a"), allowed], fails }, { says: [] })).error, fails);
    const unreachable = new UsherError("server_unreachable", "nobody is there");
    assert.equal((await watch({ says: [], fails: unreachable }, { says: [] })).error, unreachable);
  });

  it("asks anew about what could not be decided", async () => {
    const undecided: LiveResponse = { kind: "states", zookie: "Z1", instant, states: [{ id: 1, allowed: true, missingFields: [], error: { code: "depth_exceeded", message: "it is too deep" } }] };
    const { streams, stdout } = await watch({ says: [opened("a"), undecided, undecided], fails: new UsherError("closed", "the database is closing") }, { says: [opened("b"), undecided] });
    assert.deepEqual(lastOf(streams[1]), [undefined]);
    assert.equal(stdout, "2030-01-01T00:00:00.000Z  denied       node:n1#restart@user:ana  depth_exceeded: it is too deep\n");
  });
});
