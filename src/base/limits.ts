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
  schemaMembersMax: 20_000,
  schemaErrorsMax: 100,
  schemasCompiledMax: 200,
  schemaRetriesMax: 5,

  // Conditions: the text, what it may read, and what one evaluation may cost.
  conditionParametersMax: 64,
  conditionBytesMax: 8_192,
  conditionNodesMax: 4_000,
  conditionNestingMax: 400,
  conditionStepsMax: 100_000,
  patternBytesMax: 512,
  patternInstructionsMax: 1_000,
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
  pageBytesMax: 1_048_576,
  pageTuplesPerList: 32,
  filtersPerRequestMax: 20,

  // Evaluation.
  depthMax: 100,
  contextualTuplesMax: 100,
  batchItemsMax: 10_000,
  cycleRetriesMax: 500,
  readsPerEvaluationMax: 200_000,
  readsPerPassMax: 4_096,
  listTuplesMax: 100_000,
  walkSliceMs: 1,
  expandNodesMax: 10_000,
  explainNodesMax: 10_000,

  // Store reads in flight: LevelDB has four threads, and commits must never queue behind reads.
  readBatchesInFlightMax: 2,
  readBatchKeysMax: 16,

  // What one write's preconditions and erase may read, and one page of a list, before each gives up or pauses.
  stageRowsMax: 100_000,
  pageRowsMax: 4_096,

  // The store: how much of its chain of commits a start verifies, and how it is maintained and revived.
  verifyChangesMax: 20_000,
  scrubAtOpenBytesMax: 67_108_864,
  scrubMs: 86_400_000,
  maintenanceMs: 60_000,
  maintenanceCommitsMax: 64,
  maintenanceRowsMax: 4_096,
  recoveryDelayMsMin: 50,
  recoveryDelayMsMax: 5_000,

  // Watch.
  watchersMax: 1_000,
  watchEventOperationsMax: 1_000,
  watchCheckpointMsMin: 100,
  watchEventBytesMax: 1_048_576,
  watchPageCommitsMax: 16,
  watchRecentCommitsMax: 1_024,
  watchRecentChangesMax: 20_000,

  // Wire.
  messageBytesMax: 4_194_304,
  tenantBytesMax: 128,
  callsPerConnectionMax: 2_000,
  streamBufferBytesMax: 262_144,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  callMsDefault: 10_000,
  reconnectMsMin: 100,
  reconnectMsMax: 2_000,
  errorMessageBytesMax: 2_048,
  errorDetailsBytesMax: 2_048,

  // Time and retention.
  clockJumpMsMax: 5_000,
  horizonMsDefault: 86_400_000,
  timerMsMax: 86_400_000,
  instantMsMax: 8_640_000_000_000_000,
  nowUseValidMs: 1_000,
} as const;

assert(limits.groupOperationsMax >= limits.deletePerCallMax, "one delete by filter must fit in one group");
assert(limits.pageTuplesDefault <= limits.pageTuplesMax, "a page without a size must be allowed");
assert(
  limits.schemaBytesMax + limits.watchEventBytesMax + limits.metadataBytesMax < limits.messageBytesMax,
  "one part of a commit must fit in one message",
);
assert(
  limits.pageBytesMax + limits.pageTuplesPerList * (limits.contextBytesMax + 4 * limits.idBytesMax) < limits.messageBytesMax,
  "a page that is as large as pages get must fit in one message",
);
assert(limits.contextBytesMax * 8 < limits.messageBytesMax, "a request with a full context must fit in one message");
