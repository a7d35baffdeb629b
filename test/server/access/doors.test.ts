import assert from "node:assert/strict";

import { UsherError } from "../../../src/base/errors.js";
import { limits } from "../../../src/base/limits.js";
import { Rates } from "../../../src/server/access/rates.js";
import { Slowdown } from "../../../src/server/access/slowdown.js";

describe("the slowdown of failures", () => {
  it("lets a few pass, then doubles the wait to its bound, and forgives with time", () => {
    let ms = 0;
    const slowdown = new Slowdown(() => ms);
    for (let i = 0; i < limits.failuresFreeMax; i++) assert.equal(slowdown.fail("10.0.0.1"), 0);
    const waits = Array.from({ length: 9 }, () => slowdown.fail("10.0.0.1"));
    assert.deepEqual(waits.slice(0, 4), [100, 200, 400, 800]);
    assert.equal(waits.at(-1), limits.failureDelayMsMax);
    assert.equal(slowdown.fail("10.0.0.2"), 0, "another peer is not slowed");
    ms += 60_000;
    for (let i = 0; i < Math.min(limits.failuresFreeMax, limits.failuresPerMinuteMax); i++) assert.equal(slowdown.fail("10.0.0.1"), 0);
    assert.equal(slowdown.fail("10.0.0.1"), limits.failureDelayMsMin);
  });

  it("counts an IPv6 network as one, and a mapped address as the IPv4 one", () => {
    const slowdown = new Slowdown(() => 0);
    for (let i = 0; i < limits.failuresFreeMax; i++) assert.equal(slowdown.fail(`2001:db8:0:1::${i + 1}`), 0);
    assert.ok(slowdown.fail("2001:db8:0:1:ffff:1:2:3") > 0);
    assert.equal(slowdown.fail("2001:db8:0:2::1"), 0);
    for (let i = 0; i < limits.failuresFreeMax; i++) assert.equal(slowdown.fail("::ffff:10.0.0.9"), 0);
    assert.ok(slowdown.fail("10.0.0.9") > 0);
  });

  it("remembers no more peers than its bound", () => {
    const slowdown = new Slowdown(() => 0);
    for (let i = 0; i <= limits.failurePeersMax; i++) slowdown.fail(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
    assert.equal(slowdown.size, limits.failurePeersMax);
  });
});

describe("the rate of a tenant", () => {
  it("is held to a second's worth, each tenant by itself, and a new quota holds at once", () => {
    let ms = 0;
    const quotas: Record<string, number> = { a: 2, b: 1 };
    const rates = new Rates({ requestsPerSecond: (tenant) => quotas[tenant] }, () => ms);
    const refused = (tenant: string) => {
      try {
        rates.take(tenant, false);
        return undefined;
      } catch (error) {
        assert.ok(error instanceof UsherError && error.code === "quota_exceeded");
        return error.details["retryAfterMs"];
      }
    };
    assert.deepEqual([refused("a"), refused("a"), refused("a"), refused("b"), refused("b")], [undefined, undefined, "500", undefined, "1000"]);
    for (let i = 0; i < 100; i++) assert.equal(refused("free"), undefined);
    ms += 500;
    assert.deepEqual([refused("a"), refused("a")], [undefined, "500"]);
    ms += 3_600_000;
    assert.deepEqual([refused("a"), refused("a"), refused("a")], [undefined, undefined, "500"]);
    quotas["a"] = 1_000;
    ms += 10;
    for (let i = 0; i < 10; i++) assert.equal(refused("a"), undefined);
    assert.equal(refused("a"), "1");
    assert.doesNotThrow(() => rates.take("a", true), "a revocation is never refused");
    for (let i = 0; i < 5; i++) rates.take("a", true);
    ms += 1;
    assert.equal(refused("a"), undefined, "and leaves no debt");
    delete quotas["a"];
    for (let i = 0; i < 100; i++) assert.equal(refused("a"), undefined);
  });
});
