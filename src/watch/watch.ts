import type { WatchEvent, WatchTuplesRequest } from "../model/service.js";
import type { TenantId } from "../model/zookie.js";
import type { Store } from "../storage/store.js";
import { Watches } from "./watches.js";

const ofStore = new WeakMap<Store, Watches>();

/** `Watches.watch` for a program that keeps no `Watches` of its own: those of one store share one. */
export function watchTuples(store: Store, tenant: TenantId, request: WatchTuplesRequest, signal?: AbortSignal): AsyncIterable<WatchEvent> {
  let watches = ofStore.get(store);
  if (watches === undefined) ofStore.set(store, (watches = new Watches(store)));
  return watches.watch(tenant, request, signal);
}
