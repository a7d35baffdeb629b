import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { TimeSources } from "../../src/base/clock.js";
import type { Operation } from "../../src/model/service.js";
import type { LevelStore } from "../../src/storage/level/level-store.js";
import { openLevelStore } from "../../src/storage/level/store.js";
import type { Write, WriteOutcome } from "../../src/storage/store.js";
import { withTwoTenants } from "../storage/two-tenants.js";

/** A clock that stands until it is moved. */
export class HandClock implements TimeSources {
  ms = 1_800_000_000_000;
  wallMs = () => this.ms;
  monotonicMs = () => this.ms;
  uptimeMs = () => this.ms;
}

export interface TestStore {
  readonly store: LevelStore;
  readonly clock: HandClock;
  /** Commits for tenant 1, or another. */
  commit(operations: readonly Operation[], more?: Partial<Write>): Promise<WriteOutcome>;
  close(): Promise<void>;
}

/** A LevelDB store in a folder of its own; with a horizon, history further back is collected by `maintain`. */
export async function testStore(horizonMs = Number.POSITIVE_INFINITY): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), "usher-watch-"));
  const clock = new HandClock();
  const store = await withTwoTenants(await openLevelStore(folder, { time: clock, horizonMs, maintenanceMs: Number.POSITIVE_INFINITY }));
  return {
    store,
    clock,
    commit: (operations, more = {}) =>
      store.commit({ tenant: 1, principal: "", preconditions: [], operations, metadata: {}, validateOnly: false, ...more }),
    close: async () => {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

export function touchViewer(document: string, user: string): Operation {
  return { kind: "touch", tuple: { object: { type: "doc", id: document }, relation: "viewer", subject: { type: "user", id: user, relation: "" } } };
}

export function deleteViewer(document: string, user: string): Operation {
  return { ...touchViewer(document, user), kind: "delete" };
}
