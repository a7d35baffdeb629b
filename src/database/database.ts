import type {
  BatchCheckRequest,
  BatchCheckResponse,
  Call,
  CheckRequest,
  Decision,
  DeleteTuplesRequest,
  DeleteTuplesResponse,
  ExpandRequest,
  ExpandResponse,
  ReadSchemaRequest,
  ReadSchemaResponse,
  ReadTuplesRequest,
  ReadTuplesResponse,
  Service,
  WatchEvent,
  WatchTuplesRequest,
  WriteSchemaRequest,
  WriteSchemaResponse,
  WriteTuplesRequest,
  WriteTuplesResponse,
} from "../model/service.js";
import { openLevelStore, type LevelStoreOptions } from "../storage/level/store.js";
import type { Store } from "../storage/store.js";
import { Watches } from "../watch/watches.js";
import { batchCheck, check, expandTree } from "./checks.js";
import { Core } from "./core.js";
import { readSchema, readTuples } from "./reads.js";
import { deleteTuples, writeSchema, writeTuples } from "./writes.js";

/**
 * The database in this process: a store, the schemas, the evaluation and the streams, behind the service's contract.
 * The server's handlers and an embedding program call the same methods.
 */
export class Database implements Service {
  readonly #core: Core;
  readonly #watches: Watches;

  constructor(store: Store) {
    this.#core = new Core(store);
    this.#watches = new Watches(store);
  }

  /**
   * Opens the folder as a LevelDB store; an absent or empty one becomes a new store.
   * @throws `store_in_use`, `store_corrupt`, `store_format_newer`, `not_a_store`, `clock_behind`, `store_unavailable`
   */
  static async open(folder: string, options: LevelStoreOptions = {}): Promise<Database> {
    return new Database(await openLevelStore(folder, options));
  }

  writeTuples(request: WriteTuplesRequest, call: Call): Promise<WriteTuplesResponse> {
    return writeTuples(this.#core, request, call);
  }

  deleteTuples(request: DeleteTuplesRequest, call: Call): Promise<DeleteTuplesResponse> {
    return deleteTuples(this.#core, request, call);
  }

  readTuples(request: ReadTuplesRequest, call: Call): Promise<ReadTuplesResponse> {
    return readTuples(this.#core, request, call);
  }

  watchTuples(request: WatchTuplesRequest, call: Call): AsyncIterable<WatchEvent> {
    return this.#watches.watch(this.#core.tenant(call), request, call.signal);
  }

  check(request: CheckRequest, call: Call): Promise<Decision> {
    return check(this.#core, request, call);
  }

  batchCheck(request: BatchCheckRequest, call: Call): Promise<BatchCheckResponse> {
    return batchCheck(this.#core, request, call);
  }

  expand(request: ExpandRequest, call: Call): Promise<ExpandResponse> {
    return expandTree(this.#core, request, call);
  }

  readSchema(request: ReadSchemaRequest, call: Call): Promise<ReadSchemaResponse> {
    return readSchema(this.#core, request, call);
  }

  writeSchema(request: WriteSchemaRequest, call: Call): Promise<WriteSchemaResponse> {
    return writeSchema(this.#core, request, call);
  }

  async close(): Promise<void> {
    this.#watches.close();
    this.#core.schemas.stop();
    await this.#core.store.close();
  }
}
