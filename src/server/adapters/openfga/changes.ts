import { limits } from "../../../base/limits.js";
import type { Call, Service, WatchEvent } from "../../../model/service.js";
import { Refusal } from "./failures.js";
import { nativeName } from "./names.js";
import { tupleKeyOf } from "./references.js";

export interface ChangesRequest {
  readonly store: string;
  readonly type: string;
  readonly size: number;
  readonly token: string;
}

/** How far a page came: behind a commit, and so many changes into the next one. */
interface Place {
  readonly after: string | undefined;
  readonly skip: number;
}

/** A page of what changed, the oldest first, back to the horizon. At the end of it the token stays as it is, and goes on with what comes. */
export async function readChanges(service: Service, { type, size, token }: ChangesRequest, call: Call): Promise<object> {
  let place = readPlace(token);
  const changes: object[] = [];
  const request = { ...(place.after === undefined ? { fromEarliest: true } : { after: place.after }), checkpointMs: limits.watchCheckpointMsMin, ...(type !== "" && { filters: [{ objectType: nativeName(type) }] }) };
  let skipped = 0;
  for await (const event of service.watchTuples(request, call)) {
    if (event.kind === "checkpoint") {
      place = { after: event.zookie, skip: 0 };
      break;
    }
    const left = changesOf(event);
    const room = size - changes.length;
    const from = Math.max(0, place.skip - skipped);
    changes.push(...left.slice(from, from + room));
    skipped += left.length;
    if (left.length > from + room) return { changes, continuation_token: writePlace({ after: place.after, skip: skipped - left.length + from + room }) };
    if (event.zookie === undefined) continue;
    place = { after: event.zookie, skip: 0 };
    skipped = 0;
    if (changes.length >= size) break;
  }
  return { changes, continuation_token: writePlace(place) };
}

function changesOf({ operations, instant }: Extract<WatchEvent, { kind: "commit" }>): object[] {
  const timestamp = new Date(instant).toISOString();
  return operations.map(({ kind, tuple }) => ({ tuple_key: tupleKeyOf(tuple), operation: kind === "write" ? "TUPLE_OPERATION_WRITE" : "TUPLE_OPERATION_DELETE", timestamp }));
}

function writePlace({ after = "", skip }: Place): string {
  return `${after}.${skip}`;
}

/** @throws `invalid_continuation_token` */
function readPlace(token: string): Place {
  if (token === "") return { after: undefined, skip: 0 };
  const [, after, skip] = /^([\w-]*)\.(\d{1,9})$/.exec(token) ?? [];
  if (after === undefined) throw new Refusal("invalid_continuation_token", "query parameter `continuation_token` is not of an answer");
  return { after: after === "" ? undefined : after, skip: Number(skip) };
}
