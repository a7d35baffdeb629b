import assert from "node:assert/strict";

import { UsherError } from "../../../src/base/errors.js";
import { flatten, unflatten } from "../../../src/model/wire/tree.js";

interface Node {
  readonly name: string;
  readonly children: readonly Node[];
}

interface Message {
  readonly name: string;
  readonly children: readonly number[];
}

const write = (node: Node, add: (child: Node) => number): Message => ({ name: node.name, children: node.children.map(add) });
const read = (message: Message, take: (position: number) => Node): Node => ({ name: message.name, children: message.children.map(take) });
const leaf = (name: string): Node => ({ name, children: [] });

describe("trees on the wire", () => {
  it("are lists, parents before their children", () => {
    const tree: Node = { name: "a", children: [leaf("b"), { name: "c", children: [leaf("d")] }] };
    const messages = flatten(tree, write);
    assert.deepEqual(messages.map(({ name, children }) => `${name}${children.join()}`), ["a1,2", "b", "c3", "d"]);
    assert.deepEqual(unflatten(messages, "nodes", read), tree);
  });

  it("are refused where they are none", () => {
    const message = (...children: number[]): Message => ({ name: "x", children });
    const refused: Message[][] = [
      [],
      [message(0)],
      [message(1)],
      [message(-1)],
      [message(0.5)],
      [message(1), message(0)],
      [message(1), message(1)],
      [message(1, 1), message()],
      [message(1, 2), message(2), message()],
      [message(1), message(), message()],
      [message(), message(2), message()],
    ];
    for (const messages of refused) {
      assert.throws(() => unflatten(messages, "nodes", read), (error) => error instanceof UsherError && error.code === "invalid_request");
    }
  });

  it("may be as deep as they are long", () => {
    let tree = leaf("end");
    for (let level = 0; level < 100_000; level++) tree = { name: "x", children: [tree] };
    let depth = 0;
    for (let node: Node | undefined = unflatten(flatten(tree, write), "nodes", read); node !== undefined; node = node.children[0]) depth++;
    assert.equal(depth, 100_001);
  });
});
