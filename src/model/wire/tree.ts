import { UsherError } from "../../base/errors.js";

/**
 * Trees travel as a list, parents before their children, each entry naming its children by position:
 * `a(b, c(d))` is `[a → 1 2, b, c → 3, d]`. A tree of messages could be deeper than protobuf
 * libraries read (100 levels).
 */
export function flatten<Node, Message>(root: Node, write: (node: Node, add: (child: Node) => number) => Message): Message[] {
  const nodes: Node[] = [root];
  const messages: Message[] = [];
  for (let next = 0; next < nodes.length; next++) {
    messages.push(write(nodes[next] as Node, (child) => nodes.push(child) - 1));
  }
  return messages;
}

/**
 * The tree again, built from its end, so that a node's children exist before it does. Each entry but
 * the root must be the child of exactly one entry before it: then it is a tree, and nothing is left over.
 * @throws `invalid_request`
 */
export function unflatten<Message, Node>(messages: readonly Message[], field: string, read: (message: Message, take: (position: number) => Node) => Node): Node {
  const nodes: (Node | undefined)[] = [];
  let taken = 0;
  for (let position = messages.length - 1; position >= 0; position--) {
    const take = (child: number): Node => {
      const node = child > position ? nodes[child] : undefined;
      if (node === undefined) throw notATree(field);
      nodes[child] = undefined;
      taken++;
      return node;
    };
    nodes[position] = read(messages[position] as Message, take);
  }
  const root = nodes[0];
  if (root === undefined || taken !== messages.length - 1) throw notATree(field);
  return root;
}

function notATree(field: string): UsherError {
  return new UsherError("invalid_request", `field \`${field}\` is no tree`, { details: { field } });
}
