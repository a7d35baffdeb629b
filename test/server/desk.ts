import type { Call, ImportTuplesRequest, ImportTuplesResponse, Service } from "../../src/model/service.js";

/** The methods of a service that answer once. */
export type Unary = Exclude<keyof Service, "close" | "watchTuples" | "live" | "importTuples" | "exportTuples" | "backup" | "listHolds" | "tailDecisions">;

type Handler = (request: never, call: Call) => unknown;

/**
 * A service whose answers a test sets, and which keeps what it was asked: the wire is tested on its
 * own, whatever stands behind it.
 */
export class Desk implements Service {
  readonly asked: { readonly method: string; readonly request: unknown; readonly call: Call }[] = [];
  readonly #answers = new Map<string, Handler>();

  readonly writeTuples = this.#method("writeTuples");
  readonly deleteTuples = this.#method("deleteTuples");
  readonly readTuples = this.#method("readTuples");
  readonly check = this.#method("check");
  readonly batchCheck = this.#method("batchCheck");
  readonly expand = this.#method("expand");
  readonly lookupObjects = this.#method("lookupObjects");
  readonly lookupSubjects = this.#method("lookupSubjects");
  readonly lookupPermissions = this.#method("lookupPermissions");
  readonly readSchema = this.#method("readSchema");
  readonly writeSchema = this.#method("writeSchema");
  readonly createTenant = this.#method("createTenant");
  readonly listTenants = this.#method("listTenants");
  readonly deleteTenant = this.#method("deleteTenant");
  readonly setTenantQuotas = this.#method("setTenantQuotas");
  readonly previewChange = this.#method("previewChange");
  readonly diffSchema = this.#method("diffSchema");
  readonly queryDecisions = this.#method("queryDecisions");
  readonly getCheckpoint = this.#method("getCheckpoint");
  readonly proveDecision = this.#method("proveDecision");
  readonly replayDecisions = this.#method("replayDecisions");
  readonly redactDecisions = this.#method("redactDecisions");
  readonly findLoss = this.#method("findLoss");

  tailDecisions(request: Parameters<Service["tailDecisions"]>[0], call: Call): ReturnType<Service["tailDecisions"]> {
    return this.#ask("tailDecisions", request, call) as ReturnType<Service["tailDecisions"]>;
  }

  watchTuples(request: Parameters<Service["watchTuples"]>[0], call: Call): ReturnType<Service["watchTuples"]> {
    return this.#ask("watchTuples", request, call) as ReturnType<Service["watchTuples"]>;
  }

  live(requests: Parameters<Service["live"]>[0], call: Call): ReturnType<Service["live"]> {
    return this.#ask("live", requests, call) as ReturnType<Service["live"]>;
  }

  async importTuples(messages: AsyncIterable<ImportTuplesRequest>, call: Call): Promise<ImportTuplesResponse> {
    const request: ImportTuplesRequest[] = [];
    for await (const message of messages) request.push(message);
    return this.#ask("importTuples", request, call) as ImportTuplesResponse;
  }

  backup(request: Parameters<Service["backup"]>[0], call: Call): ReturnType<Service["backup"]> {
    return this.#ask("backup", request, call) as ReturnType<Service["backup"]>;
  }

  listHolds(request: Parameters<Service["listHolds"]>[0], call: Call): ReturnType<Service["listHolds"]> {
    return this.#ask("listHolds", request, call) as ReturnType<Service["listHolds"]>;
  }

  exportTuples(request: Parameters<Service["exportTuples"]>[0], call: Call): ReturnType<Service["exportTuples"]> {
    return this.#ask("exportTuples", request, call) as ReturnType<Service["exportTuples"]>;
  }

  async close(): Promise<void> {
    this.asked.push({ method: "close", request: undefined, call: {} });
  }

  answer<Name extends keyof Service>(method: Name, answer: Service[Name]): void {
    this.#answers.set(method, answer);
  }

  #method<Name extends Unary>(method: Name): Service[Name] {
    return (async (request: unknown, call: Call) => this.#ask(method, request, call)) as unknown as Service[Name];
  }

  #ask(method: string, request: unknown, call: Call): unknown {
    this.asked.push({ method, request, call });
    const answer = this.#answers.get(method);
    if (answer === undefined) throw new Error(`secret: no answer was set for ${method}`);
    return answer(request as never, call);
  }
}
