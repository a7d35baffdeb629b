import { UsherError } from "../../base/errors.js";
import { limits } from "../../base/limits.js";
import type { Metadata } from "../../model/service.js";
import type { StructMessage } from "../../model/wire/struct.js";
import { readMetadata } from "../../server/adapters/authzed/metadata.js";

const sourceKey = "spicedb.source";

/** The ZedToken through which a mirror holds everything once the commit is made. */
export const tokenKey = "spicedb.zedtoken";

/** What the commits of a mirror carry: the metadata of the source's transaction, and where it stands in the source. */
export class SourceMetadata {
  readonly #source: string;
  readonly #events: { note(text: string): void };

  constructor(source: string, events: { note(text: string): void }) {
    this.#source = source;
    this.#events = events;
  }

  /** Of what the follower does of itself. */
  own(): Metadata {
    return { [sourceKey]: this.#source };
  }

  /** Those of the transaction stay as they are, unless they are too large, which is told; ours cannot be replaced by theirs. */
  of(struct: StructMessage | null | undefined, token: string): Metadata {
    const own = { [sourceKey]: this.#source, [tokenKey]: token };
    try {
      const metadata = { ...readMetadata(struct), ...own };
      const bytes = Object.entries(metadata).reduce((sum, [key, text]) => sum + Buffer.byteLength(key) + Buffer.byteLength(text), 0);
      if (bytes > limits.metadataBytesMax) throw new UsherError("request_too_large", `they have ${bytes} bytes: at most ${limits.metadataBytesMax} are kept`);
      return metadata;
    } catch (error) {
      if (!(error instanceof UsherError)) throw error;
      this.#events.note(`the metadata of a transaction are left out: ${error.message}`);
      return own;
    }
  }

  /** Undefined: the commit is not of this source, or not the last part of what it was made of. */
  tokenOf({ [sourceKey]: source, [tokenKey]: token }: Metadata): string | undefined {
    return source === this.#source ? token : undefined;
  }
}
