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
  // OpenFGA's API: what one write and one page have, what a list has, and what a store's models may take of its schema text.
  openfgaTuplesMax: 100,
  openfgaPageDefault: 50,
  openfgaChecksMax: 50,
  openfgaListMax: 1_000,
  openfgaModelsBytesMax: 524_288,
  // Comparing two schemas: rows of one truth table, and bits of all of them together.
  schemaDiffRowsMax: 65_536,
  schemaDiffBitsMax: 4_000_000_000,

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

  // Imports: one message; how many at once; a sorted run in staging and its blocks; a commit of what was staged.
  importBatchTuplesMax: 1_000,
  importsUnderWayMax: 16,
  importsPerTenantMax: 8,
  uploadIdleMs: 600_000,
  importRunTuplesMax: 40_000,
  importRunBytesMax: 8_388_608,
  importRunsMax: 10_000,
  importBlockBytesMax: 32_768,
  importStepBytesMax: 1_048_576,
  importChunkTuplesMax: 10_000,
  importChunkBytesMax: 4_194_304,
  importSliceTuplesMax: 500,
  importProblemsMax: 100,
  importsKeptMax: 1_000,
  lineCharactersMax: 1_048_576,

  // Reads.
  pageTuplesMax: 1_000,
  pageTuplesDefault: 100,
  pageBytesMax: 1_048_576,
  pageStepTuplesMax: 32,
  filtersPerRequestMax: 20,

  // Evaluation.
  depthMax: 100,
  openfgaDepthMax: 25,
  walkNestingMax: 1_500,
  contextualTuplesMax: 100,
  batchItemsMax: 10_000,
  cycleRetriesMax: 500,
  readsPerEvaluationMax: 200_000,
  readsPerPassMax: 4_096,
  listTuplesMax: 100_000,
  walkSliceMs: 1,
  walkRestartsMax: 2,
  expandNodesMax: 10_000,
  explainNodesMax: 10_000,

  // Lookups: what an enumeration of candidates comes by, how many one page judges, and at once; what a wildcard may stand beside and exclude; how long pages go on.
  lookupStepsMax: 1_000_000,
  lookupCandidatesPerPageMax: 5_000,
  lookupBatchMax: 256,
  lookupBatchMin: 16,
  lookupBesideWildcardMax: 100_000,
  lookupExclusionsMax: 10_000,
  lookupCursorMsMax: 3_600_000,
  lookupShelfWeightMax: 500_000,
  lookupShelfEntriesMax: 256,
  reachabilityKindsMax: 256,

  // What the relation cache and the memo may hold together.
  memoryBudgetBytesDefault: 268_435_456,
  memoryBudgetBytesMin: 1_048_576,
  // Three halves of 64 MiB: what of V8's heap is not for what stays.
  youngGenerationBytesMax: 201_326_592,
  // All tuples that name a subject, loaded together: once many of them were asked for, or at once where that is to be expected.
  subjectTuplesMax: 1_000,
  subjectTuplesFewMax: 32,
  // Seen from the subject's side: relations that lead to one another, and objects that are found.
  rungsMax: 16,
  holdersMax: 1_000,

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

  // Backups: how much is read and written at once, how much the largest row may make of that, and how far a reader may be behind.
  backupPieceBytesMax: 262_144,
  backupFrameBytesMax: 1_073_741_824,
  backupFramesAheadMax: 4,
  backupFilesMax: 10_000,
  checkpointAttemptsMax: 20,

  // Checking a store that is closed: keys looked up at once, and how many of what is wrong are named.
  fsckLookupRowsMax: 512,
  fsckExamplesMax: 20,

  // Watch.
  watchersMax: 1_000,
  watchEventOperationsMax: 1_000,
  watchCheckpointMsMin: 100,
  watchEventBytesMax: 1_048_576,
  watchPageCommitsMax: 16,
  watchRecentCommitsMax: 1_024,
  watchRecentChangesMax: 20_000,

  // Live decisions. A lease outlives the last checkpoint by at most itself and what clocks may drift meanwhile.
  liveStreamsMax: 1_000,
  holdsPerStreamMax: 200_000,
  holdsMax: 2_000_000,
  holdsPerMessageMax: 10_000,
  contextsPerStreamMax: 1_000,
  // Live lookups: how many one stream holds, and are enumerated at once; candidates of one, each of which counts as a hold, and what its enumeration comes by.
  lookupsPerStreamMax: 1_000,
  liveLookupsAtOnceMax: 2,
  liveLookupCandidatesMax: 10_000,
  liveLookupStepsMax: 50_000,
  leaseMsDefault: 10_000,
  leaseMsMin: 1_000,
  leaseMsMax: 60_000,
  leaseDriftPerMilleMax: 10,
  leaseBehindMsMax: 1_000,
  liveMessageStatesMax: 1_000,
  liveMessageCommitsMax: 100,
  liveMessageExplanationsMax: 20,
  awaitEnforcementMsMax: 120_000,
  nonceBytesMax: 64,
  checkpointsUnacknowledgedMax: 1_000,
  refusedWaitingMax: 20_000,
  validForMsMax: 4_294_967_295,
  // An enforcement point: what it may hold unless told otherwise, what waits to be sent, pings that are remembered, and what holds of one message may take.
  guardHoldsDefault: 50_000,
  liveOutboxMessagesMax: 4_096,
  pingsUnansweredMax: 16,
  holdsMessageBytesMax: 1_048_576,
  // Decisions evaluated together, of those that share their few subjects more, evaluations under way at once, and how long one waits to be tried again after the store failed.
  liveChunkMax: 32,
  liveChunkAlikeMax: 512,
  liveChunksMax: 2,
  // A stream's due decisions that are no more are evaluated at once, beside so many such; and what the others on the event loop may have lent to those that are more.
  liveFewMax: 16,
  liveFewsMax: 64,
  liveLentMsMax: 3,
  liveRetryMs: 250,
  // Commits of which it is known whom they concerned: a writer asks as soon as it is answered.
  revocationsKeptMax: 10_000,
  // Browsers: what a token may name and how long it is taken, streams of one process, what they trust, and how long one outlives its token.
  browserQuestionsMax: 100,
  browserTokenBytesMax: 8_192,
  browserTokenMsDefault: 60_000,
  browserTokenMsMax: 600_000,
  browserSecretBytesMin: 32,
  browserStreamsMax: 1_000,
  browserLeaseMsDefault: 10_000,
  browserReadyMs: 2_000,
  browserGraceMs: 5_000,
  // How long a WebSocket whose permission has ended has to take its close. It is heard no more meanwhile.
  webSocketCloseMs: 1_000,
  // A preview: questions of its own, held decisions that are evaluated for it, and changes that it lists.
  previewChecksMax: 10_000,
  previewDecisionsMax: 20_000,
  previewChangesDefault: 1_000,
  previewChangesMax: 10_000,
  // A list of what is held: what one page has, and how many decisions are looked at before everything else may go on.
  holdsPageMax: 500,
  holdsLookedMax: 5_000,
  // The sweep: how often every live decision is evaluated from the store, and for how long lookups are enumerated then; which part of the time that may take; and how long its thread may take to end.
  sweepMs: 60_000,
  sweepPerMilleMax: 50,
  sweepEndMs: 5_000,

  // Following a SpiceDB: relationships of it that are refused here, how often in a row an export that breaks off is gone on with, how often its schema and what was reached are looked at.
  refusedRelationshipsMax: 10_000,
  recoveriesMax: 5,
  followSchemaMsDefault: 10_000,
  followStateMs: 1_000,

  // Wire.
  messageBytesMax: 4_194_304,
  // Strings of messages that are kept, to be found again rather than made again; as many as a power of two.
  shortStringBytesMax: 32,
  shortStringsMax: 1_024,
  tenantBytesMax: 128,
  certificateFileBytesMax: 4_194_304,
  callsPerConnectionMax: 2_000,
  streamBufferBytesMax: 262_144,
  keepaliveMs: 30_000,
  keepaliveTimeoutMs: 10_000,
  callMsDefault: 10_000,
  shutdownForcedMs: 1_000,
  // A live stream that the server ends of itself is told so, and lives on for a moment; clients come back spread over so long.
  partingMs: 100,
  requestsEndMs: 20,
  reconnectSpreadMs: 1_000,
  reconnectMsMin: 100,
  reconnectMsMax: 2_000,
  errorMessageBytesMax: 2_048,
  errorDetailsBytesMax: 2_048,

  // Over HTTP: headers and how long a request may take to arrive, and to be answered; connections; how long a stream may take to fail with a status.
  httpHeaderBytesMax: 16_384,
  httpRequestMs: 10_000,
  httpCallMs: 60_000,
  httpConnectionsMax: 5_000,
  streamOpenMs: 100,
  envoyRulesMax: 1_000,
  // Checkpoints of changes over server-sent events, which keep alive what stands between; and how long a client waits before it comes back.
  eventsCheckpointMsDefault: 15_000,
  eventsRetryMs: 1_000,

  // Operating a server: what it takes at once, how late it may be, how it is watched.
  callsUnderWayMax: 2_000,
  loopDelayMsMax: 500,
  loopResolutionMs: 10,
  loopSampleMs: 250,
  loopSamplesMax: 4,
  retryAfterMs: 250,
  drainMsDefault: 10_000,
  healthMs: 1_000,
  healthWatchersMax: 100,
  healthUnreadMax: 32,
  metricsConnectionsMax: 50,
  metricsRequestMs: 5_000,
  slowCallMs: 1_000,
  refusalsLoggedPerSecondMax: 10,
  configurationBytesMax: 1_048_576,

  // Tenants. A list of all of them fits in one message.
  tenantsMax: 10_000,
  quotaTuplesMax: 4_294_967_295,
  quotaRequestsPerSecondMax: 1_000_000,

  // Keys, and what a failed authentication costs its peer.
  keysMax: 2_000,
  keysFileBytesMax: 2_097_152,
  keyIdBytesMax: 64,
  keyNoteBytesMax: 1_024,
  certificateNameBytesMax: 1_024,
  failuresFreeMax: 5,
  failuresPerMinuteMax: 6,
  failureDelayMsMin: 100,
  failureDelayMsMax: 5_000,
  failurePeersMax: 10_000,
  failuresDelayedMax: 1_000,
  certificateWarningMs: 2_592_000_000,

  // The decision log.
  auditFlushMs: 100,
  auditBatchRecordsMax: 4_096,
  auditBatchBytesMax: 1_048_576,
  auditBacklogBytesMax: 67_108_864,
  auditPayloadBytesMax: 1_048_576,
  auditCheckpointMs: 60_000,
  auditPageRecordsDefault: 100,
  auditPageRecordsMax: 1_000,
  auditCursorMsMax: 86_400_000,
  auditTailsMax: 100,
  // On its disk: a block of records; of its index a chunk, the run that becomes a segment, how many segments become one, and how often. A page ends after so many records were looked at.
  auditBlockBytesMax: 16_384,
  auditChunkBytesMax: 16_384,
  auditRunRecordsMax: 4_096,
  auditSegmentsMergedMax: 8,
  auditSegmentLevelMax: 3,
  auditScanRecordsMax: 20_000,
  auditSliceMs: 2,
  redactTogetherMax: 32,
  auditGroundsMax: 16,
  replayPerCallMax: 100,
  redactPerCallMax: 1_000,
  attributionBytesMax: 1_024,
  refusalRecordMs: 1_000,
  holdsRecordedAtOnceMax: 500,
  auditFilterTextBytesMax: 4_096,
  refusalsRecordedMax: 1_000,
  // Proofs of it: the key that signs, a checkpoint, a line of an export, how many findings a verification lists, and a witness who does not answer.
  signingKeyFileBytesMax: 4_096,
  originBytesMax: 256,
  checkpointBytesMax: 65_536,
  checkpointSignaturesMax: 16,
  exportLineBytesMax: 16_777_216,
  auditFindingsMax: 100,
  witnessMs: 10_000,
  witnessAttemptsMax: 5,
  witnessDelayMsMin: 1_000,
  witnessDelayMsMax: 60_000,

  // Time and retention.
  clockJumpMsMax: 5_000,
  horizonMsDefault: 86_400_000,
  timerMsMax: 86_400_000,
  instantMsMax: 8_640_000_000_000_000,
  nowUseValidMs: 1_000,
} as const;

