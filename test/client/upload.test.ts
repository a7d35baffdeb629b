import assert from "node:assert/strict";

import { untilOver } from "../../src/client/upload.js";

describe("messages until their call is over", () => {
  it("are those that come, and then their end or error", async () => {
    async function* two(): AsyncGenerator<number, void> {
      yield 1;
      yield 2;
    }
    const got: number[] = [];
    for await (const each of untilOver(two(), new AbortController().signal)) got.push(each);
    assert.deepEqual(got, [1, 2]);
    const broken = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new RangeError("mine")) }) };
    await assert.rejects(untilOver(broken, new AbortController().signal).next(), /mine/);
  });

  it("end though the next does not come, and are returned without being waited for", async () => {
    const over = new AbortController();
    let returned = 0;
    const silent = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined), return: () => (returned++, new Promise<never>(() => undefined)) }) };
    const next = untilOver(silent, over.signal).next();
    over.abort();
    assert.deepEqual(await next, { done: true, value: undefined });
    assert.equal(returned, 1);
  });

  it("are not asked for where the call is over already", async () => {
    const over = AbortSignal.abort();
    const unasked = { [Symbol.asyncIterator]: () => ({ next: () => assert.fail("it is asked") }) };
    assert.deepEqual(await untilOver(unasked, over).next(), { done: true, value: undefined });
  });
});
