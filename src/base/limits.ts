import { assert } from "./assert.js";

/**
 * Every bound of the system, in one place, the unit last in the name. Each has a test at the bound.
 * Change one here and the assertions below say what else must move with it.
 */
export const limits = {
  // Names and ids.
  nameBytesMax: 128,
  idBytesMax: 1024,

  // Schema text.
  schemaBytesMax: 1_048_576,
  schemaNestingMax: 64,
  schemaDefinitionsMax: 1_000,
  schemaErrorsMax: 100,

  // Conditions: the text, what it may read, and what one evaluation may cost.
  conditionParametersMax: 64,
  conditionBytesMax: 8_192,
  conditionStepsMax: 100_000,
  contextBytesMax: 65_536,
  contextDepthMax: 16,

  // Writes.
  operationsPerWriteMax: 1_000,
  preconditionsPerWriteMax: 100,
  deletePerCallMax: 10_000,
  metadataBytesMax: 16_384,
  requestIdBytesMax: 256,
  writesQueuedMax: 10_000,
  groupWritesMax: 256,
  groupOperationsMax: 10_000,

  // Reads.
  pageTuplesMax: 1_000,
  pageTuplesDefault: 100,
  filtersPerRequestMax: 20,

  // Evaluation.
  depthMax: 100,
  contextualTuplesMax: 100,
  batchItemsMax: 10_000,
  readsPerEvaluationMax: 200_000,
  listTuplesMax: 100_000,
  walkSliceMs: 1,
  expandNodesMax: 10_000,

  // Store reads in flight: LevelDB has four threads, and commits must never queue behind reads.
  readBatchesInFlightMax: 2,
  readBatchKeysMax: 16,

  // Watch.
  watchersMax: 1_000,
  watchEventOperationsMax: 1_000,
  watchCheckpointMsMin: 100,

  // Wire.
  messageBytesMax: 4_194_304,

  // Time and retention.
  clockJumpMsMax: 5_000,
  horizonMsDefault: 86_400_000,
  timerMsMax: 86_400_000,
  nowUseValidMs: 1_000,
} as const;

assert(limits.groupOperationsMax >= limits.deletePerCallMax, "one delete by filter must fit in one group");
assert(limits.pageTuplesDefault <= limits.pageTuplesMax, "a page without a size must be allowed");
assert(limits.contextBytesMax * 8 < limits.messageBytesMax, "a request with a full context must fit in one message");
