import type { Profiler } from "node:inspector";
import { writeFile } from "node:fs/promises";

import { assert } from "../src/base/assert.js";
import { methods } from "../src/model/wire/methods.js";
import { contest } from "./contest.js";
import { withRig, type Rig, type Station } from "./servers/rig.js";
import { batchSize, full } from "./suite.js";

/**
 * Where a server's processor time goes while it answers checks: `node dist/bench/profile.js [echo|fixed|usher|buffer|block] [checks|pairs] [FILE]`. `buffer` and
 * `block` are Usher with its decision log in that mode. `checks`
 * are a few again and again, 40 in flight; `pairs` come in batches of 100, each another one. With a file the profile is kept, for the
 * developer tools of a browser.
 */

/** The first that a place in the code matches is its area; a place that matches none is its caller's. */
const areas: readonly (readonly [name: string, place: RegExp])[] = [
  ["idle", /^\(idle\)/],
  ["garbage collection", /^\(garbage collector\)/],
  ["native code outside of functions: sockets, HTTP/2, the loop", /^\((program|root)\)/],
  ["messages: protobufjs and src/model/wire", /node_modules\/protobufjs|@protobufjs|src\/base\/proto|src\/model\/wire/],
  ["transport: grpc-js and Node's HTTP/2", /@grpc\/grpc-js|node:internal\/(http2|stream|timers)|node:(net|http2|events)/],
  ["the decision log, without its thread: src/audit, src/database/recordings", /src\/audit|src\/database\/recordings|src\/evaluation\/grounds|src\/base\/recorder|node:internal\/worker/],
  ["handlers: src/server", /src\/server/],
  ["validation: src/database/validate, names and ids", /src\/database\/validate|src\/model\/(object|subject|context|tuple)\.|src\/model\/schema/],
  ["reads, the relation cache and the memo: src/evaluation", /src\/evaluation\/(cache\/|loads|wants|[a-z-]*reads)/],
  ["the walk: src/evaluation", /src\/evaluation/],
  ["store reads: src/storage, abstract-level, classic-level", /src\/storage|abstract-level|classic-level|msgpackr/],
  ["snapshot, schema, zookie: src/database, src/model", /src\/database|src\/model\/zookie|src\/base/],
];

interface Place {
  readonly area: string;
  readonly name: string;
}

/** Microseconds by area, and by function. */
function shares(profile: Profiler.Profile): { byArea: Map<string, number>; byFunction: Map<string, number> } {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const places = new Map<number, Place>();
  const placeAll = (id: number, caller: Place): void => {
    const node = nodes.get(id);
    if (node === undefined) return;
    const place = placeOf(node.callFrame, caller);
    places.set(id, place);
    for (const child of node.children ?? []) placeAll(child, place);
  };
  const [root] = profile.nodes;
  if (root !== undefined) placeAll(root.id, { area: "the rest of Node: promises, the loop", name: "(root)" });
  const byArea = new Map<string, number>();
  const byFunction = new Map<string, number>();
  profile.samples?.forEach((id, index) => {
    const us = profile.timeDeltas?.[index] ?? 0;
    const { area, name } = places.get(id) ?? { area: "unknown", name: "unknown" };
    byArea.set(area, (byArea.get(area) ?? 0) + us);
    byFunction.set(name, (byFunction.get(name) ?? 0) + us);
  });
  return { byArea, byFunction };
}

/** Native functions have no file, and those of an addon no name either: they are named after their caller. */
function placeOf({ functionName, url, lineNumber }: Profiler.ProfileNode["callFrame"], caller: Place): Place {
  const area = areas.find(([, place]) => place.test(url === "" ? functionName : url))?.[0] ?? caller.area;
  const file = url.replace(/^.*?\/(?=node_modules\/)/, "").replace(/^.*\/dist[^/]*\//, "");
  if (file !== "") return { area, name: `${functionName || "(anonymous)"} ${file}:${lineNumber + 1}` };
  if (functionName.startsWith("(")) return { area, name: functionName };
  return { area, name: `${functionName || "native code"} called by ${caller.name.replace(/^native code called by /, "")}` };
}

function print(title: string, times: ReadonlyMap<string, number>, busyUs: number, checks: number, most: number): void {
  console.log(`\n${title}`);
  for (const [name, us] of [...times].sort(([, a], [, b]) => b - a).slice(0, most)) {
    console.log(`  ${((100 * us) / busyUs).toFixed(1).padStart(5)} %  ${(us / checks).toFixed(1).padStart(7)} µs  ${name}`);
  }
}

type What = "checks" | "pairs";

/** Tells how many checks it came to. */
async function load(station: Station, rig: Rig, what: What): Promise<number> {
  let checks = 0;
  const one = (index: number) => {
    checks++;
    return station.caller.call(methods.check.path, rig.checks[index % rig.checks.length] ?? Buffer.alloc(0));
  };
  const batch = () => {
    checks += batchSize;
    return station.caller.call(methods.batchCheck.path, rig.freshBatch());
  };
  await contest([{ name: station.name, inFlight: what === "checks" ? 40 : 4, call: what === "checks" ? one : batch }], full);
  return checks;
}

const stations = {
  echo: (rig: Rig) => rig.echo,
  fixed: (rig: Rig) => rig.fixed,
  usher: (rig: Rig) => rig.usher,
  buffer: (rig: Rig) => logging(rig).buffer,
  block: (rig: Rig) => logging(rig).block,
};

function logging(rig: Rig): NonNullable<Rig["logging"]> {
  assert(rig.logging !== undefined, "the rig has logs");
  return rig.logging;
}

async function main(which: keyof typeof stations, what: What, file: string | undefined): Promise<void> {
  await withRig(full, async (rig) => {
    const station = stations[which](rig);
    await load(station, rig, what);
    await station.server.startProfile();
    const checks = await load(station, rig, what);
    const profile = await station.server.stopProfile();
    if (file !== undefined) await writeFile(file, JSON.stringify(profile));
    const { byArea, byFunction } = shares(profile);
    const idle = byArea.get("idle") ?? 0;
    byArea.delete("idle");
    byFunction.delete("(idle)");
    const busy = [...byArea.values()].reduce((sum, us) => sum + us, 0);
    console.log(`${station.name}: ${checks} checks, the main thread busy ${((100 * busy) / (busy + idle)).toFixed(0)} %, ${(busy / checks).toFixed(0)} µs each`);
    print("by area", byArea, busy, checks, areas.length + 1);
    print("by function, itself alone", byFunction, busy, checks, 30);
  }, which === "buffer" || which === "block");
}

const [which = "usher", what = "checks", file] = process.argv.slice(2);
if (Object.hasOwn(stations, which) && (what === "checks" || what === "pairs")) {
  await main(which as keyof typeof stations, what, file);
} else {
  console.error("usage: node dist/bench/profile.js [echo|fixed|usher|buffer|block] [checks|pairs] [FILE]");
  process.exitCode = 2;
}
