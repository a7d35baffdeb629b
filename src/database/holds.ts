import { throwIfAborted } from "../base/abort.js";
import type { LiveDecisions } from "../decisions/live-decisions.js";
import type { HoldsFilter, ListHoldsRequest, ListHoldsResponse } from "../model/holds.js";
import { checkName } from "../model/object.js";
import type { Call } from "../model/service.js";
import type { Core } from "./core.js";
import { requireFields, requireText, validateObject, validateSubject } from "./validate.js";

/** What is held, page by page. It concerns the server: the call's own tenant says nothing here. */
export async function* listHolds(core: Core, live: LiveDecisions, request: ListHoldsRequest, call: Call): AsyncGenerator<ListHoldsResponse, void> {
  throwIfAborted(call.signal);
  requireFields(request, "the request");
  const { tenant, decisions } = request;
  const filter = decisions && validateHoldsFilter(decisions);
  if (tenant !== undefined) requireText(tenant, "tenant");
  const names = tenant === undefined ? core.store.listTenants().map(({ name }) => name) : [tenant];
  const list = live.list(new Map(names.map((name) => [core.store.tenant(name), name])));
  yield* filter === undefined ? list.streams(call.signal) : list.decisions(filter, call.signal);
}

function validateHoldsFilter(filter: HoldsFilter): HoldsFilter {
  requireFields(filter, "decisions");
  const { stream, object, permission, subject } = filter;
  if (stream !== undefined) requireText(stream, "stream");
  return {
    ...(stream === undefined ? {} : { stream }),
    ...(object === undefined ? {} : { object: validateObject(object) }),
    ...(permission === undefined ? {} : { permission: checkName(permission, "permission") }),
    ...(subject === undefined ? {} : { subject: validateSubject(subject) }),
  };
}
