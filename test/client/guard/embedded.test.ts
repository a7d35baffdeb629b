import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { UsherError } from "../../../src/base/errors.js";
import { remove, touch } from "../../../src/client/references.js";
import { Usher } from "../../../src/client/usher.js";
import { Database } from "../../../src/database/database.js";
import { object } from "../../../src/model/object.js";

const schema = `
definition user {}
definition team { relation member: user }
definition node {
  relation operator: team#member
  permission view_logs = operator
}
`;

describe("a guard of an embedded database", () => {
  it("shows out whoever no longer belongs, and the writer is told of it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "usher-guard-"));
    const usher = new Usher(await Database.open(folder));
    try {
      await usher.writeSchema(schema);
      await usher.write([touch("team:sre#member@user:ana"), touch("node:n1#operator@team:sre#member")]);
      const guard = usher.guard();
      await guard.ready({ timeoutMs: 5_000 });
      const hold = await guard.hold(object("node", "n1"), "view_logs", object("user", "ana"));
      assert.equal(hold.allowed, true);
      assert.equal(await guard.can("node:n1", "view_logs", "user:bob"), false);
      await assert.rejects(guard.hold("node:n1", "view_logs", "user:bob"), (error: UsherError) => error.code === "permission_denied");

      const revoked = once(hold.signal, "abort");
      const receipt = await usher.write([remove("team:sre#member@user:ana")], { metadata: { reason: "offboarded" }, awaitEnforcementMs: 12_000 });
      await revoked;
      assert.deepEqual(receipt.enforcement, { affected: 1, acknowledged: 1, lapsed: 0, pending: 0 });
      const { reason } = hold.signal as { reason: unknown };
      assert.ok(reason instanceof UsherError && reason.code === "permission_denied");
      assert.deepEqual([reason.details["metadata.reason"], hold.allowed], ["offboarded", false]);

      const granted = once(guard, "granted");
      await usher.write([touch("team:sre#member@user:bob")]);
      await granted;
      assert.equal(await guard.can("node:n1", "view_logs", "user:bob"), true);
      hold.release();
    } finally {
      await usher.close();
      await rm(folder, { recursive: true });
    }
  });
});
