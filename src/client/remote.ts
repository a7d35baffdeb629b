import { Client, Metadata, type ClientWritableStream, type CallOptions, type ServiceError } from "@grpc/grpc-js";

import { abortError, onAbort, throwIfAborted } from "../base/abort.js";
import { UsherError } from "../base/errors.js";
import { limits } from "../base/limits.js";
import type {
  FindLossRequest, FindLossResponse, GetCheckpointRequest, GetCheckpointResponse, ProveDecisionRequest, ProveDecisionResponse, QueryDecisionsRequest, QueryDecisionsResponse,
  RedactDecisionsRequest, RedactDecisionsResponse, ReplayDecisionsRequest, ReplayDecisionsResponse, TailDecisionsRequest, TailEvent,
} from "../model/audit.js";
import { quote } from "../model/object.js";
import type {
  BackupRequest, BackupResponse, BatchCheckRequest, BatchCheckResponse, Call, CheckRequest, Decision, DeleteTuplesRequest, DeleteTuplesResponse, DiffSchemaRequest, DiffSchemaResponse, ExpandRequest,
  CreateTenantRequest, DeleteTenantRequest, ExpandResponse, ExportTuplesRequest, ExportTuplesResponse, ImportTuplesRequest, ImportTuplesResponse, ListTenantsRequest, ListTenantsResponse, LookupObjectsRequest, LookupObjectsResponse, LookupPermissionsRequest, LookupPermissionsResponse, LookupSubjectsRequest, LookupSubjectsResponse, ReadSchemaRequest, SetTenantQuotasRequest, ReadSchemaResponse, ReadTuplesRequest, ReadTuplesResponse, Service, WatchEvent, WatchTuplesRequest,
  WriteSchemaRequest, WriteSchemaResponse, WriteTuplesRequest, WriteTuplesResponse,
} from "../model/service.js";
import type { ListHoldsRequest, ListHoldsResponse } from "../model/holds.js";
import type { LiveRequest, LiveResponse } from "../model/live.js";
import type { PreviewChangeRequest, PreviewChangeResponse } from "../model/preview.js";
import type { Tenant } from "../model/tenant.js";
import { parseAddress } from "../model/wire/address.js";
import { attributionKeys, writeAttribution } from "../model/wire/attribution.js";
import { methods, type Converter, type Method } from "../model/wire/methods.js";
import { checkTenantHeader, tenantKey } from "../model/wire/tenant.js";
import { fromGrpc } from "./failures.js";
import { untilOver, upload } from "./upload.js";
import { securityOf, type SecurityOptions } from "./security.js";

export interface RemoteOptions extends SecurityOptions {
  /** How long a call may take, but for watches, which have no end; default `limits.callMsDefault`. */
  readonly deadlineMs?: number;
}

/** A server's database, over gRPC. It connects with the first call, and again after a connection is lost. */
export class Remote implements Service {
  readonly #address: string;
  readonly #deadlineMs: number;
  readonly #client: Client;
  readonly #authorization: string | undefined;
  /** What is under way; closing cancels it. */
  readonly #open = new Set<{ cancel(): void }>();
  #isClosed = false;

