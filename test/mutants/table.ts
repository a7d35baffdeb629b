import { accessMutants } from "./access.js";
import { auditMutants } from "./audit.js";
import { databaseMutants } from "./database.js";
import { decisionMutants } from "./decisions.js";
import { doorMutants } from "./doors.js";
import { cacheMutants, evaluationMutants } from "./evaluation.js";
import { importMutants } from "./imports.js";
import { lookupMutants } from "./lookups.js";
import { modelMutants } from "./model.js";
import type { Mutant } from "./mutant.js";
import { storageMutants } from "./storage.js";
import { watchMutants } from "./watch.js";
import { wireMutants } from "./wire.js";

export const mutants: readonly Mutant[] = [...evaluationMutants, ...decisionMutants, ...cacheMutants, ...lookupMutants, ...modelMutants, ...storageMutants, ...watchMutants, ...databaseMutants, ...auditMutants, ...wireMutants, ...accessMutants, ...importMutants, ...doorMutants];

/** One of each layer, the quickest to be caught: what every run of the tests can afford. */
export const representatives: readonly string[] = [
  "the right side of an exclusion is skipped",
  "a condition that lacks a field holds",
  "a relation admits tuples of any condition",
  "a delete leaves the row by subject",
  "a watch sends what its filters leave out",
  "a cursor serves any filter",
  "a batch of records that has arrived is written again",
  "the server ignores the tenant of a call",
  "a key of any secret is right",
  "an import that was made is made again",
];
