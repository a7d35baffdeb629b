import assert from "node:assert/strict";

import { verifyConsistency, verifyInclusion } from "../../src/audit/tree/merkle.js";
import { sharedFile, sharedFolder } from "../support/shared.js";

interface InclusionCase {
  readonly leafIdx: number;
  readonly treeSize: number;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: readonly string[] | null;
  readonly desc: string;
  readonly wantErr: boolean;
}

interface ConsistencyCase {
  readonly size1: number;
  readonly size2: number;
  readonly root1: string;
  readonly root2: string;
  readonly proof: readonly string[] | null;
  readonly desc: string;
  readonly wantErr: boolean;
}

function bytes(text: string): Buffer {
  return Buffer.from(text, "base64");
}

function holds(each: InclusionCase | ConsistencyCase): boolean {
  const path = (each.proof ?? []).map(bytes);
  return "leafIdx" in each
    ? verifyInclusion(each.treeSize, each.leafIdx, bytes(each.leafHash), path, bytes(each.root))
    : verifyConsistency(each.size1, each.size2, bytes(each.root1), bytes(each.root2), path);
}

describe("Merkle proofs of others", () => {
  const files = sharedFolder("conformance", "merkle");

  it("are told from the mutated ones", function () {
    if (files === undefined) this.skip();
    const cases = files.flatMap((file) => Object.entries(JSON.parse(sharedFile("conformance", "merkle", file)) as Record<string, InclusionCase | ConsistencyCase>));
    const wrong = cases.filter(([, each]) => holds(each) === each.wantErr).map(([name]) => name);
    assert.deepEqual(wrong, []);
    assert.ok(cases.length > 0);
  });
});