  /** @param address `host:port` @throws `invalid_configuration` */
  constructor(address: string, options: RemoteOptions = {}) {
    parseAddress(address);
    this.#address = address;
    this.#deadlineMs = options.deadlineMs ?? limits.callMsDefault;
    const { credentials, channelOptions, authorization } = securityOf(address, options);
    this.#authorization = authorization;
    this.#client = new Client(address, credentials, {
      ...channelOptions,
      "grpc.max_receive_message_length": limits.messageBytesMax,
      "grpc.max_send_message_length": limits.messageBytesMax,
      "grpc.keepalive_time_ms": limits.keepaliveMs,
      "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
      "grpc.initial_reconnect_backoff_ms": limits.reconnectMsMin,
      "grpc.max_reconnect_backoff_ms": limits.reconnectMsMax,
      // Neither the environment's proxy nor a DNS record shall decide where questions of authorization go.
      "grpc.enable_http_proxy": 0,
      "grpc.service_config_disable_resolution": 1,
    });
  }

  writeTuples(request: WriteTuplesRequest, call: Call): Promise<WriteTuplesResponse> {
    return this.#unary(methods.writeTuples, request, call, request.awaitEnforcementMs);
  }

  deleteTuples(request: DeleteTuplesRequest, call: Call): Promise<DeleteTuplesResponse> {
    return this.#unary(methods.deleteTuples, request, call, request.awaitEnforcementMs);
  }

  readTuples(request: ReadTuplesRequest, call: Call): Promise<ReadTuplesResponse> {
    return this.#unary(methods.readTuples, request, call);
  }

  previewChange(request: PreviewChangeRequest, call: Call): Promise<PreviewChangeResponse> {
    return this.#unary(methods.previewChange, request, call);
  }

  check(request: CheckRequest, call: Call): Promise<Decision> {
    return this.#unary(methods.check, request, call);
  }

  batchCheck(request: BatchCheckRequest, call: Call): Promise<BatchCheckResponse> {
    return this.#unary(methods.batchCheck, request, call);
  }

  expand(request: ExpandRequest, call: Call): Promise<ExpandResponse> {
    return this.#unary(methods.expand, request, call);
  }

  lookupObjects(request: LookupObjectsRequest, call: Call): Promise<LookupObjectsResponse> {
    return this.#unary(methods.lookupObjects, request, call);
  }

  lookupSubjects(request: LookupSubjectsRequest, call: Call): Promise<LookupSubjectsResponse> {
    return this.#unary(methods.lookupSubjects, request, call);
  }

  lookupPermissions(request: LookupPermissionsRequest, call: Call): Promise<LookupPermissionsResponse> {
    return this.#unary(methods.lookupPermissions, request, call);
  }

  readSchema(request: ReadSchemaRequest, call: Call): Promise<ReadSchemaResponse> {
    return this.#unary(methods.readSchema, request, call);
  }

  writeSchema(request: WriteSchemaRequest, call: Call): Promise<WriteSchemaResponse> {
    return this.#unary(methods.writeSchema, request, call, request.awaitEnforcementMs);
  }

  diffSchema(request: DiffSchemaRequest, call: Call): Promise<DiffSchemaResponse> {
    return this.#unary(methods.diffSchema, request, call);
  }

  queryDecisions(request: QueryDecisionsRequest, call: Call): Promise<QueryDecisionsResponse> {
    return this.#unary(methods.queryDecisions, request, call);
  }

  tailDecisions(request: TailDecisionsRequest, call: Call): AsyncGenerator<TailEvent, void> {
    return this.#stream(methods.tailDecisions, request, call);
  }

  getCheckpoint(request: GetCheckpointRequest, call: Call): Promise<GetCheckpointResponse> {
    return this.#unary(methods.getCheckpoint, request, call);
  }

  proveDecision(request: ProveDecisionRequest, call: Call): Promise<ProveDecisionResponse> {
    return this.#unary(methods.proveDecision, request, call);
  }

  replayDecisions(request: ReplayDecisionsRequest, call: Call): Promise<ReplayDecisionsResponse> {
    return this.#unary(methods.replayDecisions, request, call);
  }

  redactDecisions(request: RedactDecisionsRequest, call: Call): Promise<RedactDecisionsResponse> {
    return this.#unary(methods.redactDecisions, request, call);
  }

  findLoss(request: FindLossRequest, call: Call): Promise<FindLossResponse> {
    return this.#unary(methods.findLoss, request, call);
  }

  createTenant(request: CreateTenantRequest, call: Call): Promise<Tenant> {
    return this.#unary(methods.createTenant, request, call);
  }

  listTenants(request: ListTenantsRequest, call: Call): Promise<ListTenantsResponse> {
    return this.#unary(methods.listTenants, request, call);
  }

  deleteTenant(request: DeleteTenantRequest, call: Call): Promise<object> {
    return this.#unary(methods.deleteTenant, request, call);
  }

  setTenantQuotas(request: SetTenantQuotasRequest, call: Call): Promise<Tenant> {
    return this.#unary(methods.setTenantQuotas, request, call);
  }

  /** Has no deadline but its signal: an import takes as long as it takes. */
  async importTuples(messages: AsyncIterable<ImportTuplesRequest>, call: Call): Promise<ImportTuplesResponse> {
    this.#requireUsable(call.signal);
    const { path, request, response } = methods.importTuples;
    const answered = new AbortController();
    let sent = false;
    let stream: ClientWritableStream<Buffer> | undefined;
    const answer = new Promise<Buffer>((resolve, reject) => {
      stream = this.#client.makeClientStreamRequest(path, asIs, asIs, this.#metadata(call), {}, (error: ServiceError | null, bytes?: Buffer) => {
        answered.abort();
        // What had not been sent to its end was not committed.
        if (error !== null) reject(this.#failure(error, call.signal, sent));
        else resolve(bytes ?? Buffer.alloc(0));
      });
    });
    // It is awaited below, unless the messages fail first.
    answer.catch(ignore);
    const writable = stream as unknown as ClientWritableStream<Buffer>;
    const release = this.#cancelWith(writable, call.signal);
    try {
      await upload(writable, encodeEach(messages, request, () => (sent = true)), answered.signal);
      return response.decode(await answer);
    } finally {
      release();
    }
  }

  exportTuples(request: ExportTuplesRequest, call: Call): AsyncGenerator<ExportTuplesResponse, void> {
    return this.#stream(methods.exportTuples, request, call);
  }

  backup(request: BackupRequest, call: Call): AsyncGenerator<BackupResponse, void> {
    return this.#stream(methods.backup, request, call);
  }

  listHolds(request: ListHoldsRequest, call: Call): AsyncGenerator<ListHoldsResponse, void> {
    return this.#stream(methods.listHolds, request, call);
  }

  watchTuples(request: WatchTuplesRequest, call: Call): AsyncGenerator<WatchEvent, void> {
    return this.#stream(methods.watchTuples, request, call);
  }

  /** The call begins when the first event is asked for, and ends when the consumer returns. */
  async *#stream<Request, Event>(method: Method<Request, Event>, request: Request, call: Call): AsyncGenerator<Event, void> {
    this.#requireUsable(call.signal);
    const bytes = method.request.encode(request);
    const stream = this.#client.makeServerStreamRequest(method.path, asIs, asIs, bytes, this.#metadata(call), {});
    const release = this.#cancelWith(stream, call.signal);
    // Cancelling makes the stream emit an error after its reader is gone.
    stream.on("error", ignore);
    try {
      for await (const event of stream) yield method.response.decode(event as Buffer);
    } catch (thrown) {
      throw this.#failure(thrown, call.signal, false);
    } finally {
      release();
      stream.cancel();
    }
  }

  /**
   * The call begins when the first response is asked for. Requests are sent as they come, whether or not responses are read; where they
   * fail the call is cancelled, and their error thrown. It has no deadline: what waits for a response is ended by the signal.
   */
  async *live(requests: AsyncIterable<LiveRequest>, call: Call): AsyncGenerator<LiveResponse, void> {
    this.#requireUsable(call.signal);
    const { path, request, response } = methods.live;
    const stream = this.#client.makeBidiStreamRequest(path, asIs, asIs, this.#metadata(call), {});
    const release = this.#cancelWith(stream, call.signal);
    stream.on("error", ignore);
    const over = new AbortController();
    let fault: { readonly thrown: unknown } | undefined;
    const sent = upload(stream, encodeEach(untilOver(requests, over.signal), request, ignore), over.signal).catch((thrown: unknown) => (fault = { thrown }));
    try {
      for await (const bytes of stream) yield response.decode(bytes as Buffer);
    } catch (thrown) {
      over.abort();
      await sent;
      throw fault === undefined ? this.#failure(thrown, call.signal, false) : fault.thrown;
    } finally {
      release();
      over.abort();
      stream.cancel();
    }
  }

  /** Ends what is under way with `closed`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const call of this.#open) call.cancel();
    this.#client.close();
  }

  /** @param extraMs what the server is asked to wait for, beside the call's own time */
  async #unary<Request, Response>(method: Method<Request, Response>, request: Request, call: Call, extraMs = 0): Promise<Response> {
    this.#requireUsable(call.signal);
    const bytes = method.request.encode(request);
    const options: CallOptions = { deadline: Date.now() + this.#deadlineMs + Math.min(extraMs, limits.awaitEnforcementMsMax) };
    return method.response.decode(await this.#send(method, bytes, this.#metadata(call), options, call.signal));
  }

  #send(method: { readonly path: string; readonly writes: boolean }, bytes: Buffer, metadata: Metadata, options: CallOptions, signal: AbortSignal | undefined): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let release = ignore;
      const sent = this.#client.makeUnaryRequest(method.path, asIs, asIs, bytes, metadata, options, (error: ServiceError | null, answer?: Buffer) => {
        release();
        if (error !== null) reject(this.#failure(error, signal, method.writes));
        else resolve(answer ?? Buffer.alloc(0));
      });
      release = this.#cancelWith(sent, signal);
    });
  }

  /** Cancels the call when its signal aborts or the client closes, until released. */
  #cancelWith(sent: { cancel(): void }, signal: AbortSignal | undefined): () => void {
    this.#open.add(sent);
    const forget = onAbort(signal, () => sent.cancel());
    return () => {
      this.#open.delete(sent);
      forget();
    };
  }

  #requireUsable(signal: AbortSignal | undefined): void {
    if (this.#isClosed) throw this.#closed();
    throwIfAborted(signal);
  }

  #failure(thrown: unknown, signal: AbortSignal | undefined, writes: boolean): UsherError {
    if (thrown instanceof UsherError) return thrown;
    const cancelled = this.#isClosed || signal?.aborted === true;
    const error = fromGrpc(thrown as ServiceError, { address: this.#address, writes, cancelled });
    if (error.code !== "cancelled" || !cancelled || writes) return error;
    return signal?.aborted ? abortError(signal) : this.#closed();
  }

  #closed(): UsherError {
    return new UsherError("closed", `the client of ${quote(this.#address)} is closed: make a new one with \`connect\``);
  }

  #metadata(call: Call): Metadata {
    const metadata = new Metadata();
    if (call.tenant !== undefined) metadata.set(tenantKey, checkTenantHeader(call.tenant));
    if (call.actor !== undefined) metadata.set(attributionKeys.actor, writeAttribution(call.actor, "actor"));
    if (call.session !== undefined) metadata.set(attributionKeys.session, writeAttribution(call.session, "session"));
    if (this.#authorization !== undefined) metadata.set("authorization", this.#authorization);
    return metadata;
  }
}

/** @param onEnd told when the last has been asked for what follows */
async function* encodeEach<Message>(messages: AsyncIterable<Message>, converter: Converter<Message>, onEnd: () => void): AsyncGenerator<Buffer, void> {
  for await (const message of messages) yield converter.encode(message);
  onEnd();
}

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function ignore(): void {
  // Nothing is to be done.
}
