import type { Context } from "../model/context.js";
import type { SubjectRef } from "../model/subject.js";
import type { Standing } from "./cache/result.js";
import type { Reads } from "./reads.js";
import type { Solutions } from "./solutions.js";

/** Where the walks of one request read: one snapshot of the store, or the relation cache at head. */
export interface Source {
  /** Of the pass that is walked. */
  readonly at: Standing;
  /** How many keys and lists the request has had loaded. */
  readonly loaded: number;
  readonly wanting: boolean;
  /** Before each pass. False: it cannot be gone on with. */
  begin(): boolean;
  /** What walks with one subject and one context share. @param shared whether with other requests too */
  group(subject: SubjectRef, context: Context, shared: boolean): { readonly solutions: Solutions; readonly reads: Reads };
  /** Loads what was found wanting, in one round of bounded batches. */
  load(signal?: AbortSignal): Promise<void>;
}
