import { join } from "node:path";
import { setImmediate, setTimeout } from "node:timers/promises";

import { limits } from "../../src/base/limits.js";
import { Guard } from "../../src/client/guard/guard.js";
import { Database } from "../../src/database/database.js";
import type { Tuple } from "../../src/model/tuple.js";
import { serve } from "../../src/server/server.js";
import { openClassicLevel } from "../../src/storage/level/raw.js";
import { openLevelStore } from "../../src/storage/level/store.js";
import { withFolder } from "../folder.js";
import { DistantEnforcer, machineMs } from "../live/distant-enforcer.js";
import { Enforcer } from "../live/enforcer.js";
import { plannedRestart } from "../live/restart.js";
import { startPusher } from "../live/push.js";
import { guestHolds, guests, guestTuple, holdsOfOne, liveSchema, liveWorld, staffHolds, strangeTuple, usersMax, wideTuples, type LiveWorld } from "../live/world.js";
import { settledMemory } from "../memory.js";
import { micro } from "../micro.js";
import { atLeast, atMost, type Row } from "../report.js";
import { seed, type Settings, type Suite } from "../suite.js";
import { percentiles, takeTurn, type Turn, type Work } from "../turn.js";
import { fill } from "../worlds/fill.js";

const commitMs = 10;
const aloneMs = 1_000;

interface Rig {
  readonly database: Database;
  readonly world: LiveWorld;
  readonly settings: Settings;
  readonly held: number;
  /** When the last commit was durable, on the machine's clock. */
  readonly durableAt: () => number;
}

/** Each end of a permission: when its commit was called, durable and answered, and when it arrived. */
interface Moments {
  readonly called: Map<number, number>;
  readonly durable: Map<number, number>;
  readonly answered: Map<number, number>;
}

/** What live decisions cost to add, to keep and to pass by; how soon the end of one, and of a hundred thousand, is told. */
export const live: Suite = {
  name: "live",
  about: "live decisions: revocation beside put and message, adding, memory, commits that touch none, many that end at once",
  async run(settings) {
    const held = settings.thorough ? 100_000 : 10_000;
    const rows = await withRig(held, settings, async (rig) => [...(await embedded(rig)), ...(await massFlips(rig)), await reads(rig)]);
    return [...rows, ...(await withRig(held, settings, distant)), ...(await limit(settings)), await plannedRestart(held, settings.thorough ? 30_000 : limits.leaseMsDefault)];
  },
};

/** A database with the world in it; nothing is held yet. */
async function withRig<T>(held: number, settings: Settings, body: (rig: Rig) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    const store = await openLevelStore(folder);
    let durableAt = 0;
    // Registered before there are live decisions, so it is called before theirs.
    store.onCommit(() => void (durableAt = machineMs()));
    const database = new Database(store);
    try {
      const world = liveWorld(Math.min(usersMax, held), seed);
      const tuples = function* () {
        yield* world.tuples();
        yield* wideTuples(held);
      };
      await fill(database, { schema: liveSchema, tuples });
      return await body({ database, world, settings, held, durableAt: () => durableAt });
    } finally {
      await database.close();
    }
  });
}

async function embedded(rig: Rig): Promise<Row[]> {
  const { database, world, settings, held } = rig;
  const ms = settings.rounds * settings.roundMs;
  const strange = strangers(database);
  await takeTurn(strange, ms);
  const without = await takeTurn(strange, ms);
  const before = settledMemory();
  const rows: Row[] = [];
  let enforcer = Enforcer.open(database);
  for (const warmth of ["cold", "warm"]) {
    if (warmth === "warm") {
      await enforcer.close();
      enforcer = Enforcer.open(database);
    }
    const begun = performance.now();
    enforcer.hold(guestHolds());
    enforcer.hold(staffHolds(guests + 1, held - guests, world.users));
    await enforcer.covered();
    const seconds = (performance.now() - begun) / 1_000;
    requireAllowed(enforcer, held);
    rows.push({ name: `${held} holds added, until the checkpoint, ${warmth}`, perSecond: held / seconds, note: `${seconds.toFixed(2)} s` });
  }
  const after = settledMemory();
  const { decisions, keys } = database.status().live;
  const heap = (after.heapBytes - before.heapBytes) / decisions;
  const resident = (after.ownBytes - before.ownBytes) / decisions;
  rows.push({
    name: `memory of each of ${decisions} live decisions`,
    note: `heap ${Math.round(heap)} bytes, resident ${Math.round(resident)} bytes, caches and garbage of the adding with it; ${keys} keys in all, ${world.users} subjects`,
    goals: [atMost("KB each, heap", 1, heap / 1_024)],
  });
  const beside = await takeTurn(strange, ms);
  rows.push(turnRow("commit that touches no live decision, none held", without));
  rows.push({ ...turnRow(`the same, ${held} held`, beside), goals: [atMost("p50 beside none held", 1.1, percentiles(beside.latenciesMs).p50Us / percentiles(without.latenciesMs).p50Us)] });
  for (const load of [false, true]) {
    const arrived = new Map<number, number>();
    // What is given back afterwards arrives too.
    enforcer.onFlip = ({ id, allowed }) => void (allowed || arrived.set(id, machineMs()));
    const moments = await loaded(database, world, load, () => revoke(rig));
    rows.push(...momentRows(`revocation, embedded, ${held} held${load ? ", half load of checks" : ""}`, moments, arrived, !load));
  }
  await enforcer.close();
  return rows;
}

