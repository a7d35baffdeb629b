import assert from "node:assert/strict";

import fc from "fast-check";
import { unpack } from "msgpackr";

import { MessagePackWriter } from "../../../src/storage/level/message-pack.js";

type Value = Uint8Array | string | number | null;

function write(writer: MessagePackWriter, value: Value): void {
  if (value === null) writer.null();
  else if (typeof value === "number") writer.number(value);
  else if (typeof value === "string") writer.text(value);
  else writer.binary(value);
}

describe("the writer of MessagePack", () => {
  it("writes as its example says", () => {
    const writer = new MessagePackWriter(1);
    const list = writer.list(0);
    writer.text("ana");
    writer.number(7);
    writer.null();
    writer.setLength(list, 3);
    assert.equal(writer.finish().toString("hex"), "dd00000003a3616e6107c0");
  });

  it("is read as what was written, whatever room it began with", () => {
    const text = fc.string({ unit: "binary", maxLength: 200 });
    const values = fc.array(fc.oneof(text, fc.integer(), fc.double({ noNaN: true }), fc.maxSafeNat(), fc.constant(null), fc.uint8Array()));
    fc.assert(
      fc.property(values, fc.nat(300), (list: Value[], room) => {
        const writer = new MessagePackWriter(room);
        writer.list(list.length);
        for (const value of list) write(writer, value);
        assert.deepEqual(
          unpack(writer.finish()),
          list.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value)),
        );
      }),
    );
  });

  it("keeps numbers and texts of every width", () => {
    const numbers = [0, -0, 0x7f, 0x80, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER, -1, 0.5, Number.POSITIVE_INFINITY];
    const texts = [0, 31, 32, 63, 64, 255, 256, 0xffff, 0x1_0000].flatMap((length) => ["a".repeat(length), "é".repeat(length)]);
    const writer = new MessagePackWriter(0);
    writer.list(numbers.length + texts.length);
    for (const value of [...numbers, ...texts]) write(writer, value);
    assert.deepEqual(unpack(writer.finish()), [...numbers, ...texts]);
  });

  it("takes a text as one character a byte of its UTF-8, and makes the same of it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        const [plain, ofBytes] = [new MessagePackWriter(0), new MessagePackWriter(0)];
        plain.text(text);
        ofBytes.textOfBytes(Buffer.from(text).toString("latin1"));
        assert.deepEqual(ofBytes.finish(), plain.finish());
      }),
    );
  });
});
