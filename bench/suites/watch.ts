import { Database } from "../../src/database/database.js";
import type { WatchEvent } from "../../src/model/service.js";
import { openLevelStore } from "../../src/storage/level/store.js";
import { withFolder } from "../folder.js";
import type { Row } from "../report.js";
import type { Settings, Suite } from "../suite.js";
import { percentiles } from "../turn.js";

const schema = "definition user {}\ndefinition document { relation viewer: user }";

/** From the moment a commit is durable to the moment the last watcher holds its event. */
export const watch: Suite = {
  name: "watch",
  about: "durable commit → event at the last of the watchers, embedded",
  async run(settings) {
    return [await delivery(1, settings), await delivery(100, settings)];
  },
};

async function delivery(watchers: number, settings: Settings): Promise<Row> {
  return withFolder(async (folder) => {
    const store = await openLevelStore(folder);
    let durableAt = 0;
    // Registered before there are watchers, so it is called before theirs.
    store.onCommit(() => void (durableAt = performance.now()));
    const database = new Database(store);
    try {
      await database.writeSchema({ text: schema }, {});
      const streams = Array.from({ length: watchers }, () => database.watchTuples({}, {})[Symbol.asyncIterator]());
      const latencies: number[] = [];
      const start = performance.now();
      for (let index = 0; performance.now() - start < settings.rounds * settings.roundMs; index++) {
        const events = Promise.all(streams.map((stream) => stream.next()));
        await Promise.all([write(database, index), events.then((list) => requireCommits(list)).then(() => latencies.push(performance.now() - durableAt))]);
      }
      const perSecond = (latencies.length * 1_000) / (performance.now() - start);
      return { name: `${watchers} ${watchers === 1 ? "watcher" : "watchers"}, one commit after another`, perSecond, ...percentiles(latencies) };
    } finally {
      await database.close();
    }
  });
}

function write(database: Database, index: number): Promise<unknown> {
  const tuple = { object: { type: "document", id: "plan" }, relation: "viewer", subject: { type: "user", id: `u${index}`, relation: "" } };
  return database.writeTuples({ operations: [{ kind: "touch", tuple }] }, {});
}

function requireCommits(results: readonly IteratorResult<WatchEvent, unknown>[]): void {
  if (!results.every((result) => result.done !== true && result.value.kind === "commit")) throw new Error("a watcher heard something else than the commit");
}