/** What the hot path of a program costs: the answer, the lease and the validity compared with the clocks. */
async function reads({ database, settings }: Rig): Promise<Row> {
  const guard = new Guard(database, {});
  try {
    const { object, subject } = guestTuple(1);
    const hold = await guard.hold(object, "view", subject);
    if (!hold.allowed) throw new Error("the hold does not allow: it must");
    return micro("hold.allowed", settings, () => hold.allowed);
  } finally {
    guard.close();
  }
}

/** The server here, the enforcement point in another process. */
async function distant(rig: Rig): Promise<Row[]> {
  const { database, world, held } = rig;
  const server = await serve(database, { address: "127.0.0.1:0", onError: (error, path) => console.error(path, error) });
  const child = await DistantEnforcer.start();
  try {
    const begun = performance.now();
    const allowed = await child.hold(server.address, held, world.users);
    const seconds = (performance.now() - begun) / 1_000;
    if (allowed !== held) throw new Error(`${allowed} of ${held} are allowed over gRPC: all must be`);
    const rows: Row[] = [{ name: `${held} holds added over gRPC, until the checkpoint, cold`, perSecond: held / seconds, note: `${seconds.toFixed(2)} s` }];
    for (const load of [false, true]) {
      const moments = await loaded(database, world, load, () => revoke(rig));
      rows.push(...momentRows(`revocation, over gRPC, ${held} held${load ? ", half load of checks" : ""}`, moments, await child.arrivals(), true));
    }
    return rows;
  } finally {
    await child.close();
    await server.close(1_000);
  }
}

/** One synced put, and one message to another process. */
async function limit(settings: Settings): Promise<Row[]> {
  return withFolder(async (folder) => {
    const raw = await openClassicLevel(join(folder, "raw"), { create: true });
    const pusher = await startPusher();
    const child = await DistantEnforcer.start();
    try {
      await child.listen(pusher.address);
      await setTimeout(200);
      const moments = newMoments();
      await paced(Math.min(guests, (settings.rounds * settings.roundMs) / commitMs), async (id) => {
        moments.called.set(id, machineMs());
        await raw.batch([{ type: "put", key: Buffer.from(String(id)), value: Buffer.alloc(100) }], { sync: true });
        moments.durable.set(id, machineMs());
        pusher.push(id);
      });
      await setTimeout(100);
      return momentRows("the limit: synced put, message over a gRPC stream", { ...moments, answered: new Map() }, await child.arrivals(), false);
    } finally {
      await child.close();
      pusher.close();
      await raw.close();
    }
  });
}

/** One guest's view a commit, taken away; afterwards all are given back. */
async function revoke({ database, settings, durableAt }: Rig): Promise<Moments> {
  const moments = newMoments();
  const count = Math.min(guests, Math.max(100, (settings.rounds * settings.roundMs) / commitMs));
  await paced(count, async (id) => {
    moments.called.set(id, machineMs());
    await write(database, "delete", guestTuple(id));
    moments.answered.set(id, machineMs());
    moments.durable.set(id, durableAt());
  });
  await setTimeout(300);
  return moments;
}

async function giveBack(database: Database): Promise<void> {
  const operations = Array.from({ length: guests }, (_, at) => ({ kind: "touch" as const, tuple: guestTuple(at + 1) }));
  for (let at = 0; at < guests; at += 100) await database.writeTuples({ operations: operations.slice(at, at + 100) }, {});
  await setTimeout(300);
}

/** Runs the body, with checks at half the rate that they reach alone where there is to be load. */
async function loaded(database: Database, world: LiveWorld, load: boolean, body: () => Promise<Moments>): Promise<Moments> {
  let ended = false;
  const running = load ? halfLoad(database, world, () => ended) : Promise.resolve();
  const moments = await body();
  ended = true;
  await running;
  await giveBack(database);
  return moments;
}

