import { openLevelStore } from "../../../src/storage/level/store.js";
import { openClassicLevel } from "../../../src/storage/level/raw.js";
import { storeConformance } from "../conformance.js";
import { Faults, losingUnsynced, withLatency } from "../faults.js";

const quiet = { maintenanceMs: Number.POSITIVE_INFINITY };

storeConformance("the LevelDB store", (folder, options) => openLevelStore(folder, { ...options, ...quiet }));

storeConformance(
  "the LevelDB store behind a wrapper that could fail",
  (folder, options) => openLevelStore(folder, { ...options, ...quiet, openRaw: new Faults().wrap(openClassicLevel) }),
  20,
);

storeConformance(
  "the LevelDB store with random latency",
  (folder, options) => openLevelStore(folder, { ...options, ...quiet, openRaw: withLatency(openClassicLevel) }),
  20,
);

storeConformance(
  "the LevelDB store on a disk that loses what was not synced",
  (folder, options) => openLevelStore(folder, { ...options, ...quiet, openRaw: losingUnsynced(openClassicLevel) }),
  20,
);
