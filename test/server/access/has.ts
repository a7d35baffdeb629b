import assert from "node:assert/strict";

import { UsherError, type ErrorCode } from "../../../src/base/errors.js";

/** For `assert.rejects` and `assert.throws`: an error with this code, whose message has these words. */
export const has = (code: ErrorCode, words = /./) => (error: unknown): true => {
  assert.ok(error instanceof UsherError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  return true;
};
