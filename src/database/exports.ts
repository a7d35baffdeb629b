import { limits } from "../base/limits.js";
import type { Call, ExportTuplesRequest, ExportTuplesResponse } from "../model/service.js";
import type { Core } from "./core.js";
import { readTuples } from "./reads.js";

/**
 * Pages of one snapshot, each read when the consumer asks for it: between two nothing is held, so that a slow consumer costs
 * nothing, and one that falls behind the horizon is told so with `cursor_expired`.
 */
export async function* exportTuples(core: Core, request: ExportTuplesRequest, call: Call): AsyncGenerator<ExportTuplesResponse, void> {
  const { filter } = request;
  for (let page = await readTuples(core, { ...request, pageSize: limits.pageTuplesMax }, call); ; ) {
    yield page;
    if (page.cursor === undefined) return;
    page = await readTuples(core, { filter, cursor: page.cursor, pageSize: limits.pageTuplesMax }, call);
  }
}
