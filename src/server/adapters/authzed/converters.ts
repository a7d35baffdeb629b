import { asError, UsherError } from "../../../base/errors.js";
import { limits } from "../../../base/limits.js";
import { ProtoCodec } from "../../../base/proto.js";

const packageName = "authzed.api.v1";

/** Reads what a client asks. Nothing here ever writes a request. */
export class RequestReader<Model, Message extends object> {
  readonly #name: string;
  readonly #codec: ProtoCodec<Message>;
  readonly #read: (message: Message) => Model;

  constructor(name: string, read: (message: Message) => Model) {
    this.#name = `${packageName}.${name}`;
    this.#codec = new ProtoCodec(this.#name);
    this.#read = read;
  }

  /** @throws `invalid_request` and what the model's checkers throw */
  decode(bytes: Buffer): Model {
    try {
      return this.#read(this.#codec.decode(bytes));
    } catch (thrown) {
      if (thrown instanceof UsherError) throw thrown;
      throw new UsherError("invalid_request", `message \`${this.#name}\` cannot be read: ${asError(thrown).message}`, { cause: thrown });
    }
  }
}

/** Writes what a client is answered. */
export class ResponseWriter<Model, Message extends object> {
  readonly #name: string;
  readonly #codec: ProtoCodec<Message>;
  readonly #write: (model: Model) => Message;

  constructor(name: string, write: (model: Model) => Message) {
    this.#name = `${packageName}.${name}`;
    this.#codec = new ProtoCodec(this.#name);
    this.#write = write;
  }

  /** @throws `response_too_large`, `internal` */
  encode(model: Model): Buffer {
    const bytes = this.#bytesOf(model);
    if (bytes.length <= limits.messageBytesMax) return bytes;
    throw new UsherError("response_too_large", `\`${this.#name}\` has ${bytes.length} bytes, more than ${limits.messageBytesMax}: ask for less at once`);
  }

  #bytesOf(model: Model): Buffer {
    try {
      return this.#codec.encode(this.#write(model));
    } catch (thrown) {
      throw new UsherError("internal", `message \`${this.#name}\` cannot be written: ${asError(thrown).message}`, { cause: thrown });
    }
  }
}