assert(limits.groupOperationsMax >= limits.deletePerCallMax, "one delete by filter must fit in one group");
assert(limits.importChunkTuplesMax <= limits.groupOperationsMax, "a commit of an import must not be larger than a group of writes may be");
assert(limits.importsPerTenantMax < limits.importsUnderWayMax, "one tenant must leave room for the imports of others");
assert(limits.importProblemsMax * 2 * limits.errorMessageBytesMax < limits.messageBytesMax, "an import's answer must fit in one message");
assert(limits.pageTuplesDefault <= limits.pageTuplesMax, "a page without a size must be allowed");
assert(
  limits.schemaBytesMax + limits.watchEventBytesMax + limits.metadataBytesMax < limits.messageBytesMax,
  "one part of a commit must fit in one message",
);
assert(
  limits.pageBytesMax + limits.pageStepTuplesMax * (limits.contextBytesMax + 4 * limits.idBytesMax) < limits.messageBytesMax,
  "a page that is as large as pages get must fit in one message",
);
assert(
  2 * limits.pageBytesMax + limits.schemaBytesMax + (limits.lookupExclusionsMax + limits.pageTuplesMax) * 64 < limits.messageBytesMax,
  "a page of a lookup, with its last result and a wildcard's exclusions, must fit in one message",
);
assert(limits.tenantsMax * (limits.tenantBytesMax + 64) < limits.messageBytesMax, "a list of all tenants must fit in one message");
assert(2 * limits.callsUnderWayMax <= limits.writesQueuedMax, "calls that are not revocations must leave room for those in the queue of writes");
assert(limits.failureDelayMsMax < limits.httpRequestMs, "a refusal that waits must be answered before its request is given up");
assert(limits.contextBytesMax * 8 < limits.messageBytesMax, "a request with a full context must fit in one message");
