import assert from "node:assert/strict";

import fc from "fast-check";

import { isName } from "../../../../src/model/object.js";
import { nativeName, openfgaName, relationOf, tupleRelation } from "../../../../src/server/adapters/openfga/names.js";

const names = fc.oneof(fc.string({ unit: fc.constantFrom("_", "a", "5", "f", "-", "é"), minLength: 1, maxLength: 12 }), fc.constantFrom("relation", "definition", "with", "now", "viewer", "a__is__b", "x__5f__is__y"));

describe("the names of an OpenFGA model", () => {
  it("come back from their native form, which is always a name", () => {
    fc.assert(
      fc.property(names, (name) => {
        assert.equal(openfgaName(nativeName(name)), name);
        assert.ok(isName(nativeName(name)), nativeName(name));
      }),
    );
  });

  it("stay as they are where the schema language takes them", () => {
    for (const name of ["viewer", "can_view", "_x", "x_", "Document2"]) assert.equal(nativeName(name), name);
    assert.equal(nativeName("can-view"), "can__2d_view");
    assert.equal(nativeName("relation"), "__72_elation");
  });

  it("are told from the relation of their tuples, whatever they are", () => {
    fc.assert(
      fc.property(names, names, names, fc.boolean(), (relation, type, userset, wildcard) => {
        const native = tupleRelation(relation, { type, relation: wildcard ? "" : userset, wildcard });
        assert.equal(relationOf(native), relation);
        assert.equal(relationOf(nativeName(relation)), undefined);
      }),
    );
  });
});
