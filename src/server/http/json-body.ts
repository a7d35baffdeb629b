import { isUtf8 } from "node:buffer";

import { asError, UsherError } from "../../base/errors.js";

/** A body as JSON. Bytes that are no UTF-8 are refused: a lenient decoder would make two ids one. @throws `invalid_request` */
export function readJson(bytes: Buffer): unknown {
  if (bytes.length === 0) throw new UsherError("invalid_request", "the body is empty: send JSON");
  if (!isUtf8(bytes)) throw new UsherError("invalid_request", "the body is not UTF-8");
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (thrown) {
    // The parser quotes what it read, which is nobody's but the caller's.
    throw new UsherError("invalid_request", `the body is no JSON: ${asError(thrown).message}`, { cause: thrown });
  }
}