async function halfLoad(database: Database, world: LiveWorld, ended: () => boolean): Promise<void> {
  const work = checks(database, world);
  for (let at = 0; !ended(); ) {
    const begun = performance.now();
    while (performance.now() - begun < 2) await work.call(at++);
    // As long as it worked.
    await setTimeout(2);
  }
}

/** A commit that ends all of them through one group, with checks meanwhile. */
async function massFlips(rig: Rig): Promise<Row[]> {
  const rows: Row[] = [];
  for (const subjects of ["all different", "one"] as const) {
    const { database, world, held } = rig;
    const enforcer = Enforcer.open(database);
    enforcer.hold(subjects === "one" ? holdsOfOne(1, held) : staffHolds(1, held, world.users));
    await enforcer.covered();
    requireAllowed(enforcer, held);
    const beside: Work = { ...checks(database, world), inFlight: 64 };
    const aloneUntil = performance.now() + aloneMs;
    const alone = (1_000 * (await countWhile(beside, () => performance.now() < aloneUntil))) / aloneMs;
    let flipped = false;
    const all = enforcer.flips(held).then(() => (flipped = true));
    const begun = performance.now();
    const counting = countWhile(beside, () => !flipped);
    await write(database, "delete", world.shared);
    await all;
    const seconds = (performance.now() - begun) / 1_000;
    const count = await counting;
    rows.push({
      name: `commit that ends ${held} decisions, subjects ${subjects}, checks running`,
      perSecond: held / seconds,
      note: `${seconds.toFixed(2)} s until the last was told; checks ${Math.round(count / seconds)}/s, ${Math.round(alone)}/s before`,
      goals: [atMost("seconds", subjects === "one" ? 3 : 10, seconds), atLeast("checks beside before", 0.5, count / seconds / alone)],
    });
    await write(database, "touch", world.shared);
    await enforcer.covered();
    await enforcer.close();
  }
  return rows;
}

async function countWhile(work: Work, goesOn: () => boolean): Promise<number> {
  let count = 0;
  const lane = async () => {
    while (goesOn()) {
      await work.call(count);
      count++;
      // As calls over a wire do: an answer from memory needs no turn of the event loop, and would leave none to others.
      await setImmediate();
    }
  };
  await Promise.all(Array.from({ length: work.inFlight }, lane));
  return count;
}

/** Questions about guests, which nothing in this suite's commits of groups changes. */
function checks(database: Database, world: LiveWorld): Work {
  return {
    inFlight: 1,
    call: (index) => {
      const { object, subject } = guestTuple(1 + (index % Math.min(64, world.users)));
      return database.check({ object, permission: "view", subject }, {});
    },
  };
}

function strangers(database: Database): Work {
  let next = 0;
  return { inFlight: 1, call: () => write(database, "touch", strangeTuple(next++)) };
}

function write(database: Database, kind: "touch" | "delete", tuple: Tuple): Promise<unknown> {
  return database.writeTuples({ operations: [{ kind, tuple }] }, {});
}

/** So many calls, one every ten milliseconds: what is late does not wait again. */
async function paced(count: number, call: (id: number) => Promise<void>): Promise<void> {
  const begun = performance.now();
  for (let id = 1; id <= count; id++) {
    await call(id);
    const early = begun + id * commitMs - performance.now();
    if (early > 0) await setTimeout(early);
  }
}

function newMoments(): Moments {
  return { called: new Map(), durable: new Map(), answered: new Map() };
}

function momentRows(name: string, { called, durable, answered }: Moments, arrived: ReadonlyMap<number, number>, hasGoal: boolean): Row[] {
  const since = (from: ReadonlyMap<number, number>) => percentiles([...from].map(([id, at]) => (arrived.get(id) ?? Number.NaN) - at));
  const missing = [...called.keys()].filter((id) => !arrived.has(id)).length;
  if (missing > 0) throw new Error(`${name}: ${missing} of ${called.size} did not arrive`);
  const first = since(durable);
  return [
    { name: `${name}: durable → told`, ...first, ...(hasGoal && { goals: [atMost("p50, in ms", 2, first.p50Us / 1_000), atMost("p99, in ms", 10, first.p99Us / 1_000)] }) },
    ...(answered.size === 0 ? [] : [{ name: "    writer answered → told (below zero: told before)", ...since(answered) }]),
    { name: "    call → told", ...since(called) },
  ];
}

function turnRow(name: string, { perSecond, latenciesMs }: Turn): Row {
  return { name, perSecond, ...percentiles(latenciesMs) };
}

function requireAllowed({ allowed, refused }: Enforcer, held: number): void {
  if (allowed !== held || refused > 0) throw new Error(`${allowed} of ${held} are allowed and ${refused} refused: all must be allowed`);
}
