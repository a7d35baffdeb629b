import { UsherError, type ErrorCode } from "../../base/errors.js";
import { durationMs } from "../../base/duration.js";
import { limits } from "../../base/limits.js";
import { checkFilter, type TupleFilter } from "../../model/filter.js";
import { quote } from "../../model/object.js";
import type { Service, WatchEvent, WatchTuplesRequest } from "../../model/service.js";
import { instantText, tupleJson } from "../../model/tuple-json.js";
import type { HttpAdapter, HttpRequest } from "./adapter.js";

/** Query parameters that are fields of a filter. */
const filterFields: Readonly<Record<string, keyof TupleFilter>> = {
  object_type: "objectType",
  object_id: "objectId",
  object_id_prefix: "objectIdPrefix",
  relation: "relation",
  subject_type: "subjectType",
  subject_id: "subjectId",
  subject_relation: "subjectRelation",
};

const otherParameters = ["after", "from_earliest", "schema_changes", "checkpoint"];

/** Where a client of server-sent events goes on by itself. */
const lastEventId = "last-event-id";

/**
 * `GET /v1/watch`: changes of tuples as server-sent events, for what speaks no gRPC. An event's id is a zookie, so that a client which comes back with
 * it as `Last-Event-ID` misses nothing and sees nothing twice.
 *
 *     id: GhUKE…
 *     event: commit
 *     data: {"zookie":"GhUKE…","instant":"2026-01-01T00:00:00.000Z","metadata":{},"operations":[{"kind":"write","tuple":"doc:1#viewer@user:ana",…}],"last":true}
 */
export function watchAdapter(service: Pick<Service, "watchTuples">): HttpAdapter {
  return {
    register: (routes) =>
      routes.stream({
        method: "GET",
        url: "/v1/watch",
        role: "read",
        callClass: "stream",
        contentType: "text/event-stream",
        preface: `retry: ${limits.eventsRetryMs}\n\n`,
        read: readWatch,
        stream: (request, call) => textOf(service.watchTuples(request, call)),
        ending: ({ code, message }) => eventText("end", { code, message }),
      }),
  };
}

/** @throws `invalid_request`, `invalid_filter`… */
function readWatch({ query, header }: HttpRequest): WatchTuplesRequest {
  for (const name of new Set(query.keys())) {
    if (!(name in filterFields) && !otherParameters.includes(name)) throw invalid(name, `is no parameter: there are ${[...Object.keys(filterFields), ...otherParameters].map((each) => `\`${each}\``).join(", ")}`);
    if (query.getAll(name).length > 1) throw invalid(name, "is given more than once: give it once");
  }
  const fields = Object.entries(filterFields).flatMap(([name, field]) => (query.has(name) ? [[field, query.get(name) ?? ""] as const] : []));
  const filter: TupleFilter = checkFilter(Object.fromEntries(fields));
  // A client that comes back asks by the URL with which it began.
  const after = header(lastEventId) || query.get("after") || undefined;
  const fromEarliest = after === undefined && flag(query, "from_earliest");
  return {
    ...(after === undefined ? {} : { after }),
    ...(fromEarliest ? { fromEarliest } : {}),
    ...(fields.length === 0 ? {} : { filters: [filter] }),
    ...(flag(query, "schema_changes") ? { schemaChanges: true } : {}),
    checkpointMs: checkpointMs(query.get("checkpoint")),
  };
}

function flag(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null || text === "false") return false;
  if (text === "true") return true;
  throw invalid(name, `is ${quote(text)}: give \`true\` or \`false\``);
}

function checkpointMs(text: string | null): number {
  if (text === null) return limits.eventsCheckpointMsDefault;
  const ms = durationMs(text);
  if (ms !== undefined && ms >= limits.watchCheckpointMsMin && ms <= limits.timerMsMax) return ms;
  throw invalid("checkpoint", `is ${quote(text)}: give a duration from ${limits.watchCheckpointMsMin} ms on, as \`5s\``);
}

function invalid(name: string, problem: string, code: ErrorCode = "invalid_request"): UsherError {
  return new UsherError(code, `query parameter ${quote(name)} ${problem}`, { details: { field: name } });
}

async function* textOf(events: AsyncIterable<WatchEvent>): AsyncIterable<string> {
  for await (const event of events) {
    const { kind, zookie, instant, ...rest } = event;
    const head = { ...(zookie === undefined ? {} : { zookie }), instant: instantText(instant) };
    yield eventText(kind, "operations" in rest ? { ...head, ...rest, operations: rest.operations.map(({ kind: change, tuple }) => ({ kind: change, ...tupleJson(tuple) })) } : head, zookie);
  }
}

/** JSON has no line break of its own, so that all of it is one line of data. */
function eventText(event: string, data: object, id?: string): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
