import { UsherError } from "../../../base/errors.js";
import { quote } from "../../../model/object.js";
import type { Call } from "../../../model/service.js";

/**
 * The call as one of the store that its URL names. Whoever has a key of one tenant has that store and no other; to know of another, whether it is there, is
 * not theirs either.
 * @throws `permission_denied`
 */
export function storeCall(call: Call, store: string): Call {
  if (call.tenant === store) return call;
  if (call.tenant !== undefined) throw new UsherError("permission_denied", `the key, or the header \`usher-tenant\`, is not of store ${quote(store)}`);
  return callIn(call, store);
}

/** The call as one of a tenant, which its caller may have, being of all. */
export function callIn(call: Call, tenant: string): Call {
  return new StoreCall(call, tenant);
}

/** The rest is as the call says when it is asked: a signal is made for who wants one. */
class StoreCall implements Call {
  readonly tenant: string;
  readonly #call: Call;
  declare readonly principal?: string;
  declare readonly requestId?: string;
  declare readonly traceId?: string;
  declare readonly peer?: string;
  declare readonly actor?: string;
  declare readonly session?: string;

  constructor(call: Call, store: string) {
    this.#call = call;
    this.tenant = store;
    const { principal, requestId, traceId, peer, actor, session } = call;
    Object.assign(this, Object.fromEntries(Object.entries({ principal, requestId, traceId, peer, actor, session }).filter(([, value]) => value !== undefined)));
  }

  get signal(): AbortSignal {
    return this.#call.signal ?? never;
  }

  get aborted(): boolean {
    return this.#call.aborted ?? this.#call.signal?.aborted ?? false;
  }
}

const never = new AbortController().signal;
