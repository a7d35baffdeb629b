import assert from "node:assert/strict";

import { limits } from "../../src/base/limits.js";

describe("limits", () => {
  it("are positive integers", () => {
    for (const [name, value] of Object.entries(limits)) assert.ok(Number.isSafeInteger(value) && value > 0, name);
  });

  it("say what is bounded and how in their names", () => {
    for (const name of Object.keys(limits)) assert.match(name, /^[a-z][A-Za-z]*(Max|Min|Default|Ms)$/, name);
  });
});
